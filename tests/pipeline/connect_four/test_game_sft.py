"""The imitator: it learns the teacher's moves, from the train split alone, the same in every run."""

import math

import pytest
from game_models import IMITATION, build

from pipeline.connect_four import game_sft
from pipeline.tokenizer import Tokenizer
from storage.tables import read_table

pytestmark = pytest.mark.usefixtures("torch_restored")


def test_it_learns_to_name_columns(game_folders):
    metrics = read_table(game_folders.sft / "metrics.parquet").to_pylist()
    losses = [row["loss"] for row in metrics]
    vocabulary = Tokenizer.load(game_folders.sft).vocab_size
    assert losses[0] == pytest.approx(math.log(vocabulary), abs=0.7)
    # a column of four and its end are two tokens: better than any column by chance
    assert sum(losses[-5:]) / 5 < math.log(4) / 2 + 0.15
    bits = [row["validation_bits_per_byte"] for row in metrics]
    assert bits[-1] < bits[29]


def test_the_same_settings_give_the_same_model(game_folders, tmp_path):
    again = build(
        game_sft.STAGE, IMITATION, tmp_path, game_conversations=game_folders.conversations
    )
    for name in ("model.safetensors", "metrics.parquet", "game.json", "tokenizer.json"):
        assert (again / name).read_bytes() == (game_folders.sft / name).read_bytes(), name
