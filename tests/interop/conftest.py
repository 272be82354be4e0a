"""A true llama.cpp beside us: its Python is named by CRAWL2CHAT_INTEROP_PYTHON (`make interop`)."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("llama.py")
Llama = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def llama() -> Llama:
    """Loads a file in llama.cpp and returns what was asked of it: see llama.py."""
    python = os.environ.get("CRAWL2CHAT_INTEROP_PYTHON")
    if python is None and importlib.util.find_spec("llama_cpp"):
        python = sys.executable
    if python is None:
        pytest.skip("no llama.cpp here: `make interop` builds llama-cpp-python and runs this")

    def ask(file: Path, **asked: Any) -> dict[str, Any]:
        text = json.dumps({"file": str(file), "context": 192, **asked})
        done = subprocess.run(
            [python, SCRIPT], input=text, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return json.loads(done.stdout)

    return ask


@pytest.fixture(scope="session")
def trained(llama: Llama, request: pytest.FixtureRequest) -> dict[str, Path]:
    """Folders of a base and a chat model that this project trained.

    From the lake CRAWL2CHAT_INTEROP_LAKE names (a demo run's, say), else from a run of preset ci.
    """
    from storage import Lake

    named = os.environ.get("CRAWL2CHAT_INTEROP_LAKE")
    lake = Lake(named or str(request.getfixturevalue("ci_run").lake))
    return {kind: lake.local(kind, lake.heads()[kind]) for kind in ("base", "rl")}
