"""The teacher's games as conversations: what they say is what was played, and SFT can take them."""

import dataclasses

import pytest
from game_models import TABLE, TAUGHT, build

from pipeline.chat.row_files import RowFile
from pipeline.connect_four import game_conversations, game_table
from pipeline.connect_four.board import START
from pipeline.connect_four.game_settings import GameSettings
from pipeline.connect_four.notation import described
from pipeline.sft.config import ImportedConversationsConfig
from pipeline.sft.conversation_loader import encode
from pipeline.sft.imported_conversations import Importer, Made
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError
from storage.tables import read_table

BOARD = TABLE.board


@pytest.fixture(scope="module")
def rows(game_folders):
    return read_table(game_folders.conversations / "conversations.parquet").to_pylist()


def test_every_move_after_an_opening_is_a_conversation(game_folders, rows):
    games = read_table(game_folders.conversations / "games.parquet").to_pylist()
    assert len(games) == TAUGHT.games
    assert not any(game["illegal"] for game in games)
    expected = []
    for game in games:
        position = START
        for ply, digit in enumerate(game["moves"]):
            if ply >= game["opening"]:
                text = described(BOARD, position, game["moves"][:ply], "columns")
                expected.append((text, digit))
            position = BOARD.play(position, int(digit) - 1)
    said = [[message["content"] for message in row["messages"]] for row in rows]
    assert [tuple(pair) for pair in said] == expected
    assert len({row["id"] for row in rows}) == len(rows)
    assert {game["opening"] for game in games} == {0, 1, 2}


def test_a_position_is_in_one_split(rows):
    by_split = {
        split: {row["messages"][0]["content"] for row in rows if row["split"] == split}
        for split in ("train", "validation")
    }
    assert by_split["validation"]
    assert not by_split["train"] & by_split["validation"]


def test_fine_tuning_reads_them_with_the_vocabulary_beside_them(game_folders, rows):
    tokenizer = Tokenizer.load(game_folders.conversations)
    parts = encode(rows, tokenizer)
    for row, part in list(zip(rows, parts))[:50]:
        learned = [int(t) for t, one in zip(part.tokens, part.learned) if one]
        assert tokenizer.decode(learned) == row["messages"][1]["content"] + "<|im_end|>"


def test_fine_tuning_takes_them_as_any_other_source(tmp_path, game_folders, chat_tokenizer):
    chat_tokenizer.save(tmp_path / "tokenizer")
    few = dataclasses.replace(TAUGHT, games=5)
    made = build(
        game_conversations.STAGE,
        few,
        tmp_path,
        game_table=game_folders.table,
        tokenizer=tmp_path / "tokenizer",
    )
    rows = read_table(made / "conversations.parquet").to_pylist()
    assert len(encode(rows, chat_tokenizer)) == len(rows) > 20
    config = ImportedConversationsConfig(max_tokens=190)
    importer = Importer(chat_tokenizer, config)  # what input.conversations does with the file
    file = made / "conversations.parquet"
    read = importer.read(RowFile(file), file.name, *importer.format_of(RowFile(file), file.name))
    used = [found.row for found in read if isinstance(found, Made)]
    texts = {tuple(m["content"] for m in row["messages"]) for row in rows}
    assert {tuple(m["content"] for m in row["messages"]) for row in used} == texts


def test_the_same_settings_give_the_same_bytes_and_another_seed_others(tmp_path, game_folders):
    again = build(game_conversations.STAGE, TAUGHT, tmp_path / "a", game_table=game_folders.table)
    for name in ("conversations.parquet", "games.parquet", "tokenizer.json", "game.json"):
        theirs = (game_folders.conversations / name).read_bytes()
        assert (again / name).read_bytes() == theirs, name
    config = dataclasses.replace(TAUGHT, seed=1)
    other = build(game_conversations.STAGE, config, tmp_path / "b", game_table=game_folders.table)
    theirs = (game_folders.conversations / "games.parquet").read_bytes()
    assert (other / "games.parquet").read_bytes() != theirs


def test_settings_are_kept_and_what_is_none_is_refused(tmp_path, game_folders):
    settings = GameSettings.load(game_folders.sft)
    assert settings.board == BOARD == game_table.board_of(game_folders.table)
    assert (settings.teacher.depth, settings.teacher.blunder_share) == (2, 0.2)
    with pytest.raises(UserError, match="was taught no game"):
        GameSettings.load(tmp_path)
    for text in ("[]", "{}", "no json", '{"board": {"width": 99}}'):
        (tmp_path / "game.json").write_text(text)
        with pytest.raises(UserError, match=r"game\.json|GameBoard"):
            GameSettings.load(tmp_path)
    settings.save(tmp_path)
    text = (tmp_path / "game.json").read_text().replace("columns", "runes")
    (tmp_path / "game.json").write_text(text)
    with pytest.raises(UserError, match="unknown notation 'runes'"):
        GameSettings.load(tmp_path)
