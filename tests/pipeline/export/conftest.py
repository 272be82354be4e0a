"""Fixtures shared by the tests of export."""

from toy_artifacts import post_training, torch_restored  # noqa: F401
