"""`make bench-serve`: our server beside llama.cpp's, on the same model, cores and requests.

Each point is a number of streams, whose prompts share a beginning or don't. Both servers get the
same bytes of requests by the same client (`load_client`), one after the other, each with the number
of threads with which it is faster; llama-server has as many slots as there are streams, and
continuous batching. The second table is of the engines alone, by llama.cpp's own benchmarks.
"""

import argparse
import dataclasses
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from tests.benchmarks import engine_alone, llama_cpp, serving_models
from tests.benchmarks.engine_alone import Rows
from tests.benchmarks.kinds import processor
from tests.benchmarks.llama_cpp import EngineSpeed
from tests.benchmarks.load_client import WARM_STREAMS, from_json, parsed_cores
from tests.benchmarks.load_figures import GOOD_FIRST_SECONDS, LoadFigures, Spread
from tests.benchmarks.server_process import cpu_seconds, free_port, started
from tests.benchmarks.tables import add_option, write_table
from tests.benchmarks.train_peers import last_line

TABLE = "serving-table"
STREAMS = (1, 8, 64, 256)
WHOLE_AT = 64  # streams at which answers in one piece are measured as well
CONTEXT = 256  # tokens, of both models
TRIAL_SECONDS = 1.0  # by which the number of threads is chosen
OURS, THEIRS = "crawl2chat", "llama-server"
HEAD = (
    "| model | streams | prompts | server | requests/s | tokens/s | times | first text, ms "
    "| a token, ms | pause, ms | goodput | CPU s, server | client |",
    "|---|--:|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
)


@dataclasses.dataclass(frozen=True)
class Point:
    """One load."""

    streams: int
    shared: bool  # a beginning, among prompts
    whole: bool = False  # answers in one piece

    @property
    def prompts(self) -> str:
        kind = "shared" if self.shared else "distinct"
        return f"{kind}, no stream" if self.whole else kind


@dataclasses.dataclass(frozen=True)
class Measured:
    """A point of one server."""

    load: LoadFigures
    server_cpu: float  # seconds per 1,000 tokens
    client_cpu: float
    threads: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=Path, required=True, help="llama.cpp's: its bin/")
    add_option(parser)
    parser.add_argument("--cores", type=parsed_cores, default=all_cores(), help="of servers: 0,1")
    parser.add_argument("--client-cores", type=parsed_cores, help="of the client; else the same")
    parser.add_argument("--seconds", type=float, default=4.0, help="a point lasts at least")
    parser.add_argument("--new", type=int, default=128, help="tokens a request")
    parser.add_argument("--repeats", type=int, default=3, help="of the engine alone")
    parser.add_argument(
        "--only",
        action="append",
        metavar="MODEL[:STREAMS]",
        help="one of the models, or its points",
    )
    parser.add_argument("--side", choices=(OURS, THEIRS), help="one of the servers")
    given = parser.parse_args()
    given.client_cores = given.client_cores or given.cores
    os.sched_setaffinity(0, given.cores)
    torch.set_num_threads(len(given.cores))
    lines, alone, notes = list(HEAD), list(engine_head()), []
    for name in serving_models.engine.SHAPES:
        if points := list(wanted(name, given.only)):
            found = of_model(name, points, given)
            lines += found[0]
            alone += found[1]
            notes += found[2]
    text = "\n".join([*lines, "", *alone, "", *notes, about(given)])
    print(text)
    if given.write and not given.only and not given.side:  # a part is no table
        write_table(given.write, TABLE, text)


def all_cores() -> set[int]:
    return os.sched_getaffinity(0)


def wanted(name: str, only: list[str] | None) -> Iterator[Point]:
    """The points of a model that are asked for."""
    for streams in STREAMS:
        if not only or name in only or f"{name}:{streams}" in only:
            for shared in (False, True):
                yield Point(streams, shared)
            if streams == WHOLE_AT:
                yield Point(streams, False, whole=True)


def of_model(
    name: str, points: list[Point], given: argparse.Namespace
) -> tuple[list[str], list[str], list[str]]:
    """Lines of both tables, and what there is to say."""
    lines, alone = [], []
    sides = [given.side] if given.side else [OURS, THEIRS]
    with tempfile.TemporaryDirectory(prefix="bench-serve-") as made:
        folder = Path(made)
        tokenizer = serving_models.make(name, folder)
        for shared in (False, True):
            texts = serving_models.prompts(tokenizer, shared)
            prompt_file(folder, shared).write_text(json.dumps(texts), encoding="utf-8")
        threads: dict[tuple[str, int], int] = {}
        best: dict[str, float] = {}
        for streams in sorted({point.streams for point in points}):
            own = [point for point in points if point.streams == streams]
            found = {}
            for side in sides:
                tried = side, min(streams, WHOLE_AT)
                if tried not in threads:
                    threads[tried] = better_threads(*tried, folder, given)
                found[side] = measure(side, own, folder, threads[tried], given.seconds, given)
            for point in own:
                lines += [line(name, point, side, found) for side in sides]
                print("\n".join(lines[-len(sides) :]), file=sys.stderr, flush=True)
            if streams == WHOLE_AT and OURS in sides:
                best = {p.prompts: found[OURS][p].load.tokens_per_second for p in own}
        if THEIRS in sides:
            alone = list(engines(name, folder, given))
        notes = share(name, best, folder, given) if best else []
    return lines, alone, notes


def prompt_file(folder: Path, shared: bool) -> Path:
    return folder / f"prompts-{'shared' if shared else 'distinct'}.json"


def measure(
    side: str,
    points: list[Point],
    folder: Path,
    threads: int,
    seconds: float,
    given: argparse.Namespace,
) -> dict[Point, Measured]:
    """Points of one number of streams, by one server."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {"OMP_NUM_THREADS": str(threads)}
    if side == OURS:
        command = [sys.executable, "-m", "flows.cli", "serve"]
        command += ["--model", str(folder / "model"), "--port", str(port)]
    else:
        model = serving_models.gguf_file(folder, "f16")
        command = llama_cpp.server(given.programs, model, port, points[0].streams, CONTEXT, threads)
    with started(command, url, given.cores, environment) as process:
        found = {}
        for point in points:
            before = cpu_seconds(process)
            load = client(url, point, folder, seconds, given)
            spent = cpu_seconds(process) - before
            if load.errors or load.short:
                print(f"{side}, {point}: {load.short} short, {load.errors}", file=sys.stderr)
            thousands = max(load.tokens, 1) / 1000
            warm = min(point.streams, WARM_STREAMS) * given.new / 1000
            found[point] = Measured(
                load, spent / (thousands + warm), load.client_cpu_seconds / thousands, threads
            )
    return found


def client(
    url: str, point: Point, folder: Path, seconds: float, given: argparse.Namespace
) -> LoadFigures:
    command = [
        *("-m", "tests.benchmarks.load_client", "--url", url, "--streams", point.streams),
        *("--prompts", prompt_file(folder, point.shared), "--new", given.new),
        *("--seconds", seconds, "--cores", ",".join(map(str, sorted(given.client_cores)))),
    ]
    return from_json(last_line([*command, "--whole"] if point.whole else command, 1))


def better_threads(side: str, streams: int, folder: Path, given: argparse.Namespace) -> int:
    """With how many threads a server is faster: the client wants the same cores, and threads that
    wait for each other may cost more than they bring.
    """
    point, tried = Point(streams, shared=False), {}
    for threads in sorted({1, len(given.cores)}):
        found = measure(side, [point], folder, threads, TRIAL_SECONDS, given)
        tried[threads] = found[point].load.tokens_per_second
    return max(tried, key=lambda threads: tried[threads])


def line(name: str, point: Point, side: str, found: dict[str, dict[Point, Measured]]) -> str:
    it = found[side][point]
    other = found.get(THEIRS, {}).get(point)
    rate = it.load.tokens_per_second
    times = ""
    if side == OURS and other is not None and other.load.tokens:
        times = f"**{rate / other.load.tokens_per_second:.1f}**"
    waits = [it.load.first, it.load.a_token, it.load.pause]
    first, a_token, pause = ("" if point.whole else milliseconds(wait) for wait in waits)
    goodput = "" if point.whole else f"{it.load.goodput:,.1f}"
    failed = sum(it.load.errors.values())
    side += f", {it.threads} threads" if it.threads > 1 else ", 1 thread"
    side += f", {failed} failed" if failed else ""
    return (
        f"| {name} | {point.streams} | {point.prompts} | {side} "
        f"| {it.load.requests_per_second:,.1f} | {rate:,.0f} | {times} | {first} | {a_token} "
        f"| {pause} | {goodput} | {it.server_cpu:.3f} | {it.client_cpu:.3f} |"
    )


def milliseconds(spread: Spread) -> str:
    """Median and 99th percentile; more digits where there is less."""
    return " / ".join(
        f"{value * 1000:.{0 if value >= 0.1 else 1 if value >= 0.001 else 3}f}"
        for value in (spread.p50, spread.p99)
    )


def engine_head() -> Iterator[str]:
    ours = engine_alone.formats()
    columns = [*(f"llama.cpp {kind}" for kind in serving_models.GGUF_TYPES)]
    columns += [f"crawl2chat {kind}" for kind in ours]
    yield "| model | rows | " + " | ".join(columns) + " | times, whole | times, 8 bits |"
    yield "|---|--:|" + "--:|" * (len(columns) + 2)


def engines(name: str, folder: Path, given: argparse.Namespace) -> Iterator[str]:
    """Lines of the second table: tokens a second, read / written."""
    threads = len(given.cores)
    for case in (Rows(1, 96, given.new), Rows(WHOLE_AT, serving_models.PROMPT, given.new)):
        speeds: list[EngineSpeed | None] = []
        for kind in serving_models.GGUF_TYPES:
            model = serving_models.gguf_file(folder, kind)
            asked = (given.programs, model, case.prompt, case.new, threads)
            speeds.append(
                llama_cpp.alone(*asked, given.repeats)
                if case.rows == 1
                else llama_cpp.together(*asked, case.rows)
            )
        for format in engine_alone.formats():
            speeds.append(engine_alone.ours(folder / "model", format, case, given.repeats))
        times = [ratio(speeds[2], speeds[0]), ratio(speeds[3], speeds[1])]
        cells = [f"{s.reading:,.0f} / {s.writing:,.0f}" if s else "" for s in speeds]
        yield f"| {name} | {case.rows} | " + " | ".join([*cells, *times]) + " |"


def ratio(ours: EngineSpeed | None, theirs: EngineSpeed | None) -> str:
    if ours is None or theirs is None:
        return ""
    return f"{ours.reading / theirs.reading:.1f} / **{ours.writing / theirs.writing:.1f}**"


def share(name: str, best: dict[str, float], folder: Path, given: argparse.Namespace) -> list[str]:
    """How much of what the engine makes comes out of the server."""
    case = Rows(WHOLE_AT, serving_models.PROMPT, given.new)
    most = engine_alone.offline(folder / "model", case, given.repeats)
    parts = ", ".join(f"{rate / most:.0%} ({kind})" for kind, rate in best.items())
    return [
        f"{name}: the engine alone makes {most:,.0f} tokens/s of {WHOLE_AT} such rows, prompts "
        f"read; of these the server passes on {parts}.\n"
    ]


def about(given: argparse.Namespace) -> str:
    cores = ",".join(map(str, sorted(given.cores)))
    clients = ",".join(map(str, sorted(given.client_cores)))
    return (
        f"Prompts of {serving_models.PROMPT} tokens, behind {serving_models.SHARED} shared ones "
        f"where they share; {given.new} tokens an answer, sampled at temperature 1. Waits: median "
        "/ 99th percentile; *first text* from the request on, *a token* from first to last text "
        "over the tokens between, *pause* between two events. Goodput: requests a second that "
        f"begin within {GOOD_FIRST_SECONDS * 1000:.0f} ms. CPU seconds are per 1,000 tokens. "
        f"llama-server multiplies f16 weights, crawl2chat {engine_alone.formats()[0]}. Threads are "
        "the model's: for each number of streams that of 1 and all cores that was faster (at 256 "
        f"that of {WHOLE_AT}). Second table: tokens/s "
        "read / written, llama.cpp's by llama-bench (1 row) and llama-batched-bench, which sample "
        f"nothing. Server on cores {cores}, client on {clients}; CPU: {processor()}."
    )


if __name__ == "__main__":
    main()
