"""One artifact to be made: what its digest follows from, where it goes, and with what help."""

import dataclasses
import functools
import hashlib
from typing import Any

from flows.config_tables import LoggingConfig
from flows.runner.nodes import Nodes
from flows.runner.references import InputFile, Reference
from pipeline import reference_data
from pipeline.config import to_dict
from pipeline.stage import Stage
from storage import Lake
from storage.digest import artifact_digest, file_digest

Input = Reference | InputFile


@dataclasses.dataclass(frozen=True)
class Work:
    """One artifact to be made: everything its digest follows from, and where it goes."""

    stage: Stage[Any]
    config: Any
    inputs: dict[str, list[Input]]
    lake: Lake
    title: str
    processes: int = 1  # more than one: torchrun, where the stage knows how
    nodes: Nodes | None = None  # the machines that share the processes
    # More inputs, which follow from the others and only save work: of no digest's concern.
    prepared: dict[str, list[Input]] = dataclasses.field(default_factory=dict)
    # Where a training run's figures go while it runs: of no digest's concern either.
    logging: LoggingConfig | None = None
    # On a node of a cluster: two may build the same for a while, so scratch is not for others.
    elsewhere: bool = False
    beside: int = 1  # tasks that run at a time, this one among them
    cores: int = 0  # that it may take, where others run beside it; 0: all. Changes no byte.

    @functools.cached_property
    def recipe(self) -> dict[str, Any]:
        given: dict[str, Any] = to_dict(self.config)
        recipe = {key: value for key, value in given.items() if key not in self.stage.aside}
        # Sums of several processes round differently, so their number belongs to the recipe.
        return {**recipe, "processes": self.processes} if self.processes > 1 else recipe

    @functools.cached_property
    def input_digests(self) -> dict[str, list[str]]:
        given = {key: [_digest(item) for item in items] for key, items in self.inputs.items()}
        return {**given, **reference_data.inputs_of(self.stage.data)}

    @functools.cached_property
    def digest(self) -> str:
        stage = self.stage
        return artifact_digest(stage.kind, stage.version, self.recipe, self.input_digests)

    @property
    def cache_key(self) -> str:
        # The digest says what; two lakes may hold it, and a reference names one of them.
        place = hashlib.sha256(self.lake.folder(self.stage.kind, self.digest).encode()).hexdigest()
        return f"{self.stage.kind}-{self.digest}-{place[:12]}"

    @property
    def is_whole(self) -> bool:
        return self.lake.is_whole(self.stage.kind, self.digest)


def _digest(item: Input) -> str:
    if isinstance(item, InputFile):
        return file_digest(item.sha256, item.path.name)
    return item["digest"]
