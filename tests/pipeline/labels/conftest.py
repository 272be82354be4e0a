"""Fixtures of the labelers' tests."""

from toy_artifacts import chat_model, post_training  # noqa: F401
