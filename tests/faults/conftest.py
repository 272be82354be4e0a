"""Small artifacts to train on, and a disk that is soon full."""

from small_disk import small_disk  # noqa: F401
from tool_model import tool_model  # noqa: F401
from toy_artifacts import post_training, torch_restored  # noqa: F401
