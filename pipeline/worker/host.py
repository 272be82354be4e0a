"""A warm process that runs builds one after another: `python -m pipeline.worker.host OWNER_PID`.

Imports, lists and models are loaded once (the stage's `preload`); each build then runs in a fork of
this process, which starts in milliseconds and returns its memory when it ends. In, on stdin: a
line with the path of a spec (see `child`) for each build. Out, on stdout: `taken`, the build's
events, then `ended` with its exit code and what it used; its log on stderr, then END_OF_LOG.
"""

import contextlib
import json
import os
import sys
from pathlib import Path

from pipeline.config import from_dict
from pipeline.worker import child
from pipeline.worker.lifetime import die_with_parent, leave
from pipeline.worker.spec import BuildSpec

END_OF_LOG = "\x04"  # a line by itself


def main(owner_pid: int) -> int:
    die_with_parent(owner_pid)
    events = child.take_stdout()
    host_pid = os.getpid()
    for line in sys.stdin:
        child.write_event(events, {"event": "taken"})
        spec: BuildSpec = json.loads(Path(line.rstrip("\n")).read_text())
        with contextlib.suppress(Exception):  # the build has the same error again, and reports it
            preload(spec)
        fork = os.fork()
        if fork == 0:
            die_with_parent(host_pid)
            leave(child.run, spec, events)
        _, status, usage = os.wait4(fork, 0)
        ended = {
            "event": "ended",
            "code": os.waitstatus_to_exitcode(status),
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
        }
        sys.stderr.write(f"{END_OF_LOG}\n")
        sys.stderr.flush()
        child.write_event(events, ended)
    return 0


def preload(spec: BuildSpec) -> None:
    """Load into memory what a build needs, unless it is loaded already."""
    config_type = child.config_of(child.named(spec["entry"]))
    child.named(spec["preload"])(from_dict(config_type, spec["config"]))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
