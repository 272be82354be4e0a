"""A lake, and a toy stage (tests/flows/toy.py) whose artifacts flows make in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

from flows.runner.artifact import make
from flows.runner.references import Reference
from flows.runner.work import Work
from storage import Lake


class Bench:
    """A lake, and how often the toy stage was really built."""

    def __init__(self, folder: Path) -> None:
        import toy

        self.toy = toy
        self.lake = Lake(folder / "lake")
        self.log = folder / "log"
        self.run_id: Any = None

    @property
    def builds(self) -> int:
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0

    def work(self, number: int = 1, ending: str = "well", **inputs: Any) -> Work:
        config = self.toy.ToyConfig(number, ending, str(self.log))
        return Work(self.toy.STAGE, config, inputs, self.lake, f"toy {number} of {{two}}")

    def run(self, story: Callable[[], Any]) -> Any:
        from prefect.runtime import flow_run

        @flow(name="toy")
        def told() -> Any:
            self.run_id = flow_run.id
            return story()

        return told()

    def make(self, number: int = 1, ending: str = "well", **inputs: Any) -> Reference:
        return self.run(lambda: make(self.work(number, ending, **inputs)))

    def task_runs(self) -> list[Any]:
        with get_client(sync_client=True) as client:
            chosen = FlowRunFilter(id=FlowRunFilterId(any_=[self.run_id]))
            return list(client.read_task_runs(flow_run_filter=chosen))
