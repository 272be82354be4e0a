"""Fixtures shared by the tests of chat, sft, rl and evals."""

import pytest
from tool_model import tool_model  # noqa: F401
from torchrun_fixture import torchrun  # noqa: F401
from toy_artifacts import (  # noqa: F401
    chat_model,
    chat_tokenizer,
    killed_after,
    post_training,
    torch_restored,
    toy_names,
)


@pytest.fixture
def easy(monkeypatch):
    """A task an untrained model stumbles upon: any reply with an "e" in it is right."""
    monkeypatch.setattr("pipeline.rl.rollouts.check", lambda task, reply, stopped: "e" in reply)
