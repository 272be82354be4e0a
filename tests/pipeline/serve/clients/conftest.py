"""One server for all clients: a process of its own, with a model that really calls tools."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from serve_process import ServeProcess, serve_process
from tool_model import tool_model  # noqa: F401


@pytest.fixture(scope="session")
def server(tool_model: Path) -> Iterator[ServeProcess]:  # noqa: F811
    """It asks for no key: clients send one of their own making."""
    with serve_process("--model", tool_model, "--set", "precision=float32") as running:
        yield running


@pytest.fixture(scope="session")
def model(server: ServeProcess) -> str:
    """The name of its model."""
    return server.models[0]
