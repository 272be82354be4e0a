"""Fixtures of the server's tests: applications on a tiny model that calls the calculator."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from asgi_calls import AsgiCalls, calls
from tool_model import tool_model  # noqa: F401

from pipeline.serve.app import create_app
from pipeline.serve.config import ServeConfig
from pipeline.serve.loaded_models import LoadedModels, ModelSource


@pytest.fixture(scope="session")
def chat_calls(tool_model: Path) -> Iterator[AsgiCalls]:  # noqa: F811
    """A server without tools of its own."""
    config = ServeConfig()
    models = LoadedModels([ModelSource("tiny", lambda: tool_model)], config)
    with calls(create_app(models, config)) as made:
        yield made
