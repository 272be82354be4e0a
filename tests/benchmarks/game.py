"""`make bench-game`: connect four past imitation, under several seeds.

The table of all positions is made once; the teacher's games, the imitator, self-play and the
judges' draws all change with the seed. Each cell is the mean over seeds with the wider of two 95%
intervals: Student's t over seeds and, for shares, Wilson's over all that was asked. The learning
curve is of self-play's own games, judged afterwards: no table is seen in training.
"""

import argparse
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.connect_four import game_table, move_quality
from pipeline.connect_four.matches import GameRecord
from pipeline.connect_four.solution import Solution
from pipeline.report import charts
from storage import Lake
from storage.catalog import query
from tests.benchmarks import kinds
from tests.benchmarks.demo_seeds import interval
from tests.benchmarks.tables import add_option, write_table

ROOT = Path(__file__).resolve().parents[2]
TABLE = "game-table"
PICTURE = "images/connect-four-self-play.png"  # beside the page
SEEDED = ("game_conversations", "game_sft", "game_rl", "game_evals")
PLAYERS = {
    "random": "random",
    "teacher": "teacher",
    "game_sft": "SFT",
    "game_rl": "RL",
    "perfect": "perfect",
    "game_sft_greedy": "SFT, most likely",
    "game_rl_greedy": "RL, most likely",
    "game_sft_masked": "SFT, masked",
    "game_rl_masked": "RL, masked",
}
LINES = {
    ("elo", "elo"): "Elo (random = 0)",
    ("opening", "value_preserving"): "moves that keep the value: opening",
    ("middle", "value_preserving"): "… middle",
    ("end", "value_preserving"): "… end",
    ("all", "value_preserving"): "… all",
    ("perfect", "non_loss"): "not lost against the perfect player",
    ("perfect_as_first", "non_loss"): "… as first player",
    ("perfect_as_second", "non_loss"): "… as second player",
    ("teacher", "points"): "points a game against the teacher",
    ("all", "illegal"): "illegal replies",
}
CURVE_POINTS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--preset", default="demo")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--lake", type=Path, default=ROOT / "lake" / "bench-game")
    add_option(parser)
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    seconds: list[float] = []
    curves: dict[str, list[tuple[float, float]]] = {}
    solution: Solution | None = None
    for seed in range(given.seeds):
        run_seed(seed, given)
        lake = Lake(given.lake)
        made = query(lake, "SELECT sum(seconds) AS s FROM artifacts WHERE current").to_pylist()
        seconds.append(made[0]["s"])
        rows += query(lake, "SELECT * EXCLUDE (artifact) FROM game_evals").to_pylist()
        solution = solution or game_table.load(lake.local("game_table", lake.heads()["game_table"]))
        games = query(lake, "FROM games WHERE first_baseline IS NOT NULL").to_pylist()
        curves[f"seed {seed}"] = curve(games, solution)
    text = markdown(rows, given.seeds, seconds)
    sys.stdout.write(text + "\n")
    if given.write:
        write_table(given.write, TABLE, text)
        picture = charts.line("", curves, x="step of self-play", y="moves that keep the value")
        (given.write.parent / PICTURE).write_bytes(picture)


def run_seed(seed: int, given: argparse.Namespace) -> None:
    """One whole run; what an earlier one made in this lake is not made again."""
    changes = [*(f"{table}.seed={seed}" for table in SEEDED), *given.set]
    command = [sys.executable, "-m", "flows.cli", "run", "connect-four", "--preset", given.preset]
    words = [word for change in changes for word in ("--set", change)]
    subprocess.run([*command, *words, "--lake", str(given.lake)], cwd=ROOT, check=True)


def curve(games: Sequence[Mapping[str, Any]], solution: Solution) -> list[tuple[float, float]]:
    """By steps of self-play, the share of its moves that keep what a position is worth."""
    last = max(game["step"] for game in games)
    width = max(1, last // CURVE_POINTS)
    found = []
    for first in range(1, last + 1, width):
        own = [
            GameRecord(g["game"], g["opening"], g["moves"], g["winner"], g["illegal"])
            for g in games
            if first <= g["step"] < first + width
        ]
        moves = [m for role in (0, 1) for m in move_quality.judged(own, solution, role)]
        found.append((float(first), sum(m.keeps for m in moves) / max(1, len(moves))))
    return found


def cell(rows: Sequence[Mapping[str, Any]]) -> str:
    """`93.1% [90.2, 96.0]`; Elo without digits, of one seed with the interval of its games."""
    values = [row["value"] for row in rows]
    if rows[0]["metric"] == "elo":
        mean, low, high = interval(values, None)
        if len(rows) == 1:
            low, high = rows[0]["low"], rows[0]["high"]
        return f"{mean:.0f} [{low:.0f}, {high:.0f}]"
    mean, low, high = interval(values, sum(row["n"] for row in rows))
    return f"{100 * mean:.1f}% [{100 * low:.1f}, {100 * high:.1f}]"


def markdown(rows: Sequence[Mapping[str, Any]], seeds: int, seconds: Sequence[float]) -> str:
    """The table, a line a player."""
    scores: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        scores.setdefault((row["model"], row["task"], row["metric"]), []).append(row)
    head = [f"| | {' | '.join(PLAYERS.values())} |", "|---" * (len(PLAYERS) + 1) + "|"]
    lines = []
    for (task, metric), title in LINES.items():
        own = [scores.get((player, task, metric)) for player in PLAYERS]
        counts = {row["n"] for found in own if found for row in found}
        cells = " | ".join("–" if found is None else cell(found) for found in own)
        lines.append(f"| {title} (n = {min(counts):,} a seed) | {cells} |")
    note = (
        f"{seeds} seeds, mean and 95% interval (the wider of Student's t over seeds and, for "
        f"shares, Wilson's). Made by `make bench-game`; work of all stages, seed by seed: "
        f"{', '.join(f'{s:.0f} s' for s in seconds)}. {kinds.note(kinds.kinds()[:1])}"
    )
    return "\n".join([note, "", *head, *lines])


if __name__ == "__main__":
    main()
