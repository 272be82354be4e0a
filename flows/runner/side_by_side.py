"""Tasks that run side by side: in threads of this machine, or on a Ray cluster (see `ray`)."""

import contextlib
import dataclasses
from collections.abc import Sequence
from typing import Any

from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from prefect.tasks import Task

from flows.runner import artifact, existing, ray, terminal
from flows.runner.flow_run import Run
from flows.runner.references import Reference
from flows.runner.work import Work
from pipeline.cores import cores


def several_at_a_time(run: Run) -> TaskRunner[Any]:
    """Runs tasks side by side: as many as the run has workers, or as the cluster has cores."""
    if run.config.input.runner == "ray":
        return ray.task_runner(run)
    return _Threads(max_workers=run.config.input.workers or cores())


class _Threads(ThreadPoolTaskRunner[Any]):
    """Ends those that wait for another run when this one fails: Prefect waits for all threads."""

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is not None:
            artifact.interrupted.set()
        try:
            super().__exit__(kind, error, trace)
        finally:
            artifact.interrupted.clear()


def submit(work: Work, runner: TaskRunner[Any]) -> PrefectFuture[Reference]:
    """Have an artifact made beside others, if it isn't there."""
    if found := existing.find(work):
        return existing.ExistingArtifact(found)
    if isinstance(runner, ThreadPoolTaskRunner):
        return artifact.submit(dataclasses.replace(work, beside=runner._max_workers), runner)
    return ray.submit(work, runner)


def call(
    task: Task[..., Reference], runner: TaskRunner[Any], **given: Any
) -> PrefectFuture[Reference]:
    """Have a task that makes no artifact run beside others."""
    with contextlib.nullcontext() if isinstance(runner, ThreadPoolTaskRunner) else ray.spread():
        future: PrefectFuture[Reference] = runner.submit(task, parameters=given)
    return future


def results(run: Run, futures: Sequence[PrefectFuture[Reference]]) -> list[Reference]:
    """What the tasks made, in their order, found in the lake."""
    found = [future.result() for future in futures if isinstance(future, existing.ExistingArtifact)]
    if found:
        kind = found[0]["kind"].replace("_", " ")
        terminal.note(f"  {kind}: {len(found):,} of {len(futures):,} are there")
    if run.config.input.runner == "ray":
        return ray.results(run, futures)
    return [future.result() for future in futures]
