"""The contract of stages: whose statistics are whose."""

import pytest

from pipeline.evals import positions
from pipeline.tokenizer import tokens
from storage.manifest import Manifest


def test_statistics_are_those_of_the_stages_own_kind():
    split = {"tokens": 3, "bytes": 12, "documents": 1, "bytes_per_token": 4.0}
    found = {"dtype": "uint16", "train": split, "validation": split}
    manifest = Manifest("tokens", "0" * 64, 1, {}, {}, {}, {}, found, {})
    assert tokens.STAGE.statistics_of(manifest)["train"]["tokens"] == 3
    with pytest.raises(ValueError, match="tokens 0000000000000000 is no positions"):
        positions.STAGE.statistics_of(manifest)
