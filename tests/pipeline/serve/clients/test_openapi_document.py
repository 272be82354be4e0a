"""`schemathesis` on the server's OpenAPI document: made-up requests, right and wrong ones.

Nothing may end in a status 5xx, in an answer that the document doesn't know, or in a wrong request
that is taken. That every request which fits the document is taken is not asked for: names of
models, and values that exclude each other, are no matter of types.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from serve_process import ServeProcess

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("schemathesis") is None, reason="schemathesis isn't installed"
)

CASES = 12  # of each operation, beside those of each field's borders
LINE = [
    *(sys.executable, "-m", "schemathesis.cli", "run"),
    *("--phases", "coverage,fuzzing", "--max-examples", str(CASES)),
    *("--checks", "all", "--exclude-checks", "positive_data_acceptance"),
    *("--generation-deterministic", "--request-timeout", "120", "--no-color"),
]


def test_no_made_up_request_finds_a_fault(server: ServeProcess, tmp_path: Path) -> None:
    done = subprocess.run(
        [*LINE, f"{server.root}/openapi.json"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "Tested: 14" in done.stdout
    assert '"level":"error"' not in server.log.read_text()


def test_only_posts_have_bodies(server: ServeProcess) -> None:
    """`pipeline.serve.body_limits` bounds theirs and no others."""
    import httpx

    document = httpx.get(f"{server.root}/openapi.json").json()
    methods = {
        method
        for path in document["paths"].values()
        for method, operation in path.items()
        if "requestBody" in operation
    }
    assert methods == {"post"}
