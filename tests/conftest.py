"""Fixtures of the whole suite: a Prefect of its own, the shared materials, one finished run.

Nothing here touches the user's Prefect: its home is a temporary folder, set before prefect can be
imported. Flows of the tests run against one server for the session, started when first asked for.
"""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from patience import PATIENCE_SECONDS

# A slow machine is no failure; CI repeats itself, a developer's machine looks further each time.
IN_CI = "CI" in os.environ
hypothesis.settings.register_profile(
    "suite", deadline=None, derandomize=IN_CI, max_examples=25 if IN_CI else 100
)
hypothesis.settings.load_profile("suite")

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = REPOSITORY.parent / "shared"

_HOME = tempfile.mkdtemp(prefix="crawl2chat-prefect-")
os.environ["PREFECT_HOME"] = _HOME
os.environ["DO_NOT_TRACK"] = "1"
# As the command line does (flows/cli/entry.py): threads that spin at each other's barriers starve
# where a Prefect server and worker processes want the same two cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
for _name in ("PREFECT_API_URL", "PREFECT_PROFILE", "CRAWL2CHAT_LAKE", "CRAWL2CHAT_LOG_LEVEL"):
    os.environ.pop(_name, None)


# What is made once a session and costs most; who asks for it runs in one process of `make test`,
# which comes to these first, so that nothing long is left for the end.
COSTLY = ("ci_run", "prefect", "prefect_server")
# Folders whose tests start and kill whole runs, servers or builds of other programs.
SLOW = [REPOSITORY / "tests" / name for name in ("deployments", "faults", "interop")]


@pytest.hookimpl(tryfirst=True)  # pytest-xdist's own hook reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what is slow; then, for pytest-xdist's loadgroup, group tests that share something
    costly, else those of a file.
    """
    for item in items:
        asked = {*getattr(item, "fixturenames", ())} & {*COSTLY}
        if asked or any(folder in item.path.parents for folder in SLOW):
            item.add_marker(pytest.mark.slow)
    if not hasattr(config, "workerinput"):  # one process, the usual order
        return
    ranks = {}
    for item in items:
        names = getattr(item, "fixturenames", ())
        rank = next((n for n, name in enumerate(COSTLY) if name in names), len(COSTLY))
        ranks[item] = rank
        name = COSTLY[rank] if rank < len(COSTLY) else str(item.path)
        # "@" and "]" have a meaning in xdist's names of groups
        item.add_marker(pytest.mark.xdist_group(name.translate({ord("@"): "_", ord("]"): "_"})))
    items.sort(key=ranks.__getitem__)


def pytest_make_parametrize_id(val: object) -> str | None:
    """A packed file is named by its size: its bytes may hold the time, and a test that has another
    name in another process stops pytest-xdist.
    """
    return f"gzip{len(val)}" if isinstance(val, bytes) and val.startswith(b"\x1f\x8b") else None


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder with crawls and evaluation files that lies beside the checkout, where it does."""
    if not SHARED.is_dir():
        pytest.skip(f"no shared materials at {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[str]:
    """The address of a Prefect API for command lines that tests start."""
    from flows.runner.server import api_server

    with api_server() as api:
        del os.environ["PREFECT_API_URL"]  # for those command lines alone, not for this process
        api.wait()
        yield api.url


@dataclasses.dataclass(frozen=True)
class CommandLine:
    """`crawl2chat` as a user runs it, in a process of its own."""

    environment: dict[str, str]

    def __call__(self, *arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "flows.cli", *map(str, arguments)]
        defaults = {"env": self.environment, "cwd": REPOSITORY, "timeout": PATIENCE_SECONDS}
        return subprocess.run(command, capture_output=True, text=True, **{**defaults, **options})

    def json(self, *arguments: str | Path) -> Any:
        """Its one JSON document; a failure shows what it said."""
        done = self(*arguments, "--json")
        assert done.returncode == 0, done.stderr[-4000:]
        return json.loads(done.stdout)


@pytest.fixture(scope="session")
def cli(prefect_server: str) -> CommandLine:
    """The command line against the session's server."""
    return CommandLine({**os.environ, "PREFECT_API_URL": prefect_server})


@pytest.fixture
def in_process(
    capfd: pytest.CaptureFixture[str],
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command line called in this process, where no process of its own is the subject: the
    start of one, with all that it imports, costs one to three seconds.
    """
    from flows.cli import main

    def call(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        capfd.readouterr()
        code = main([*map(str, arguments)])
        said = capfd.readouterr()
        return subprocess.CompletedProcess(arguments, code, said.out, said.err)

    return call


@dataclasses.dataclass(frozen=True)
class FinishedRun:
    """The whole pipeline at toy size: what `run crawl-to-chat --preset ci` left."""

    lake: Path
    result: dict[str, Any]  # its JSON document


@pytest.fixture(scope="session")
def ci_run(cli: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """One undisturbed run for every test that reads; who changes the lake copies it first."""
    lake = tmp_path_factory.mktemp("ci") / "lake"
    result = cli.json("run", "crawl-to-chat", "--preset", "ci", "--lake", lake)
    return FinishedRun(lake, result)
