"""Runs one stage in a process of its own: `python -m pipeline.worker SPEC.json`.

The task that starts it owns it: a crash, an out-of-memory kill or a SIGKILL of this process is then
an ordinary failure that can be retried, never the death of the flow. Events go to stdout as JSON lines
(see `pipeline.stage.Progress`), the last one `{"event": "done", "statistics": …}` or
`{"event": "user_error", "text": …}` with exit code 2; logs and tracebacks go to stderr.
"""

import importlib
import json
import os
import sys
import typing
from pathlib import Path
from typing import Any

from pipeline.config import from_dict
from pipeline.stage import Progress
from storage.errors import UserError


def main(spec_path: str) -> int:
    spec: dict[str, Any] = json.loads(Path(spec_path).read_text())
    # A library's stray print must not land among the events.
    events = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    module, name = spec["entry"].split(":")
    build = getattr(importlib.import_module(module), name)
    config_type = typing.get_type_hints(build)["config"]
    try:
        statistics = build(
            out=Path(spec["out"]),
            inputs={k: [Path(p) for p in paths] for k, paths in spec["inputs"].items()},
            config=from_dict(config_type, spec["config"]),
            progress=Progress(events),
            scratch=Path(spec["scratch"]),
        )
    except UserError as error:
        events.write(json.dumps({"event": "user_error", "text": str(error)}) + "\n")
        events.flush()
        return 2
    if int(os.environ.get("RANK", "0")) == 0:  # under torchrun one process speaks for all
        events.write(json.dumps({"event": "done", "statistics": statistics}) + "\n")
        events.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
