"""What a model says is what it plays, with nothing masked unless asked for, and as it was drawn."""

import numpy as np
import pytest
import torch
from plain_board import random_lines

from pipeline import model as models
from pipeline.chat.conversation import parse_reply
from pipeline.connect_four.board import GameBoard, Position
from pipeline.connect_four.game_settings import GameSettings
from pipeline.connect_four.model_player import ModelPlayer
from pipeline.connect_four.notation import ILLEGAL, described
from pipeline.connect_four.players import Turn, turn_keys
from pipeline.model import scoring
from pipeline.model.engine import Completion

BOARD = GameBoard(4, 3, 3)


def turn_of(lines: list[str], seed: int = 0) -> Turn:
    many = Position(*(np.array(b, dtype=np.uint64) for b in zip(*map(BOARD.after, lines))))
    return Turn(range(len(lines)), many, lines, turn_keys(seed, range(len(lines)), 0))


@pytest.fixture(scope="module")
def taught(game_folders):
    model, tokenizer = models.load(game_folders.sft, "cpu", torch.float32)
    return model, tokenizer, BOARD, GameSettings.load(game_folders.sft).notation


def test_replies_are_read_as_they_are_said(taught):
    player = ModelPlayer(*taught, name="m")
    turn = turn_of(random_lines(60, BOARD) + [""] * 30)
    replies = player.replies(turn)
    assert player.choose(turn).tolist() == [reply.column for reply in replies]
    for at, reply in enumerate(replies):
        assert reply.text == described(BOARD, turn.one(at), turn.moves[at], "columns")
        tokens = reply.completion.tokens
        said = player.tokenizer.decode(tokens[: -1 if reply.completion.stopped else None])
        if reply.column == ILLEGAL:
            assert not (reply.completion.stopped and said in ("1", "2", "3", "4"))
        else:
            assert parse_reply(tokens, player.tokenizer).content == said == str(reply.column + 1)
    assert len({reply.column for reply in replies[60:]} - {ILLEGAL}) > 1  # equal prompts, own draws


def test_log_probabilities_are_the_model_s(taught):
    player = ModelPlayer(*taught, name="m")
    replies = player.replies(turn_of(random_lines(30, BOARD)))
    scored = scoring.score(
        taught[0], [r.prompt for r in replies], [r.completion.tokens for r in replies]
    )
    for reply, (total, _) in zip(replies, scored):
        assert sum(reply.completion.logprobs) == pytest.approx(total, abs=1e-4)


def test_a_reply_does_not_depend_on_the_games_beside_it(taught):
    player, lines = ModelPlayer(*taught, name="m"), [*random_lines(40, BOARD), "", "", ""]
    turn = turn_of(lines)
    part = Turn(
        turn.numbers[::3],
        Position(turn.position.stones[::3], turn.position.mask[::3]),
        lines[::3],
        turn.keys[::3],
    )
    some, all_of_them = player.replies(part), player.replies(turn)[::3]
    for one, other in zip(some, all_of_them):
        assert one.completion.tokens == other.completion.tokens
        assert one.completion.logprobs == other.completion.logprobs


def test_an_untaught_model_says_no_legal_move_and_a_masked_one_always_does(taught):
    model = models.Transformer(taught[0].config).init_weights(3)
    model.compute_dtype = torch.float32
    turn = turn_of(random_lines(80, BOARD))
    plain = ModelPlayer(model, *taught[1:], name="m").choose(turn)
    assert (plain == ILLEGAL).mean() > 0.8
    legal = BOARD.legal(turn.position.mask)
    for temperature in (0.0, 1.0):
        masked = ModelPlayer(model, *taught[1:], name="m", temperature=temperature, masked=True)
        assert legal[np.arange(80), masked.choose(turn)].all()


def test_masked_draws_have_the_model_s_odds(taught):
    lines = [""] * 3_000
    player = ModelPlayer(*taught, name="m", masked=True)
    turn = turn_of(lines)
    counts = np.bincount(player.choose(turn), minlength=4) / len(lines)
    prompt = player.replies(turn_of([""]))[0].prompt
    columns = [player.tokenizer.encode(str(c + 1)) for c in range(4)]
    odds = np.exp([total for total, _ in scoring.score(taught[0], [prompt] * 4, columns)])
    assert counts == pytest.approx(odds / odds.sum(), abs=0.03)
    greedy = ModelPlayer(*taught, name="m", masked=True, temperature=0.0)
    assert set(greedy.choose(turn)) == {int(odds.argmax())}


def test_a_reply_that_does_not_end_is_illegal(taught):
    player = ModelPlayer(*taught, name="m", max_new_tokens=1)
    assert (player.choose(turn_of(random_lines(20, BOARD))) == ILLEGAL).all()
    two = [*player.tokenizer.encode("3"), *player.tokenizer.encode("1")]
    assert player.column(Completion(two, [0.0, 0.0], stopped=False)) == ILLEGAL
    assert player.column(Completion([two[0], player.stop], [0.0, 0.0], stopped=True)) == 2
