"""A small board, its table, its teacher's games, and a model that has seen a few of them."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from pipeline.connect_four import game_conversations, game_sft, game_table
from pipeline.connect_four.config import (
    GameConversationsConfig,
    GameRlConfig,
    GameSftConfig,
    GameTableConfig,
)
from pipeline.stage import SILENT, Stage
from pipeline.training.config import LoopConfig, ModelShape

TABLE = GameTableConfig(width=4, height=3, connect=3)
TAUGHT = GameConversationsConfig(games=60, opening_plies=2)
PLACE: dict[str, Any] = {"precision": "float32", "threads": 1, "device": "cpu"}
SHAPE = ModelShape(layers=2, width=32, heads=1, kv_heads=1, head_dim=32, ffn_width=64, context=64)
IMITATION = GameSftConfig(
    shape=SHAPE,
    loop=LoopConfig(steps=60, rows_per_step=16, warmup_steps=4, validate_every=30),
    **PLACE,
)
PRACTICE = GameRlConfig(
    games_per_step=32,
    opening_plies=2,
    loop=dataclasses.replace(GameRlConfig().loop, steps=4, checkpoint_seconds=0.0),
    rate_factor=0.1,
    **PLACE,
)


@dataclasses.dataclass(frozen=True)
class GameFolders:
    """Artifacts' folders."""

    table: Path
    conversations: Path
    sft: Path


def build(stage: Stage[Any], config: Any, folder: Path, **inputs: Path) -> Path:
    """A stage's output below a folder."""
    out, scratch = folder / stage.kind, folder / f"{stage.kind}.scratch"
    for place in (out, scratch):
        place.mkdir(parents=True)
    given = {name: [path] for name, path in inputs.items()}
    stage.build(out=out, inputs=given, config=config, progress=SILENT, scratch=scratch)
    return out


@pytest.fixture(scope="session")
def game_folders(tmp_path_factory: pytest.TempPathFactory) -> GameFolders:
    """Made once: about a second."""
    import torch

    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    folder = tmp_path_factory.mktemp("game")
    table = build(game_table.STAGE, TABLE, folder)
    conversations = build(game_conversations.STAGE, TAUGHT, folder, game_table=table)
    sft = build(game_sft.STAGE, IMITATION, folder, game_conversations=conversations)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)
    return GameFolders(table, conversations, sft)
