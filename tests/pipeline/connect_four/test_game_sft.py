"""The imitator learns the teacher's moves."""

import math

import pytest

from pipeline.tokenizer import Tokenizer
from storage.tables import read_table


def test_it_learns_to_name_columns(game_folders):
    metrics = read_table(game_folders.sft / "metrics.parquet").to_pylist()
    losses = [row["loss"] for row in metrics]
    vocabulary = Tokenizer.load(game_folders.sft).vocab_size
    assert losses[0] == pytest.approx(math.log(vocabulary), abs=0.7)
    # a column of four and its end are two tokens: better than any column by chance
    assert sum(losses[-5:]) / 5 < math.log(4) / 2 + 0.15
    bits = [row["validation_bits_per_byte"] for row in metrics]
    assert min(bits[29], bits[59]) < 1.95  # any column by chance: 2
