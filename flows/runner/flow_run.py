"""What every flow of this project opens with and ends with: the lake, and the hand-over of
artifacts.

`made` is the hand-over: the artifacts of a run so far, by slot (a kind, or `evals.<model>`). A
flow that is started by itself gets its `made` by running the flow before it, which costs next to
nothing where the artifacts are whole.
"""

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

from flows.config import RunConfig, settle
from flows.runner import curves, terminal
from flows.runner.artifact import make
from flows.runner.nodes import Nodes, lead
from flows.runner.references import Reference
from flows.runner.work import Input, Work
from pipeline.stage import Stage
from storage import Lake
from storage.redaction import hide

LAKE: str = hide(os.environ.get("CRAWL2CHAT_LAKE", "./lake"))

Artifacts = dict[str, Reference]


@dataclasses.dataclass(frozen=True)
class Run:
    """A flow run's config and lake."""

    config: RunConfig
    lake: Lake

    def make(
        self, stage: Stage[Any], config: Any, title: str, **inputs: Sequence[Input]
    ) -> Reference:
        """One artifact, made or found."""
        return make(self.work(stage, config, title, **inputs))

    def train(
        self, stage: Stage[Any], config: Any, title: str, **inputs: Sequence[Input]
    ) -> Reference:
        """One artifact on the machine's device, by as many processes as the run has."""
        given = self.config.input
        settled = settle(config)
        if getattr(settled, "parallelism", "") == "hsdp" and not settled.replicas:
            settled = dataclasses.replace(settled, replicas=given.nodes)
        terminal.say(
            f"  {stage.kind}: {settled.precision} on {settled.device}, {settled.threads} threads"
        )
        work = self.work(stage, settled, title, **inputs)
        processes, nodes = given.processes * given.nodes, Nodes.of(given)
        return make(
            dataclasses.replace(work, processes=processes, nodes=nodes, logging=self.config.logging)
        )

    def work(self, stage: Stage[Any], config: Any, title: str, **inputs: Sequence[Input]) -> Work:
        """What such an artifact takes."""
        listed = {key: list(items) for key, items in inputs.items()}
        return Work(stage, config, listed, self.lake, title)

    def hand_over(self, made: Artifacts, **new: Reference | None) -> Artifacts:
        """Make the new artifacts the lake's newest, and pass them on with the earlier ones."""
        self.lake.set_heads({slot: item and item["digest"] for slot, item in new.items()})
        return {**made, **{slot: item for slot, item in new.items() if item is not None}}


def run_name() -> str:
    """What a flow run is called in the UI: its flow and preset, and which models it measures."""
    from prefect.runtime import flow_run

    given = flow_run.parameters
    config = given.get("config") or {}
    preset = config.preset if isinstance(config, RunConfig) else config.get("preset", "")
    models = " ".join(given.get("models") or ())
    return " ".join(filter(None, (flow_run.flow_name, models, f"({preset})" if preset else "")))


def begin(config: RunConfig, lake: str) -> Run:
    """Open the lake, rid of what killed runs left in it."""
    curves.check(config.logging)
    opened = Lake(lake)
    opened.check_writable()
    lead(config.input, opened)
    opened.collect_garbage()
    return Run(config, opened)
