"""The `game_table` stage: a board in; what every position is worth out, as a table.

The file is one row a position, so that it can be asked by SQL; players read it back whole.
"""

import json
from pathlib import Path
from typing import TypedDict

import numpy as np
import pyarrow as pa

from pipeline.connect_four.board import START, GameBoard
from pipeline.connect_four.config import GameTableConfig
from pipeline.connect_four.solution import Solution, solve
from pipeline.stage import Progress, Stage
from storage.schemas import GAME_POSITIONS
from storage.tables import read_table, write_table

FILE = "positions.parquet"
BOARD_FILE = "board.json"


class GameTableStatistics(TypedDict):
    """Of a `game_table` artifact."""

    positions: int
    by_ply: list[int]
    won: int  # for the side to move
    drawn: int
    lost: int
    start: int  # the score of the empty board


def build(
    out: Path,
    inputs: dict[str, list[Path]],
    config: GameTableConfig,
    progress: Progress,
    scratch: Path,
) -> GameTableStatistics:
    """The `game_table` stage."""
    board = config.board
    solution = solve(board)
    plies = np.bitwise_count(board.position(solution.keys).mask)
    columns = {"key": solution.keys.astype(np.int64), "ply": plies, "score": solution.scores}
    rows = pa.table({name: pa.array(values) for name, values in columns.items()})
    write_table(rows.cast(GAME_POSITIONS), out / FILE)
    text = json.dumps({"width": board.width, "height": board.height, "connect": board.connect})
    (out / BOARD_FILE).write_text(text + "\n", encoding="utf-8")
    start = int(solution.score(START)[0])
    worth = {0: "a draw", 1: "won by the first player", -1: "won by the second player"}
    progress.note(
        f"connect four on {board.width} x {board.height}: {len(solution.keys):,} positions, "
        + worth[int(np.sign(start))]
    )
    return {
        "positions": len(solution.keys),
        "by_ply": np.bincount(plies, minlength=board.cells + 1).tolist(),
        "won": int((solution.scores > 0).sum()),
        "drawn": int((solution.scores == 0).sum()),
        "lost": int((solution.scores < 0).sum()),
        "start": start,
    }


def board_of(folder: Path) -> GameBoard:
    """The board of a `game_table` artifact."""
    return GameBoard(**json.loads((folder / BOARD_FILE).read_text(encoding="utf-8")))


def load(folder: Path) -> Solution:
    """The table of a `game_table` artifact."""
    rows = read_table(folder / FILE, columns=["key", "score"])
    keys = rows["key"].to_numpy().astype(np.uint64)
    return Solution(board_of(folder), keys, rows["score"].to_numpy().astype(np.int8))


STAGE = Stage("game_table", 1, GameTableConfig, build)
