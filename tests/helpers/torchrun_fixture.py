"""A program alone and under torchrun with two processes, and what the first of them says.

A fixture, so that whoever counts what tests cost (tests/mutants) can tell by its name that one
starts processes which all import torch. A folder's conftest.py takes it from here.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE_SECONDS

LAUNCHER = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")


@pytest.fixture
def torchrun(tmp_path: Path) -> Callable[..., tuple[Any, Any]]:
    """Runs a program twice; it is given a folder of its own as its last argument.

    Returns:
        The JSON of the last line that it printed: alone, and of two processes.
    """

    def said(*arguments: str, name: str, launcher: tuple[str, ...] = ()) -> Any:
        done = subprocess.run(
            [sys.executable, *launcher, *arguments, str(tmp_path / name)],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def both(*arguments: str) -> tuple[Any, Any]:
        return said(*arguments, name="one"), said(*arguments, name="two", launcher=LAUNCHER)

    return both
