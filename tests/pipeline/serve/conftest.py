"""Folders of tiny models, and a server of one that was taught to call the calculator."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from asgi_calls import AsgiCalls, calls
from model_server import tiny_folder
from tool_model import tool_model  # noqa: F401

from pipeline.serve.app import create_app
from pipeline.serve.config import ServeConfig
from pipeline.serve.loaded_models import LoadedModels, ModelSource


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_folder(tmp_path_factory.mktemp("served") / "tiny")


@pytest.fixture(scope="session")
def other_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_folder(tmp_path_factory.mktemp("served") / "other", seed=1)


@pytest.fixture(scope="session")
def poisoned_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_folder(tmp_path_factory.mktemp("served") / "poisoned", poison=True)


@pytest.fixture(scope="session")
def chat_calls(tool_model: Path) -> Iterator[AsgiCalls]:  # noqa: F811
    """A server without tools of its own."""
    config = ServeConfig()
    models = LoadedModels([ModelSource("tiny", lambda: tool_model)], config)
    with calls(create_app(models, config)) as made:
        yield made
