"""Runs one stage in a process of its own: `python -m pipeline.worker.child SPEC.json`.

The task that starts this process owns it. A crash, an out-of-memory kill or a SIGKILL of the
process is then an ordinary failure that can be retried and never ends the flow; and the process
ends when its owner does. With `processes` > 1, or on several nodes, it becomes torchrun, which
starts this module once a process (see `rendezvous`). Events go to stdout as JSON lines (see
`pipeline.stage.Progress`), the last one `done` (statistics, peak memory), `user_error`, `disk_full`
or `network_error` (text); logs and tracebacks go to stderr.
A build in one process is usually a fork of a warm one: `pipeline.worker.host`.
"""

import importlib
import json
import os
import sys
import traceback
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from pipeline.config import from_dict
from pipeline.cores import share_cores
from pipeline.memory import own_peak_bytes
from pipeline.stage import Progress
from pipeline.worker import rendezvous
from pipeline.worker.failures import is_network_error
from pipeline.worker.lifetime import die_with_parent
from pipeline.worker.spec import BuildSpec
from storage import locks
from storage.durable import is_disk_full
from storage.errors import UserError


def main(spec_path: str) -> int:
    spec: BuildSpec = json.loads(Path(spec_path).read_text())
    rank = os.environ.get("RANK")
    meeting = rendezvous.of(spec)
    # torchrun's processes are children of torchrun, not of the task.
    die_with_parent(spec["owner_pid"] if rank is None else None)
    if rank is None and (spec["processes"] > 1 or meeting):
        rendezvous.become_torchrun(spec["processes"], meeting, "pipeline.worker.child", spec_path)
    if rank is not None and meeting:
        rendezvous.number_processes(meeting)
        rank = os.environ["RANK"]
    events = take_stdout()
    # On each other node the first process reports only how it ended.
    first_here = os.environ.get("LOCAL_RANK", "0") == "0"
    return run(spec, events, speaker=rank in (None, "0"), last_word=first_here)


def take_stdout() -> TextIO:
    """The stream for events; what a library prints goes to stderr instead."""
    events = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return events


def run(spec: BuildSpec, events: TextIO, speaker: bool = True, last_word: bool = True) -> int:
    """Build what the spec describes and report how it ended.

    Args:
        spec: of the build.
        events: the stream for events.
        speaker: whether this process reports progress; under torchrun one does.
        last_word: whether it reports how it ended.

    Returns:
        The process's exit code.
    """
    if lock := spec.get("lock"):
        locks.share(Path(lock[0]), lock[1])  # as long as this process lives
    try:
        statistics = _build(spec, Progress(events if speaker else None))
    except UserError as error:
        return _end(events, "user_error", str(error), 2)
    except Exception as error:
        if is_disk_full(error):
            return _end(events, "disk_full", str(error), 1)
        if is_network_error(error):
            return _end(events, "network_error", f"{type(error).__name__}: {error}", 1)
        if "RANK" in os.environ and rendezvous.lost_a_peer(error):
            traceback.print_exc()
            return rendezvous.LOST_PEER
        raise
    if speaker or last_word:
        used = {"peak_memory_bytes": own_peak_bytes()}
        write_event(events, {"event": "done", "statistics": statistics, **used})
    return 0


def named(entry: str) -> Callable[..., Any]:
    """The function that `module:function` names."""
    module, name = entry.split(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


def config_of(build: Callable[..., Any]) -> type:
    """The dataclass of a build function's config."""
    hint: type = typing.get_type_hints(build)["config"]
    return hint


def _build(spec: BuildSpec, progress: Progress) -> dict[str, Any]:
    build = named(spec["entry"])
    share_cores(spec.get("cores", 0))
    statistics: dict[str, Any] | None = build(
        out=Path(spec["out"]),
        inputs={key: [Path(p) for p in paths] for key, paths in spec["inputs"].items()},
        config=from_dict(config_of(build), spec["config"]),
        progress=progress,
        scratch=Path(spec["scratch"]),
    )
    return statistics or {}


def _end(events: TextIO, event: str, text: str, code: int) -> int:
    write_event(events, {"event": event, "text": text})
    return code


def write_event(events: TextIO, event: dict[str, Any]) -> None:
    """Write an event as one line to the owner's stream."""
    events.write(json.dumps(event) + "\n")
    events.flush()


if __name__ == "__main__":
    code = main(sys.argv[1])
    if "RANK" in os.environ:
        # Stopping gloo's threads at the interpreter's end sometimes aborts (seen with FSDP, once in
        # about twenty runs), when all work is done and on disk.
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
