"""pytest in a process forked from this one, which has imported what takes long (torch alone: 3 s)
and nothing of this project, so that the fork imports the mutated module itself."""

import contextlib
import dataclasses
import importlib
import os
import resource
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path

import pytest

PRELOADED = (
    "numpy",
    "pyarrow",
    "pyarrow.parquet",
    "pyarrow.compute",
    "pyarrow.dataset",
    "torch",
    "torch._inductor",
    "torch.distributed.fsdp",
    "torch.distributed.tensor",
    "duckdb",
    "hypothesis",
    "hypothesis.strategies",
    "safetensors.torch",
    "tokenizers",
    "tiktoken",
    "transformers",
    "gguf",
    "phonenumbers",
    "tldextract",
    "boto3",
    "requests",
    "matplotlib",
    "lxml.html",
    "pydantic",
)
PROJECT = {"pipeline", "storage", "flows", "tests"}
# What a whole run, a Prefect server or torchrun (three times torch) would cost each mutant;
# see COSTLY in tests/conftest.py.
COSTLY = {"ci_run", "prefect", "prefect_server", "cli", "torchrun"}
MEMORY = 12 << 30  # of addresses: a loop without end fails before it takes the machine
OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "-n", "0", "--no-header", "--durations=0")


@dataclasses.dataclass(frozen=True)
class Outcome:
    status: int | None  # pytest's exit status, negative for a signal; None: the time was over
    seconds: float
    output: str

    @property
    def passed(self) -> bool:
        return self.status == 0


class Stopwatch:
    """Seconds in which this process ran. Whoever stops it (Ctrl-Z, a measurement that needs a quiet
    machine) stops its tests as well: a long gap between two looks is no time that they took."""

    LONGEST = 1.0  # seconds that a look adds at most

    def __init__(self) -> None:
        self.seconds = 0.0
        self._last = time.monotonic()

    def look(self) -> None:
        now = time.monotonic()
        self.seconds += min(now - self._last, self.LONGEST)
        self._last = now


class WithoutCostly:
    """A pytest plugin: tests that ask for something that takes minutes to make stay out."""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [i for i in items if not COSTLY & set(getattr(i, "fixturenames", ()))]


def preload() -> None:
    for name in PRELOADED:
        importlib.import_module(name)


def run(tree: Path, tests: tuple[str, ...], limit: float, scratch: Path) -> Outcome:
    """Run tests in a copy of the repository; whatever they started is ended when they are."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    said, clock = scratch / "output", Stopwatch()
    child = os.fork()
    if not child:
        _be_tests(tree, tests, limit, scratch, said)
    status: int | None = None
    try:
        while clock.seconds < limit:
            ended, code = os.waitpid(child, os.WNOHANG)
            if ended:
                status = os.waitstatus_to_exitcode(code)
                break
            time.sleep(0.02)
            clock.look()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        if status is None:
            os.waitpid(child, 0)
    output = said.read_text(errors="replace") if said.exists() else ""
    return Outcome(status, clock.seconds, output)


def _within(path: str, repository: str) -> bool:
    return Path(path).resolve() in (Path(repository), Path(repository, "tests", "helpers"))


def _be_tests(tree: Path, tests: tuple[str, ...], limit: float, scratch: Path, said: Path) -> None:
    status = 70
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        output = os.open(said, os.O_WRONLY | os.O_CREAT)
        for stream in (1, 2):
            os.dup2(output, stream)
        sys.stdout = sys.stderr = os.fdopen(1, "w", closefd=False)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        # Should nobody be left to end it: each thread may work all the time that is given.
        processor = int(limit + 1) * (os.cpu_count() or 1)
        resource.setrlimit(resource.RLIMIT_CPU, (processor, processor))
        os.chdir(tree)
        os.environ |= {
            "TMPDIR": str(scratch),
            "PYTHONPATH": str(tree),  # for the processes that tests start
            "PYTHONDONTWRITEBYTECODE": "1",
            "CI": "true",  # hypothesis draws the same examples each time
        }
        sys.dont_write_bytecode = True
        for name in [n for n in sys.modules if n.partition(".")[0] in PROJECT]:
            del sys.modules[name]
        here = str(Path(__file__).resolve().parents[2])
        others = (path for path in sys.path if path and not _within(path, here))
        sys.path[:] = [str(tree), *others]
        importlib.invalidate_caches()
        import tempfile

        tempfile.tempdir = None
        status = int(pytest.main([*OPTIONS, *tests], plugins=[WithoutCostly()]))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)
