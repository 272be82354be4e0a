"""`make bench-tools`: programs a second by each of Python's back-ends, against a new interpreter.

The same short programs, as models write them, go one after another through one process, and as a
batch (an RL step's rollouts) through as many as there are cores. A new interpreter is `python -I`,
with nothing isolated: what a tool would cost that runs each program by itself. Every output is
compared. By turns, so that a busy moment meets all; the median of the turns counts.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from pipeline import cores
from pipeline.chat.messages import ToolCall
from pipeline.tools.config import PythonConfig, ToolLimits
from pipeline.tools.python_tool import python_tool
from pipeline.tools.toolbox import Toolbox
from tests.benchmarks.kinds import processor
from tests.benchmarks.tables import add_option, write_table

TABLE = "tools-table"
LIMITS = ToolLimits(seconds=60)  # a busy machine is no failure here
FRESH = "a new `python -I` each"
# By number, so that no two calls are the same.
PROGRAMS = (
    "print({n} * 7 + 3)",
    "total = 0\nfor x in range({n} % 50):\n    total += x * x\nprint(total)",
    "def words(text):\n    return [w for w in text.split() if len(w) > 3]\n"
    "print(len(words('the quick brown fox jumps over {n} lazy dogs')))",
    "import math\nprint(round(math.sqrt({n} + 2), 6))",
    "import json\nprint(json.dumps({{'n': {n}, 'half': {n} / 2}}))",
)
Runs = Callable[[Sequence[str]], list[str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=384)
    parser.add_argument("--turns", type=int, default=5)
    add_option(parser)
    given = parser.parse_args()
    text = table(given.batch, given.turns)
    sys.stdout.write(text + "\n")
    if given.write:
        write_table(given.write, TABLE, text)


def programs(count: int) -> list[str]:
    return [PROGRAMS[n % len(PROGRAMS)].format(n=n) for n in range(count)]


def table(batch: int, turns: int) -> str:
    """The whole measurement as Markdown."""
    many = programs(batch)
    few = many[: max(10, batch // 8)]
    tools: dict[str, Toolbox] = {}
    ways: dict[str, tuple[Runs, Runs, float]] = {FRESH: (fresh(1), fresh(cores.cores()), 0.0)}
    for backend in ("cpython", "monty"):
        started = time.perf_counter()
        box = Toolbox((python_tool(PythonConfig(backend, limits=LIMITS)),))
        box.answer(call_of("1"))
        start_seconds = time.perf_counter() - started
        tools[backend] = box
        name = f"`{backend}`" + (", in forks behind all layers" if backend == "cpython" else "")
        ways[name] = (by(box, 1), by(box, cores.cores()), start_seconds)
    wanted = fresh(cores.cores())(many)
    for one, side_by_side, _ in ways.values():  # warm, and checked
        assert one(few) == wanted[: len(few)]
        assert side_by_side(many) == wanted
    single: dict[str, list[float]] = {name: [] for name in ways}
    together: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(turns):
        for name, (one, side_by_side, _) in ways.items():
            single[name].append(seconds(one, few) / len(few))
            together[name].append(seconds(side_by_side, many))
    for box in tools.values():
        box.__exit__(None, None, None)
    rows = [
        "| programs run by | ms a program, one after another | programs a second | "
        f"s for a batch of {batch} | programs a second | s to start |",
        "|---|---|---|---|---|---|",
    ]
    for name, (_, _, start_seconds) in ways.items():
        alone, batched = statistics.median(single[name]), statistics.median(together[name])
        start = f"{start_seconds:.2f}" if start_seconds else "–"
        rows.append(
            f"| {name} | {alone * 1000:.2f} | {1 / alone:,.0f} | {batched:.2f} | "
            f"{batch / batched:,.0f} | {start} |"
        )
    note = (
        f"{cores.cores()} cores of {processor()}, load {os.getloadavg()[0]:.1f} at the end (the "
        f"measurement's own is part of it); medians of {turns} turns."
    )
    return note + "\n\n" + "\n".join(rows)


def seconds(runs: Runs, chosen: Sequence[str]) -> float:
    started = time.perf_counter()
    runs(chosen)
    return time.perf_counter() - started


def call_of(program: str) -> ToolCall:
    return ToolCall("python", json.dumps({"code": program}))


def by(box: Toolbox, threads: int) -> Runs:
    def run(chosen: Sequence[str]) -> list[str]:
        calls = [call_of(program) for program in chosen]
        outputs = [box.answer(one) for one in calls] if threads == 1 else box.answer_all(calls)
        return [output.text for output in outputs]

    return run


def fresh(threads: int) -> Runs:
    def one(program: str) -> str:
        command = [sys.executable, "-I", "-c", program]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.removesuffix("\n")

    def run(chosen: Sequence[str]) -> list[str]:
        if threads == 1:
            return list(map(one, chosen))
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(one, chosen))

    return run


if __name__ == "__main__":
    main()
