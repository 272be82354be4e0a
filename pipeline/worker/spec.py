"""What a worker process is told to build: the JSON file that its owner writes for it."""

from typing import Any, NotRequired, TypedDict


class BuildSpec(TypedDict):
    """One build."""

    kind: str
    entry: str  # of the stage's build function, `module:function`
    preload: str  # of what loads what every build needs, likewise, or ""
    out: str  # the folder for its files
    inputs: dict[str, list[str]]  # paths by key
    config: dict[str, Any]  # pipeline.config.to_dict of the stage's
    scratch: str
    lock: NotRequired[list[str] | None]  # path and token (storage.locks); None: on a cluster
    processes: int  # on this node
    cores: NotRequired[int]  # that it may take; 0: all
    rendezvous: NotRequired[dict[str, Any]]  # pipeline.worker.rendezvous.Rendezvous, field by field
    owner_pid: NotRequired[int]
