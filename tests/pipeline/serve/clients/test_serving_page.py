"""docs/serving.md: its commands and its Python run as they stand there, against a true server."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from serve_process import ServeProcess, serve_process
from tool_model import tool_model  # noqa: F401

PAGE = Path(__file__).resolve().parents[4] / "docs" / "serving.md"
ADDRESS = "http://127.0.0.1:8000"
# As the page shows it, but a status that is an error ends it.
CURL = 'set -euo pipefail\ncurl() { command curl --silent --show-error --fail-with-body "$@"; }\n'


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert found
    return found


@pytest.fixture(scope="module")
def demo(
    tool_model: Path,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ServeProcess]:
    """A server with the names of the demo's models."""
    root = tmp_path_factory.mktemp("demo")
    folders = [shutil.copytree(tool_model, root / name) for name in ("rl", "base")]
    with serve_process("--model", folders[0], "--model", folders[1]) as running:
        assert running.models == ("rl", "base")
        yield running


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
@pytest.mark.parametrize("block", blocks("sh"), ids=lambda block: f"{block:.50}")
def test_curl(block: str, demo: ServeProcess) -> None:
    assert ADDRESS in block
    script = CURL + block.replace(ADDRESS, demo.root)
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"error":{' not in done.stdout
    if '"stream": true' in block:
        assert done.stdout.endswith("data: [DONE]\n\n")
        assert '"usage":{' in done.stdout


def test_python(demo: ServeProcess) -> None:
    """All blocks, one after another: they share the client."""
    pytest.importorskip("openai", reason="the openai package isn't installed")
    program = "\n".join(blocks("python")).replace(ADDRESS, demo.root)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert any(line.startswith("weather {") for line in lines), lines
    assert any("verdict=" in line for line in lines), lines
