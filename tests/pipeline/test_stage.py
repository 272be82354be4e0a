"""The contract of stages: whose statistics are whose, and that their names are written down."""

import types
import typing

import pytest

from pipeline.evals import evaluate, positions
from pipeline.filters import quality_model
from pipeline.rl import train as rl
from pipeline.sft import conversations
from pipeline.sft import train as sft
from pipeline.stage import Stage
from pipeline.tokenizer import report, tokens
from pipeline.tokenizer import train as tokenizer
from pipeline.tools import search_index
from pipeline.training import extend, pretrain, scaling
from storage.manifest import Manifest

MODULES = (
    *(conversations, evaluate, extend, positions, pretrain, quality_model, report, rl, scaling),
    *(search_index, sft, tokenizer, tokens),
)


def test_statistics_are_those_of_the_stages_own_kind():
    split = {"tokens": 3, "bytes": 12, "documents": 1, "bytes_per_token": 4.0}
    found = {"dtype": "uint16", "train": split, "validation": split}
    manifest = Manifest("tokens", "0" * 64, 1, {}, {}, {}, {}, found, {})
    assert tokens.STAGE.statistics_of(manifest)["train"]["tokens"] == 3
    with pytest.raises(ValueError, match="tokens 0000000000000000 is no positions"):
        positions.STAGE.statistics_of(manifest)


@pytest.mark.parametrize("stage", [m.STAGE for m in MODULES], ids=lambda stage: stage.kind)
def test_inputs_and_statistics_have_named_keys(stage: Stage) -> None:
    hints = typing.get_type_hints(stage.build)
    returned = hints["return"]
    if isinstance(returned, types.UnionType):  # None: of a process that isn't torchrun's first
        (returned,) = set(typing.get_args(returned)) - {types.NoneType}
    assert typing.is_typeddict(hints["inputs"])
    assert typing.is_typeddict(returned)
