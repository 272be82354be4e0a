"""The process that a flow starts for a stage, without a flow."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def start_worker(
    root: Path, spec: Mapping[str, Any], name: str = "spec", **environment: str
) -> "subprocess.Popen[str]":
    """This process is its owner; in a group of its own; one thread a process, if not said."""
    path = root / f"{name}.json"
    path.write_text(json.dumps({**spec, "owner_pid": os.getpid()}))
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline.worker.child", str(path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        start_new_session=True,
    )
