"""The `game_conversations` stage: the teacher plays itself; each of its moves is a conversation.

The user says the position, the assistant the column: the project's one type of conversation, so
that fine-tuning takes them as any others. Without a tokenizer given, one for the game alone is made
and lies beside them. A position is in one split alone, by its hash.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NotRequired, TypedDict

from pipeline.chat.conversation import Message, assistant, render, spans, to_row, user
from pipeline.connect_four import game_table
from pipeline.connect_four.board import START, GameBoard
from pipeline.connect_four.config import GameConversationsConfig
from pipeline.connect_four.game_settings import GameSettings
from pipeline.connect_four.game_vocabulary import game_tokenizer
from pipeline.connect_four.matches import GameRecord, play, rows
from pipeline.connect_four.notation import described
from pipeline.curriculum.held_out import is_validation
from pipeline.sft.conversations import ConversationRow
from pipeline.stage import Progress, Stage
from pipeline.tokenizer import Tokenizer
from storage.schemas import CONVERSATIONS, GAMES
from storage.tables import table, write_table

SOURCE = "connect_four"


class GameConversationsInputs(TypedDict):
    """Folders of artifacts, one each."""

    game_table: list[Path]
    tokenizer: NotRequired[list[Path]]  # of a chat model that is to learn it among other things


class GameConversationsStatistics(TypedDict):
    """Of a `game_conversations` artifact."""

    games: int
    first_won: int
    drawn: int
    conversations: int
    validation: int
    positions: int  # different ones that a conversation asks about
    tokens: int


def build(
    out: Path,
    inputs: GameConversationsInputs,
    config: GameConversationsConfig,
    progress: Progress,
    scratch: Path,
) -> GameConversationsStatistics:
    """The `game_conversations` stage."""
    board = game_table.board_of(inputs["game_table"][0])
    settings = GameSettings(
        board, config.notation, config.teacher_depth, config.teacher_blunder_share
    )
    given = inputs.get("tokenizer")
    tokenizer = (
        Tokenizer.load(given[0]).with_conversation_tokens()
        if given
        else game_tokenizer(board, config.notation)
    )
    teacher = settings.teacher
    records = play(board, teacher, teacher, range(config.games), config.seed, config.opening_plies)
    made: list[ConversationRow] = []
    positions: set[int] = set()
    tokens = 0
    for record in records:
        for ply, key, messages in conversations(record, board, config.notation):
            ids, mask = render(messages, tokenizer)
            tokens += len(ids)
            positions.add(key)
            held_back = is_validation(f"{SOURCE}:{key}", config.validation_fraction)
            name = f"{SOURCE}:{config.seed}:{record.number}:{ply}:{messages[-1].content}"
            made.append(
                {
                    "id": hashlib.sha256(name.encode()).hexdigest()[:32],
                    "source": SOURCE,
                    **to_row(messages),
                    "loss_spans": spans(mask),
                    "origin": "",
                    "split": "validation" if held_back else "train",
                }
            )
    write_table(table(made, CONVERSATIONS), out / "conversations.parquet")
    write_table(table(rows(records, teacher.name, teacher.name), GAMES), out / "games.parquet")
    tokenizer.save(out)
    settings.save(out)
    progress.note(f"{len(records):,} games of the teacher's, {len(made):,} conversations")
    return {
        "games": len(records),
        "first_won": sum(record.winner == "first" for record in records),
        "drawn": sum(record.winner == "draw" for record in records),
        "conversations": len(made),
        "validation": sum(row["split"] == "validation" for row in made),
        "positions": len(positions),
        "tokens": tokens,
    }


def conversations(
    record: GameRecord, board: GameBoard, notation: str
) -> Iterator[tuple[int, int, Sequence[Message]]]:
    """Ply, position's key and messages of each of a game's moves after its opening."""
    position = START
    for ply, digit in enumerate(record.moves):
        if ply >= record.opening:
            asked = described(board, position, record.moves[:ply], notation)
            yield ply, board.key(position), [user(asked), assistant(digit)]
        position = board.play(position, int(digit) - 1)


STAGE = Stage("game_conversations", 1, GameConversationsConfig, build)
