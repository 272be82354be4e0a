"""The one way a task is declared: a stage, its config and its inputs become one artifact in the
lake.

The cache key is the artifact's digest, and a hit counts only while the artifact is whole: a
deleted or damaged one is built again. What a task returns, and Prefect keeps, is a small JSON
reference, never data. Failures that may pass (a killed worker, the network) are retried; an
exception of the stage, a user's mistake and a full disk are not.
"""

import contextlib
import dataclasses
import functools
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import CacheKeyFnPolicy
from prefect.futures import PrefectFuture
from prefect.logging import get_run_logger
from prefect.results import get_result_store
from prefect.task_runners import TaskRunner
from prefect.tasks import Task
from prefect.utilities.annotations import quote

from flows.runner import nodes, terminal
from flows.runner.curves import About, Curves, begin, runs_folder
from flows.runner.prefect_run import prefect_run
from flows.runner.progress import Relay
from flows.runner.references import InputFile, Reference, reference
from flows.runner.retries import RETRIED, is_transient
from flows.runner.work import Input, Work
from flows.runner.workers import Outcome, run_worker
from pipeline import reference_data
from pipeline.config import to_dict
from pipeline.provenance import TaskMeter
from pipeline.worker.spec import BuildSpec
from storage import locks
from storage.durable import remove_tree
from storage.errors import UserError
from storage.file_hashes import FileState, unchanged
from storage.leases import Lease
from storage.local import LocalTree
from storage.manifest import Provenance

AT_ONCE = 16  # inputs that are fetched from an S3 lake

interrupted = threading.Event()  # set when a run ends while threads of it wait for another run


def make(work: Work) -> Reference:
    """Make the artifact, or find it made, and wait for it."""
    # Unquoted, Prefect looks for futures in every input: of 90,000 parts for half a minute. Only
    # here: submitted work has few inputs, and what Ray pickles comes out of its quotes a tuple.
    unseen: Any = quote(work)
    return _declared(work)(unseen)


def submit(work: Work, runner: TaskRunner[Any]) -> PrefectFuture[Reference]:
    """Have a task runner make it beside others."""
    future: PrefectFuture[Reference] = runner.submit(_declared(work), parameters={"work": work})
    return future


def check_shared(work: Work) -> None:
    """UserError where a node of a cluster does not see what all nodes must share."""
    given = [item for items in work.inputs.values() for item in items]
    places = [item.path for item in given if isinstance(item, InputFile)]
    if isinstance(work.lake.tree, LocalTree):
        places.append(work.lake.tree.root)
    for place in places:
        if not place.exists():
            raise UserError(
                f"{place} is not on node {socket.gethostname()}: with --runner ray the lake and the"
                " input must be on storage that all nodes share (or an s3:// lake)"
            )
    here = reference_data.digests(work.stage.data)
    if other := [one for one in work.input_digests.get(reference_data.KEY, ()) if one not in here]:
        names = ", ".join(one.split(":", 2)[2] for one in other)
        raise UserError(
            f"node {socket.gethostname()} has other data in its packages than the run began with"
            f" ({names}): install the same versions on all nodes"
        )


@task(
    persist_result=True,
    result_serializer="json",
    cache_policy=CacheKeyFnPolicy(cache_key_fn=lambda _, given: given["work"].cache_key),
    **RETRIED,
)
def artifact(work: Work) -> Reference:
    """Build one artifact of the lake, or find that another run has."""
    if work.is_whole:  # made under another Prefect database, or by another run a moment ago
        return _found(work)
    if work.elsewhere:
        check_shared(work)
    with _alone(work) as token:
        if not work.is_whole:
            return _build(work, token)
        terminal.say(f"✓ {work.title}  (made by another run)")
        return _found(work)


def _build(work: Work, token: str | None) -> Reference:
    """One try; with a token scratch is ours as long as the lock is."""
    stage, lake = work.stage, work.lake
    relay, meter = Relay(stage.kind, work.title, _curves(work), work.beside), TaskMeter()
    staging = lake.staging(stage.kind, work.digest)
    desk = lake.staging(stage.kind, work.digest)  # of a killed run both are collected as garbage
    scratch = lake.scratch(stage.kind, work.digest) if token else desk
    leases = contextlib.ExitStack()
    try:
        given = _localized(work, leases.enter_context(lake.lease()))
        spec: BuildSpec = {
            "kind": stage.kind,
            "entry": stage.entry,
            "preload": stage.preload_entry,
            "out": str(staging),
            "inputs": given,
            "config": to_dict(work.config),
            "scratch": str(scratch),
            "lock": [str(lake.lock(stage.kind, work.digest)), token] if token else None,
            "processes": work.processes // (work.nodes.count if work.nodes else 1),
            "cores": work.cores,
        }
        with unchanged(_files(work)):
            outcome = _run(spec, work, desk, relay)
        provenance: Provenance = {
            **meter.read(outcome.cpu_seconds, outcome.peak_memory_bytes),
            "input_paths": {
                key: [os.path.abspath(i.path) for i in items if isinstance(i, InputFile)]  # noqa: PTH100
                for key, items in work.inputs.items()
            },
        }
        if run := prefect_run():
            provenance["prefect_run"] = run
        manifest = lake.commit(
            staging,
            stage.kind,
            work.digest,
            stage.version,
            work.recipe,
            work.input_digests,
            outcome.statistics,
            provenance,
        )
        remove_tree(scratch)
    except BaseException as error:
        relay.failed(error, is_transient(error))
        raise
    finally:
        leases.close()
        remove_tree(desk)
        remove_tree(staging)  # published by renaming, where all went well
    relay.done(provenance["seconds"])
    return reference(manifest, lake)


def _found(work: Work) -> Reference:
    return reference(work.lake.manifest(work.stage.kind, work.digest), work.lake)


@contextlib.contextmanager
def _alone(work: Work) -> Iterator[str | None]:
    """While this lasts no other run makes the same in this lake; the token of `storage.locks`.

    None on a cluster, where a node that is lost but not dead may be at it for a while.
    """
    if work.elsewhere:
        yield None
        return

    def say(holder: locks.Holder | None) -> None:
        who = holder or "whose processes still end"
        text = f"{work.title}: waits for another run at {work.stage.kind} {work.digest[:16]}: {who}"
        get_run_logger().info(text)
        terminal.say(f"  {text}")

    lock = work.lake.lock(work.stage.kind, work.digest)
    with locks.held(lock, say, stop=interrupted.is_set) as token:
        yield token


def _files(work: Work) -> dict[Path, FileState | None]:
    """The input files, in the states whose hashes are in the digest."""
    files = [
        item for items in work.inputs.values() for item in items if isinstance(item, InputFile)
    ]
    states = {file.path: file.state for file in files}
    if work.elsewhere:  # where files may be numbered otherwise
        return {path: one and dataclasses.replace(one, inode=0) for path, one in states.items()}
    return dict(states)


def _run(spec: BuildSpec, work: Work, desk: Path, relay: Relay) -> Outcome:
    """One try, on this machine or with the other nodes."""
    call = functools.partial(
        run_worker, desk=desk, place=work.lake.url, on_event=relay.event, on_log=relay.log
    )
    if work.nodes is None:
        return call(spec)
    leader = nodes.leader(work.lake, work.nodes)
    name = f"{work.stage.kind}-{work.digest[:16]}-{uuid.uuid4().hex[:8]}"
    spec = {**spec, "rendezvous": work.nodes.meeting(0, name)}
    with leader.announced(spec):
        return call(spec)


def _declared(work: Work) -> Task[..., Reference]:
    """The task for this artifact, under a name that says what runs."""
    title = work.title.replace("{", "{{").replace("}", "}}")  # Prefect formats the name
    declared = artifact.with_options(name=work.stage.kind, task_run_name=title)
    whole = work.is_whole and is_readable(declared, work.cache_key)
    return declared.with_options(refresh_cache=not whole)


def is_readable(declared: Task[..., Any], key: str) -> bool:
    """False if a kill left half a result file behind, which Prefect would choke on."""
    store: Any = get_result_store().update_for_task(declared, _sync=True)  # type: ignore[call-arg]
    try:
        return not store.exists(key) or bool(store.read(key))
    except ValueError:  # not JSON
        return False


def _curves(work: Work) -> Curves | None:
    """What draws the curves of a training run."""
    if work.logging is None:
        return None
    name = f"{work.stage.kind}-{work.digest[:16]}"
    folder = runs_folder(work.logging, work.lake) / name
    about = About(name, work.title, work.recipe, work.logging.project, folder)
    return begin(work.logging, about)


def _localized(work: Work, lease: Lease | None) -> dict[str, list[str]]:
    """Paths of the inputs on this disk, with what the stage reads of each."""
    given = {**work.inputs, **work.prepared}

    def path(key: str, item: Input) -> Path:
        if isinstance(item, InputFile):
            return item.path
        reads = work.stage.read_of(key, work.config, given)
        return work.lake.local(item["kind"], item["digest"], reads, lease)

    with ThreadPoolExecutor(AT_ONCE) as pool:  # a dump has 90,000 parts, each some requests
        return {
            key: [str(found) for found in pool.map(functools.partial(path, key), items)]
            for key, items in given.items()
        }
