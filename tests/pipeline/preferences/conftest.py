"""Fixtures shared by the tests of preferences."""

from torchrun_fixture import torchrun  # noqa: F401
from toy_artifacts import (  # noqa: F401
    chat_model,
    chat_tokenizer,
    killed_after,
    post_training,
    torch_restored,
)
