"""`make soak`: ten minutes of bad clients among good ones, and what the server is like after it.

In: nothing; a small model of random weights is served by `crawl2chat serve`. Out: a table of how
each kind of visit ended, memory over time, and a failure if anything was wrong: an answer that is
not its undisturbed one to the bit, an unforeseen status, rows still under way, memory that grows.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import random
import statistics
import string
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks import server_process
from tests.benchmarks.kinds import processor
from tests.benchmarks.tables import add_option, write_table
from tests.helpers import text_models
from tests.helpers.crowd import CHAT, COMPLETIONS, Crowd
from tests.helpers.patience import eventually
from tests.helpers.raw_client import Question, ask, get

TABLE = "soak-table"
MOST_GROWTH = 0.02  # of memory, from when it is warm to the end: what the issue asks
LOOK_SECONDS = 2.0  # between two looks at the memory
LETTERS = string.ascii_letters
ROWS = 32  # fewer than the crowd asks for: some wait, and the cache of prefixes is soon full
MOST_POOL_THREADS = 32  # asyncio's own pool grows to at most so many, by and by
CLOSED_SECONDS = 60.0  # by when the server has let go of connections whose clients are gone
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 8}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "person", "schema": SCHEMA}}
ROWS_GAUGE, QUEUE_GAUGE = "crawl2chat_active_rows", "crawl2chat_queued"


@dataclasses.dataclass(frozen=True)
class Held:
    """What a process holds of the machine."""

    bytes: int  # resident
    files: tuple[str, ...]  # open ones, and sockets
    threads: int


@dataclasses.dataclass(frozen=True)
class Soaked:
    """What came out."""

    crowd: Crowd
    before: Held  # once warm
    after: Held
    memory: list[tuple[float, int]]  # seconds, bytes
    cpu_seconds: float

    @property
    def growth(self) -> float:
        """Of the median memory of the last tenth over that of the first."""
        sizes = [size for _, size in self.memory]
        tenth = max(1, len(sizes) // 10)
        return statistics.median(sizes[-tenth:]) / statistics.median(sizes[:tenth]) - 1


def questions() -> list[Question]:
    """Some of each kind; all within a context of 256."""
    found = []
    for number, stream in enumerate((False, True) * 2):
        asked: dict[str, Any] = {"max_tokens": 40 + 30 * number, "seed": number}
        if stream:
            asked |= {"stream": True, "stream_options": {"include_usage": True}}
        prompt = f"Once upon a time {number // 2}"
        told = [{"role": "user", "content": prompt}]
        found += [
            Question(COMPLETIONS, asked | {"prompt": prompt}),
            Question(COMPLETIONS, asked | {"prompt": prompt, "n": 3, "temperature": 0.7}),
            Question(COMPLETIONS, asked | {"prompt": prompt, "logprobs": 2, "top_p": 0.9}),
            Question(COMPLETIONS, asked | {"prompt": prompt, "stop": ["e", "th"]}),
            Question(COMPLETIONS, asked | {"prompt": "x" * 90, "temperature": 0}),
            Question(CHAT, asked | {"messages": told}),
            Question(CHAT, asked | {"messages": told, "logprobs": True, "top_logprobs": 2}),
            Question(CHAT, asked | {"messages": told, "logit_bias": {"70": 5}}),
            Question(CHAT, asked | {"messages": told, "response_format": FORMAT}),
        ]
    return found


def fillers() -> list[Question]:
    """What writes each page of keys and values once: their memory isn't taken before that.

    Each prompt begins like no other and nearly fills a context; there are more than pages hold.
    """
    length = text_models.SMALL.max_context - 16
    texts = ["".join(random.Random(n).choices(LETTERS, k=length)) for n in range(4 * ROWS)]
    return [Question(COMPLETIONS, {"prompt": text, "max_tokens": 8}) for text in texts]


async def undisturbed(url: str, asked: Sequence[Question]) -> list[tuple[Question, Any]]:
    """Each question with its answer, asked alone."""
    found = []
    for question in asked:
        reply = await ask(url, question)
        if reply.status != 200:
            raise ValueError(f"{question} is answered with {reply.status}: {reply.body!r}")
        found.append((question, reply.answer()))
    return found


@contextlib.contextmanager
def served(folder: Path, port: int = 0) -> Iterator[tuple[str, psutil.Process]]:
    """`crawl2chat serve` with a model's folder: its address and process."""
    port = port or server_process.free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "flows.cli", "serve", "--model", str(folder)]
    command += ["--port", str(port), "--max-rows", str(ROWS)]
    with server_process.started(command, url, psutil.Process().cpu_affinity(), {}) as process:
        yield url, process


def held(process: psutil.Process) -> Held:
    files = []
    for link in Path(f"/proc/{process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            files.append(str(link.readlink()))
    return Held(process.memory_info().rss, tuple(sorted(files)), process.num_threads())


def gauges(url: str) -> dict[str, float]:
    """What the server says of itself: values by name, summed over labels."""
    text = asyncio.run(get(url, "/metrics")).body.decode()
    found: Counter[str] = Counter()
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[name.partition("{")[0]] += float(value)  # type: ignore[assignment]
    return dict(found)


def is_idle(url: str) -> bool:
    """Whether no row is under way and nothing waits."""
    found = gauges(url)
    return found[ROWS_GAUGE] == 0 and found[QUEUE_GAUGE] == 0


def soak(
    url: str,
    process: psutil.Process,
    crowd: Crowd,
    at_a_time: int,
    seed: int,
    visits: int = 0,
    seconds: float = 0.0,
) -> Soaked:
    """All pages written once and a warm-up of a quarter as long, by when every thread has come
    and memory is as large as it gets, then the crowd; returns once the server is idle again.
    """

    async def watched() -> list[tuple[float, int]]:
        sizes, began = [], time.monotonic()
        come = asyncio.ensure_future(crowd.come(at_a_time, seed, visits, seconds))
        while not come.done():
            sizes.append((time.monotonic() - began, process.memory_info().rss))
            await asyncio.wait([come], timeout=LOOK_SECONDS)
        await come
        return sizes

    asyncio.run(undisturbed(url, fillers()))
    asyncio.run(crowd.come(at_a_time, seed + 1, visits // 4, seconds / 4))
    eventually(lambda: is_idle(url), lambda: gauges(url))
    before, cpu = held(process), server_process.cpu_seconds(process)
    memory = asyncio.run(watched())
    eventually(lambda: is_idle(url), lambda: gauges(url))
    cpu = server_process.cpu_seconds(process) - cpu
    until = time.monotonic() + CLOSED_SECONDS
    after = held(process)
    while set(after.files) - set(before.files) and time.monotonic() < until:
        time.sleep(LOOK_SECONDS / 20)
        after = held(process)
    return Soaked(crowd, before, after, memory, cpu)


def complaints(found: Soaked) -> list[str]:
    """What was wrong; of memory only where it was watched for long."""
    told = list(found.crowd.told.wrong)
    if more := set(found.after.files) - set(found.before.files):
        told.append(f"left open: {', '.join(sorted(more))}")
    if found.after.threads > found.before.threads + MOST_POOL_THREADS:
        told.append(f"threads grew from {found.before.threads} to {found.after.threads}")
    if len(found.memory) > 100 and found.growth > MOST_GROWTH:
        told.append(f"memory grew by {found.growth:.1%}")
    return told


def table(found: Soaked, seconds: float, at_a_time: int) -> str:
    """How each kind of visit ended."""
    told = found.crowd.told
    lines = ["| visit | how often | ended |", "|---|--:|---|"]
    for name in sorted({visit for visit, _ in told.ends}):
        ends = {end: count for (visit, end), count in told.ends.items() if visit == name}
        parts = ", ".join(f"{end}: {count:,}" for end, count in sorted(ends.items()))
        lines.append(f"| {name.replace('_', ' ')} | {sum(ends.values()):,} | {parts} |")
    wrong = len(complaints(found))
    note = (
        f"{seconds / 60:.0f} minutes, {at_a_time} clients at a time, {sum(told.ends.values()):,} "
        f"visits; {told.answers:,} whole answers, each compared with its undisturbed one: "
        f"{wrong} complaints. Behind it no row was under way; memory "
        f"{found.before.bytes / 1e6:.1f} MB before, {found.after.bytes / 1e6:.1f} MB after "
        f"({found.growth:+.2%} from the first tenth's median to the last's), open files "
        f"{len(found.before.files)} and {len(found.after.files)}, threads "
        f"{found.before.threads} and {found.after.threads}; {found.cpu_seconds:.0f} "
        f"CPU seconds. CPU: {processor()}."
    )
    return "\n".join([*lines, "", note])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="after a warm-up of a quarter")
    parser.add_argument("--at-a-time", type=int, default=48)
    parser.add_argument("--seed", type=int, default=0)
    add_option(parser)
    given = parser.parse_args()
    seconds = 60 * given.minutes
    with tempfile.TemporaryDirectory(prefix="soak-") as made:
        text_models.small(Path(made))
        with served(Path(made)) as (url, process):
            crowd = Crowd(url, asyncio.run(undisturbed(url, questions())), longest_pause=0.1)
            found = soak(url, process, crowd, given.at_a_time, given.seed, seconds=seconds)
            again = asyncio.run(undisturbed(url, questions()))
    if again != crowd.asked:
        crowd.told.wrong.append("undisturbed answers are others than before the crowd")
    text = table(found, seconds, given.at_a_time)
    print(text)
    if told := complaints(found):
        raise SystemExit("\n".join(told[:20]))
    if given.write:
        write_table(given.write, TABLE, text)


if __name__ == "__main__":
    main()
