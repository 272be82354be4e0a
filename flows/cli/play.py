"""Connect four in the terminal, against any model of the lake.

A game's model says how it was taught; a chat model is asked in the same words, on the board of the
lake's newest game, and plays as well or as badly as it does: an illegal move loses.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from flows.cli import output
from flows.cli.models import find_model
from flows.cli.option_types import MOST_SHOWN
from storage import Lake
from storage.errors import UserError

QUIT = ("q", "quit", "exit")
LINES = {"you": "you win", "model": "you lose", "draw": "a draw"}  # by who won


def play(chosen: argparse.Namespace) -> int:
    """Play one game; moves come from the keyboard, or one a line from standard input."""
    from pipeline.connect_four.board import START
    from pipeline.connect_four.model_player import ModelPlayer
    from pipeline.export import load

    folder = find_model(Lake(chosen.lake), chosen.model)
    settings = _settings(folder, chosen.lake)
    model, tokenizer = load(folder)
    if not tokenizer.has_conversation_tokens:
        raise UserError(f"{chosen.model} has no conversation tokens: play against sft or game_rl")
    board = settings.board
    player = ModelPlayer(
        model,
        tokenizer,
        board,
        settings.notation,
        name=chosen.model,
        temperature=chosen.temperature,
    )
    shown = _quiet if chosen.json else output.said
    position, moves = START, ""
    winner = illegal = None
    while winner is None:
        yours = len(moves) % 2 == (1 if chosen.second else 0)
        if yours:
            shown(f"\n{_drawn(board, position, chosen.second)}")
            column = _asked(board, position, chosen.json)
            if column is None:
                break
        else:
            said, column = _replied(player, position, moves, chosen.seed)
            shown(f"{chosen.model}> {said}")
            if column < 0 or not board.is_open(position.mask, column):
                winner, illegal = "you", said
                shown(f"{chosen.model} said no legal move, which loses: you win")
                break
        moves += str(column + 1)
        position = board.play(position, column)
        if board.is_lost(position):
            winner = "you" if yours else "model"
        elif board.is_full(position):
            winner = "draw"
        if winner is not None:
            shown(f"\n{_drawn(board, position, chosen.second)}\n{LINES[winner]}")
    return _ended(chosen, moves, winner, illegal)


def _ended(chosen: argparse.Namespace, moves: str, winner: str | None, illegal: str | None) -> int:
    """The game as a document, where one is asked for."""
    if chosen.json:
        output.document(
            {
                "model": chosen.model,
                "you": "second" if chosen.second else "first",
                "moves": moves,
                "winner": winner,  # null: the input ended before the game did
                "illegal": illegal,  # what the model said in the place of a move
            }
        )
    elif winner is None:
        output.said("the game is not over; it is not kept")
    return 0


def _settings(folder: Path, lake: str) -> Any:
    """Of the game that a model was taught, else of the lake's newest, else the usual ones."""
    from pipeline.connect_four.config import GameConversationsConfig, GameTableConfig
    from pipeline.connect_four.game_settings import FILE, GameSettings

    if (folder / FILE).is_file():
        return GameSettings.load(folder)
    opened = Lake(lake)
    heads = opened.heads()
    if "game_conversations" in heads:
        return GameSettings.load(opened.local("game_conversations", heads["game_conversations"]))
    usual = GameConversationsConfig()
    return GameSettings(
        GameTableConfig().board, usual.notation, usual.teacher_depth, usual.teacher_blunder_share
    )


def _drawn(board: Any, position: Any, second: bool) -> str:
    """The board with your stones as x, on your turn or when the game is over."""
    import numpy as np

    from pipeline.connect_four.notation import drawing, stacks

    plies = int(np.bitwise_count(np.uint64(position.mask)))
    yours = plies % 2 == (1 if second else 0)
    seen = position if yours else position._replace(stones=position.stones ^ position.mask)
    numbers = "".join(str(column + 1) for column in range(board.width))
    return f"{drawing(stacks(board, seen), board.height)}\n{numbers}"


def _asked(board: Any, position: Any, quiet: bool) -> int | None:
    """Your column, asked for until it is one; None at the end of input."""
    from pipeline.connect_four.notation import column_of

    while True:
        try:
            line = input("" if quiet or not sys.stdin.isatty() else "you> ").strip()
        except (EOFError, KeyboardInterrupt):
            return None
        if line.lower() in QUIT:
            return None
        column = column_of(line, board)
        if column >= 0 and board.is_open(position.mask, column):
            if not quiet and not sys.stdin.isatty():
                output.said(f"you> {column + 1}")
            return column
        open_ones = [str(c + 1) for c in range(board.width) if board.is_open(position.mask, c)]
        problem = f"{line[:MOST_SHOWN]!r} is no column with room: one of {', '.join(open_ones)}"
        if not sys.stdin.isatty():
            raise UserError(problem)
        output.said(problem)


def _replied(player: Any, position: Any, moves: str, seed: int) -> tuple[str, int]:
    """What the model says, and the column that it names."""
    import numpy as np

    from pipeline.connect_four.board import Position
    from pipeline.connect_four.players import Turn, turn_keys

    many = Position(*(np.array([bits], dtype=np.uint64) for bits in position))
    turn = Turn([0], many, [moves], turn_keys(seed, [0], len(moves)))
    (reply,) = player.replies(turn)
    tokens = reply.completion.tokens
    said = player.tokenizer.decode(tokens[:-1] if reply.completion.stopped else tokens)
    return said if reply.completion.stopped else f"{said} …", reply.column


def _quiet(_: str) -> None:
    """With --json nothing but the document is on stdout."""
