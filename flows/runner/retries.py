"""Which failures of a task are worth another try, and when it is made.

One rule for all tasks. It is Prefect that waits, between two states of the task run, so that a
try that is due is seen in its UI; what a task tries again within itself (a request to a server, a
write that another was faster with) waits by `storage.backoff`.
"""

from collections.abc import Callable
from typing import Any, TypedDict

from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task, exponential_backoff

from flows.runner.workers import NetworkError, WorkerKilled
from pipeline.worker.failures import is_network_error

RETRIES = 3
FIRST_PAUSE_SECONDS = 1.0  # doubled after each, and lengthened by up to half at random


class TaskRetries(TypedDict):
    """Arguments of Prefect's `task`."""

    retries: int
    retry_delay_seconds: Callable[[int], list[float]]
    retry_jitter_factor: float
    retry_condition_fn: Callable[[Task[..., Any], TaskRun, State[Any]], bool]


def is_transient(error: object) -> bool:
    """Whether a failure is worth another try: the same may go well a moment later."""
    if isinstance(error, WorkerKilled | NetworkError):
        return True
    return isinstance(error, Exception) and is_network_error(error)


def _ended_by_transient(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    return is_transient(state.result(raise_on_failure=False))


RETRIED: TaskRetries = {
    "retries": RETRIES,
    "retry_delay_seconds": exponential_backoff(FIRST_PAUSE_SECONDS),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": _ended_by_transient,
}
