"""Nobody gets out: each attempt against each back-end, and each layer by itself.

An attempt that never gets through anywhere proves nothing. So each whose guards are named is also
run with all of them off, where it must get through, and with each of them alone, where it must not:
in zygotes of their own, which end with these tests.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from escape_attempts import Attempt, Seen
from escape_files import FILES
from escape_kernel import KERNEL, RIGHTS
from escape_outside import Listeners, Outside, Victim, open_folder
from escape_processes import PROCESSES, SOCKETS
from escape_resources import RESOURCES, SECRETS
from escape_state import STATE

from pipeline.tools.config import PythonConfig, ToolLimits
from pipeline.tools.fork_server import ForkServer
from pipeline.tools.monty_pool import MontyPool
from pipeline.tools.program_run import ProgramRun
from pipeline.tools.sandbox import landlock
from pipeline.tools.sandbox.layers import LAYERS
from pipeline.tools.tool import ToolFault

ATTEMPTS = (
    *FILES, *SOCKETS, *PROCESSES, *RIGHTS, *KERNEL, *RESOURCES, *SECRETS, *STATE,
)  # fmt: skip
GUARDED = [attempt for attempt in ATTEMPTS if attempt.guards]
ALONE = [(attempt, guard) for attempt in GUARDED for guard in attempt.guards]
LIMITS = ToolLimits(seconds=1.0, memory_mib=64)
PATIENT = ToolLimits(seconds=20.0, memory_mib=64)  # where something is to get through
TOKEN = os.urandom(16).hex()
Run = Callable[[str], ProgramRun]


def named(attempt: Attempt) -> str:
    return attempt.name


def test_there_are_many_and_no_two_are_one() -> None:
    assert len(ATTEMPTS) >= 60
    assert len({attempt.name for attempt in ATTEMPTS}) == len(ATTEMPTS)
    assert len({(attempt.code, attempt.then) for attempt in ATTEMPTS}) == len(ATTEMPTS)
    assert len(GUARDED) >= 60


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with open_folder() as place:
        yield place


@pytest.fixture(scope="module")
def listeners(folder: Path) -> Iterator[Listeners]:
    (folder / "sockets").mkdir(mode=0o755)
    made = Listeners(folder / "sockets")
    yield made
    made.close()


@pytest.fixture(scope="module")
def victims() -> Iterator[list[Victim]]:
    found = [Victim()]
    yield found
    for victim in found:
        victim.close()


@pytest.fixture
def outside(
    folder: Path, listeners: Listeners, victims: list[Victim], request: pytest.FixtureRequest
) -> Iterator[Outside]:
    if not victims[-1].alive:
        victims.append(Victim())
    place = folder / os.urandom(8).hex()
    place.mkdir()
    listeners.heard.clear()
    one = Outside(place, listeners, victims[-1], TOKEN)
    yield one
    one.shared.unlink(missing_ok=True)


class Zygotes:
    """One for each set of layers, with a secret in the owner's environment and descriptors."""

    def __init__(self) -> None:
        self._started: dict[frozenset[str], ForkServer] = {}

    def of(self, layers: frozenset[str]) -> ForkServer:
        if layers not in self._started:
            chosen = tuple(name for name in LAYERS if name in layers)
            limits = LIMITS if layers == frozenset(LAYERS) else PATIENT
            self._started[layers] = ForkServer(
                PythonConfig("cpython", layers=chosen, limits=limits)
            )
        return self._started[layers]

    def lost(self, layers: frozenset[str]) -> None:
        self._started.pop(layers).close()

    def close(self) -> None:
        with ThreadPoolExecutor() as pool:  # each takes the kernel a moment
            list(pool.map(ForkServer.close, self._started.values()))


@pytest.fixture(scope="module")
def zygotes(folder: Path) -> Iterator[Zygotes]:
    if not sys.platform.startswith("linux"):
        pytest.skip("forks behind layers are Linux's")
    secret = folder / "descriptor"
    secret.write_text(TOKEN)
    with secret.open() as file, pytest.MonkeyPatch.context() as patch:
        os.set_inheritable(file.fileno(), True)
        patch.setenv("CRAWL2CHAT_SECRET", TOKEN)
        made = Zygotes()
        yield made
        made.close()


@pytest.fixture(scope="module")
def monty() -> Iterator[MontyPool]:
    pool = MontyPool(PythonConfig(limits=LIMITS), processes=1)
    yield pool
    pool.close()


def tried(attempt: Attempt, outside: Outside, run: Run) -> Seen:
    """What an attempt gave. A program without errors must run afterwards in any case."""
    before = f"W = {outside.facts!r}\n"
    started = time.monotonic()
    seen = ""
    fault = False
    try:
        for program in (attempt.code, attempt.then) if attempt.then else (attempt.code,):
            done = run(before + program)
            seen = f"{done.printed}\n{done.value}\n{done.error}"
        # One that is only slow gets another chance.
        fault = all(run("6 * 7").value != "42" for _ in range(5))
    except ToolFault:
        fault = True
    return Seen(seen, time.monotonic() - started, fault)


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=named)
def test_none_gets_out_of_forks(attempt: Attempt, outside: Outside, zygotes: Zygotes) -> None:
    every = frozenset(LAYERS)
    server = zygotes.of(every)
    if absent := server.report.absent:
        pytest.skip(f"not all layers hold here: {absent}")
    seen = tried(attempt, outside, server.run)
    assert not attempt.through(outside, seen), seen
    assert not seen.fault, seen
    assert outside.victim.alive


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=named)
def test_none_gets_out_of_monty(attempt: Attempt, outside: Outside, monty: MontyPool) -> None:
    seen = tried(attempt, outside, monty.run)
    assert not attempt.through(outside, seen), seen
    assert not seen.fault, seen
    assert outside.victim.alive


def without(attempt: Attempt, but: frozenset[str] = frozenset()) -> frozenset[str]:
    """All layers without an attempt's guards, but for some."""
    return frozenset(LAYERS) - frozenset().union(*attempt.guards, attempt.off) | but


def server_of(zygotes: Zygotes, layers: frozenset[str]) -> ForkServer:
    server = zygotes.of(layers)
    if lacking := layers - {*server.report.held}:
        pytest.skip(f"layers that don't hold here: {', '.join(sorted(lacking))}")
    return server


@pytest.mark.parametrize("attempt", GUARDED, ids=named)
def test_without_its_guards_it_gets_through(
    attempt: Attempt, outside: Outside, zygotes: Zygotes
) -> None:
    layers = without(attempt)
    seen = tried(attempt, outside, server_of(zygotes, layers).run)
    if seen.fault:
        zygotes.lost(layers)
    if not attempt.everywhere and not attempt.through(outside, seen):
        pytest.skip(f"this kernel or user doesn't have it: {seen.text.strip()}")
    assert attempt.through(outside, seen), seen


@pytest.mark.parametrize(
    ("attempt", "guard"), ALONE, ids=[f"{a.name}-{'+'.join(sorted(g))}" for a, g in ALONE]
)
def test_each_guard_alone_is_enough(
    attempt: Attempt, guard: frozenset[str], outside: Outside, zygotes: Zygotes
) -> None:
    layers = without(attempt, guard)
    server = server_of(zygotes, layers)
    if "landlock" in guard and landlock.version() < 6:
        pytest.skip("this kernel's Landlock knows neither TCP nor signals")
    seen = tried(attempt, outside, server.run)
    if seen.fault:
        zygotes.lost(layers)
    assert not attempt.through(outside, seen), seen


@pytest.mark.parametrize("attempt", STATE, ids=named)
def test_as_one_program_both_halves_find_each_other(
    attempt: Attempt, outside: Outside, zygotes: Zygotes
) -> None:
    layers = frozenset({"environment", "descriptors"})  # one writes a file
    run = zygotes.of(layers).run
    before = f"import os\nos.chdir({str(outside.open)!r})\nW = {outside.facts!r}\n"
    done = run(f"{before}{attempt.code}\n{attempt.then}")
    Path("/tmp/left").unlink(missing_ok=True)
    assert outside.marker in done.printed, done
