"""The corpus on two Ray nodes, one of which is lost mid-run: the bytes of an undisturbed run.

Both nodes are on this machine, with processes and one core of their own. All of a node's processes
get SIGKILL at once, as if it had lost power, while it is at work on a WARC file.
"""

import concurrent.futures
import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from patience import PATIENCE_SECONDS, eventually, free_port

from storage import Lake

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL = ["--preset", "ci"]
SETTINGS = ("sample_web.pages=260", "sample_web.warc_files=4", "scan.minhash.buckets=4")
for setting in (*SETTINGS, "input.keep_raw_text=false"):
    SMALL += ["--set", setting]
NODE = [
    "--block",
    "--num-cpus=1",
    "--object-store-memory=80000000",
    "--min-worker-port=0",
    "--max-worker-port=0",
    "--disable-usage-stats",
]

pytestmark = [
    pytest.mark.skipif(
        not all(importlib.util.find_spec(name) for name in ("ray", "prefect_ray")),
        reason="Ray is not installed (pip install 'crawl2chat[ray]')",
    ),
    pytest.mark.skipif(
        len(sys.prefix.split()) > 1, reason="Ray can't start from a folder with a space in its name"
    ),
]


def contents(lake: Path) -> dict[str, Any]:
    """The reproducible part of every manifest, hashes of all files included."""
    return {f"{m.kind}/{m.digest}": m.content() for m in Lake(lake).list()}


class Node:
    """`ray start`, and all that it starts."""

    def __init__(self, arguments: list[str], environment: dict[str, str], log: Path) -> None:
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", *NODE, *arguments]
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                command, env=environment, stdout=file, stderr=file, start_new_session=True
            )
        self.log = log

    def processes(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            top = psutil.Process(self.process.pid)
            return [top, *top.children(recursive=True)]
        return []

    def kill(self) -> list[psutil.Process]:
        """End all of it; gives what is still there after a while."""
        found = self.processes()
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        self.process.wait()
        _, alive = psutil.wait_procs(found, timeout=PATIENCE_SECONDS)
        return alive


@pytest.fixture
def environment(cli: Any) -> Iterator[dict[str, str]]:
    """For everything of the cluster; Ray's files go to a short path, for its sockets' names."""
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    yield {
        **cli.environment,
        "RAY_TMPDIR": folder,
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        # A lost node counts as lost after about three seconds, not half a minute.
        "RAY_health_check_initial_delay_ms": "0",
        "RAY_health_check_period_ms": "1000",
        "RAY_health_check_timeout_ms": "1000",
        "RAY_health_check_failure_threshold": "3",
    }
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def cluster(environment: dict[str, str], tmp_path: Path) -> Iterator[tuple[str, Node, Node]]:
    """The head, and a second node: to be lost."""
    address = f"127.0.0.1:{free_port()}"
    nodes: list[Node] = []

    def start(name: str, *arguments: str) -> Node:
        ports = [
            f"--dashboard-agent-listen-port={free_port()}",
            f"--dashboard-agent-grpc-port={free_port()}",
            f"--runtime-env-agent-port={free_port()}",
            "--node-ip-address=127.0.0.1",
        ]
        nodes.append(Node([*ports, *arguments], environment, tmp_path / f"{name}.log"))
        return nodes[-1]

    def is_up(node: Node) -> bool:
        assert node.process.poll() is None, node.log.read_text()[-4000:]
        return "Ray runtime started" in node.log.read_text()

    try:
        port = address.rpartition(":")[2]
        head = start("head", "--head", f"--port={port}", "--include-dashboard=false")
        eventually(lambda: is_up(head), "no head")
        second = start("second", f"--address={address}")
        eventually(lambda: is_up(second), "no second node")
        yield address, head, second
    finally:
        assert [node.kill() for node in nodes] == [[] for _ in nodes]


def at_work(lake: Path, node: Node) -> bool:
    """Whether a WARC file is being read on the node: a staging folder has its owner's number."""
    staging = lake / ".staging"
    names = [path.name.split("-") for path in staging.iterdir()] if staging.is_dir() else []
    reading = {int(name[2]) for name in names if name[0] == "scan"}
    return bool(reading) and not reading.isdisjoint(p.pid for p in node.processes())


@pytest.fixture
def undisturbed(cli: Any, tmp_path: Path) -> Iterator[Callable[[], dict[str, Any]]]:
    """What a run by threads makes: it goes on while the cluster starts."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        run = pool.submit(lambda: cli.json("run", "corpus", *SMALL, "--lake", tmp_path / "threads"))

        def made() -> dict[str, Any]:
            run.result()
            return contents(tmp_path / "threads")

        yield made


def test_a_lost_node_changes_no_byte(
    undisturbed: Callable[[], dict[str, Any]],
    cluster: tuple[str, Node, Node],
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    address, _, second = cluster
    lake = tmp_path / "ray"
    command = [sys.executable, "-m", "flows.cli", "run", "corpus", *SMALL, "--lake", str(lake)]
    with (tmp_path / "log").open("wb") as log:
        run = subprocess.Popen(
            [*command, "--runner", "ray", "--ray-address", address],
            env=environment,
            cwd=REPOSITORY,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            eventually(
                lambda: (
                    second.process.poll() is not None
                    or run.poll() is not None
                    or at_work(lake, second)
                ),
                "nothing was read on the second node",
            )
            assert second.process.poll() is None, second.log.read_text()[-4000:]
            assert run.poll() is None, (tmp_path / "log").read_text()[-4000:]
            assert second.kill() == []
            assert run.wait(PATIENCE_SECONDS) == 0, (tmp_path / "log").read_text()[-4000:]
        finally:
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGKILL)
                run.wait()
    made, expected = contents(lake), undisturbed()
    assert "corpus/" in " ".join(expected)
    bands = {key for key in made if key.startswith("dedup_")}
    assert len(bands) == 1 + 1 + 5  # numbers; keys of one group of parts; buckets and exact
    assert {key: made[key] for key in made.keys() - bands} == expected
    parts = Lake(lake).list("scan")
    assert [part.statistics["raw_text"] for part in parts] == ["dropped"] * 4
    assert all(Lake(lake).is_whole(m.kind, m.digest, deep=True) for m in Lake(lake).list())


def test_a_cluster_that_is_not_there(cli: Any, tmp_path: Path) -> None:
    done = cli(
        "run",
        "corpus",
        *SMALL,
        "--runner",
        "ray",
        "--lake",
        tmp_path / "lake",
        "--ray-address",
        f"127.0.0.1:{free_port()}",
    )
    assert done.returncode == 2
    assert "no Ray answers there" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_that_is_not_there(cli: Any, tmp_path: Path) -> None:
    for url in (None, f"http://127.0.0.1:{free_port()}/api"):
        environment = {**cli.environment, "PREFECT_API_URL": url or ""}
        done = cli(
            "run", "corpus", *SMALL, "--runner", "ray", "--lake", tmp_path / "lake", env=environment
        )
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert "Prefect server" in done.stderr
