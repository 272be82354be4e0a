"""The calculator as a tool."""

import json

import pytest

from pipeline.chat.messages import ToolCall
from pipeline.tools.calculator import calculator
from pipeline.tools.config import CalculatorConfig
from pipeline.tools.toolbox import Toolbox


@pytest.mark.parametrize(
    ("expression", "text", "ending"),
    [
        ("0.1 + 0.2", "0.3", "done"),
        ("1,250 * 4", "5000", "done"),
        ("2 / 3", "0.666666666667", "done"),
        ("1 / 0", "Error: division by zero", "error"),
        ("9 ** 9 ** 9", "Error: the result is too large or too fine: over 50 digits", "error"),
        ("10 ** 49", "1" + "0" * 49, "done"),
    ],
)
def test_its_text(expression: str, text: str, ending: str) -> None:
    box = Toolbox((calculator(CalculatorConfig(digits=50)),))
    output = box.answer(ToolCall("calculator", json.dumps({"expression": expression})))
    assert (output.text, output.ending) == (text, ending)
