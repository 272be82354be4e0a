"""Numbers that can't be meant are refused when a config is made."""

import pytest

from pipeline.config import from_dict, to_dict
from pipeline.ranges import OutOfRange
from pipeline.tools.config import (
    CalculatorConfig,
    PythonConfig,
    SearchConfig,
    SearchIndexConfig,
    ToolLimits,
)


@pytest.mark.parametrize(
    ("config", "values", "words"),
    [
        (ToolLimits, {"seconds": 0}, "seconds: 0 must be above 0"),
        (ToolLimits, {"memory_mib": 0}, "memory_mib: 0 must be above 0"),
        (ToolLimits, {"output_bytes": 100}, "output_bytes: 100 must be at least 256"),
        (ToolLimits, {"argument_bytes": -1}, "argument_bytes: -1 is negative"),
        (CalculatorConfig, {"nesting": 101}, "nesting: 101 is above 100"),
        (CalculatorConfig, {"digits": 4001}, "digits: 4001 is above 4000"),
        (CalculatorConfig, {"characters": 0}, "characters: 0 must be above 0"),
        (PythonConfig, {"backend": "docker"}, "backend: unknown 'docker': one of monty, cpython"),
        (PythonConfig, {"layers": ("selinux",)}, "layers: unknown 'selinux'"),
        (PythonConfig, {"least_isolating": 4}, "least_isolating: 4 is above 3"),
        (PythonConfig, {"processes": -1}, "processes: -1 is negative"),
        (PythonConfig, {"seed": 2**32}, "seed: 4294967296 is above 4294967295"),
        (SearchConfig, {"passages": 0}, "passages: 0 must be above 0"),
        (SearchConfig, {"passages": 11}, "most_passages: 10 must be at least 11"),
        (SearchIndexConfig, {"passage_characters": 49}, "passage_characters: 49 must be at least"),
        (SearchIndexConfig, {"common_share": 1.1}, "common_share: 1.1 is no share"),
    ],
)
def test_what_is_refused(config: type, values: dict[str, object], words: str) -> None:
    with pytest.raises(OutOfRange) as caught:
        config(**values)
    assert words in str(caught.value)


@pytest.mark.parametrize("config", [ToolLimits(), CalculatorConfig(digits=9), PythonConfig(seed=3)])
def test_it_goes_to_json_and_back(config: object) -> None:
    assert from_dict(type(config), to_dict(config)) == config
