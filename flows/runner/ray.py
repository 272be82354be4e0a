"""Tasks on a Ray cluster, or on a Ray of this machine.

Each artifact is still one Prefect task that owns a worker process (see `artifact`), only that Ray
says on which node it runs, and runs it again on another when a node is lost. Nodes share no memory
with this process, just the Prefect server and the storage below the lake and the input. What they
make is the same to the byte, and committed once.
"""

import contextlib
import dataclasses
import os
import socket
import time
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner

from flows.config_tables import InputConfig
from flows.runner import artifact, existing, server, terminal
from flows.runner.environment import child_environment
from flows.runner.flow_run import Run
from flows.runner.references import Reference
from flows.runner.work import Work
from flows.runner.workers import WorkerKilled
from pipeline.cores import cores
from storage.errors import UserError
from storage.local import LocalTree

# What Ray reads in its environment: no usage report leaves the machine.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

LOST_NODES = 20  # so often a task is begun again, when nodes or Ray's own processes die under it
OBJECT_STORE_BYTES = 100_000_000  # of a Ray of this machine alone: references are all it holds
CONNECT_SECONDS = 5.0
# NFS may show another node's new folder only so late (acdirmax).
VISIBLE_SECONDS = 60.0
LOOPBACK = ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104 — compared, not bound


def task_runner(run: Run) -> TaskRunner[Any]:
    """As many tasks at a time as the cluster has cores."""
    from prefect_ray import RayTaskRunner

    join(run)
    # It finds Ray connected, and leaves it so.
    runner: TaskRunner[Any] = RayTaskRunner()
    return runner


def submit(work: Work, runner: TaskRunner[Any]) -> PrefectFuture[Reference]:
    """Have an artifact made on some node."""
    beside = int(_ray().cluster_resources().get("CPU", 1))
    there = dataclasses.replace(work, elsewhere=True, beside=beside)
    with spread():
        future = artifact.submit(there, runner)
    # The node's own line about it has no terminal to go to.
    future.add_done_callback(lambda _: terminal.say(f"✓ {work.title}") if work.is_whole else None)
    return future


@contextlib.contextmanager
def spread() -> Iterator[None]:
    """What is submitted meanwhile goes to any node, and to another if that is lost."""
    from prefect_ray.context import remote_options

    with remote_options(num_cpus=1, max_retries=LOST_NODES, scheduling_strategy="SPREAD"):
        yield


def results(run: Run, futures: Sequence[PrefectFuture[Reference]]) -> list[Reference]:
    """What the nodes made, in order, once it is seen in the lake."""
    from ray.exceptions import RayError

    try:
        built = [future.result() for future in futures]
    except RayError as error:
        reason = next(line for line in str(error).splitlines() if line.strip())
        raise WorkerKilled(f"the cluster lost a task {LOST_NODES} times: {reason}") from error
    for future, reference in zip(futures, built):
        if not isinstance(future, existing.ExistingArtifact):
            _wait_until_seen(run, reference)
    return built


def join(run: Run) -> None:
    """Connect this process with the cluster, or start a Ray of this machine."""
    ray, given = _ray(), run.config.input
    server.check_shared()
    if isinstance(run.lake.tree, LocalTree):
        run.lake.tree.root.mkdir(parents=True, exist_ok=True)  # nodes look for it
    if ray.is_initialized():
        return
    address = given.ray_address or os.environ.get("RAY_ADDRESS", "")
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if not address:
        options |= {"num_cpus": given.workers or cores(), "include_dashboard": False}
        with _nowhere():
            ray.init(object_store_memory=OBJECT_STORE_BYTES, **options)
        return
    _check_answers(address)
    try:
        with _nowhere():
            ray.init(address, **options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"--ray-address {address}: {reason}") from error
    _check_reach(ray)


@contextlib.contextmanager
def _nowhere() -> Iterator[None]:
    """While Ray starts: it hands its workers the current directory, before the standard library."""
    before = dict(os.environ)
    os.environ.update(child_environment())
    try:
        with contextlib.chdir("/"):
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def leave(given: InputConfig) -> None:
    """Let the cluster go; a Ray of our own ends."""
    if given.runner == "ray":
        _ray().shutdown()


def _ray() -> Any:
    try:
        import prefect_ray  # noqa: F401
        import ray
    except ImportError:
        raise UserError(
            "--runner ray: Ray is not installed: pip install 'crawl2chat[ray]'"
        ) from None
    if len(ray.__file__.split()) > 1:  # it starts its workers by a shell's words, unquoted
        raise UserError(
            f"--runner ray: Ray can't start from a folder with a space in its name, {ray.__file__}:"
            " install into another"
        )
    return ray


def _check_answers(address: str) -> None:
    """Ray itself would wait for minutes."""
    place = urlsplit(address if "://" in address else f"ray://{address}")
    if place.hostname is None or place.port is None:
        return  # auto, and the like
    try:
        socket.create_connection((place.hostname, place.port), CONNECT_SECONDS).close()
    except OSError as error:
        raise UserError(
            f"--ray-address {address}: no Ray answers there ({error.strerror or error}):"
            " ray start --head, and its address"
        ) from error


def _check_reach(ray: Any) -> None:
    """Other machines must reach the Prefect server as well."""
    url = server.configured_url() or ""
    mine = ray.util.get_node_ip_address()
    others = [
        node["NodeManagerAddress"]
        for node in ray.nodes()
        if node["Alive"] and node["NodeManagerAddress"] not in (mine, "127.0.0.1")
    ]
    if others and urlsplit(url).hostname in LOOPBACK:
        raise UserError(
            f"--runner ray: PREFECT_API_URL={url} means this machine alone, but the cluster has"
            f" {others[0]} as well: prefect server start --host ADDRESS, and that address"
        )


def _wait_until_seen(run: Run, made: Reference) -> None:
    deadline = time.monotonic() + VISIBLE_SECONDS
    while not run.lake.is_whole(made["kind"], made["digest"]):
        if time.monotonic() > deadline:
            raise UserError(
                f"lake {run.lake.url}: a node of the cluster wrote {made['uri']}, but it is not"
                " there: the lake must be on storage that all nodes share"
            )
        time.sleep(0.5)
