"""A calculator as a tool: an expression, its exact value as a person writes it."""

from collections.abc import Mapping
from typing import Any

from pipeline.tools import expression, written_numbers
from pipeline.tools.config import CalculatorConfig
from pipeline.tools.tool import Tool

# A small model's context has room for few words, and one that learned these knows no others.
DESCRIPTION = "Exact arithmetic, such as (3 + 4) / 2."


def calculator(config: CalculatorConfig) -> Tool:
    """The tool."""

    def call(arguments: Mapping[str, Any]) -> str:
        return written_numbers.written(expression.value_of(arguments["expression"], config))

    return Tool(
        name="calculator",
        description=DESCRIPTION,
        parameters={
            "type": "object",
            "properties": {"expression": {"type": "string"}},
            "required": ["expression"],
        },
        call=call,
        limits=config.limits,
    )
