"""Fixtures shared by the tests of the game."""

from game_models import game_folders  # noqa: F401
from toy_artifacts import (  # noqa: F401
    chat_tokenizer,
    killed_after,
    post_training,
    torch_restored,
)
