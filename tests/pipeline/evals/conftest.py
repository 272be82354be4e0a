"""Fixtures shared by the tests of chat, sft, rl and evals; pytest imports none by itself."""

import importlib.util
import sys
from pathlib import Path

NAME = "toy_artifacts"
if NAME not in sys.modules:
    path = Path(__file__).parents[1] / "chat" / f"{NAME}.py"
    spec = importlib.util.spec_from_file_location(NAME, path)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[NAME] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[NAME])

for name in (
    "post_training",
    "chat_model",
    "chat_tokenizer",
    "toy_names",
    "killed_after",
    "torch_restored",
):
    globals()[name] = getattr(sys.modules[NAME], name)
