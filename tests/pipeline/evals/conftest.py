"""Fixtures shared by the tests of chat, sft, rl and evals."""

from tool_model import tool_model  # noqa: F401
from toy_artifacts import (  # noqa: F401
    chat_model,
    chat_tokenizer,
    killed_after,
    post_training,
    torch_restored,
    toy_names,
)
