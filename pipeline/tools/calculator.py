"""A calculator as a tool: an expression, its exact value as a person writes it."""

from collections.abc import Mapping
from typing import Any

from pipeline.tools import expression, written_numbers
from pipeline.tools.config import CalculatorConfig
from pipeline.tools.tool import Tool

DESCRIPTION = "Works out an expression of numbers with + - * / // % ** and parentheses, exactly."


def calculator(config: CalculatorConfig) -> Tool:
    """The tool."""

    def call(arguments: Mapping[str, Any]) -> str:
        return written_numbers.written(expression.value_of(arguments["expression"], config))

    return Tool(
        name="calculator",
        description=DESCRIPTION,
        parameters={
            "type": "object",
            "properties": {"expression": {"type": "string", "description": "Such as (3 + 4) / 2."}},
            "required": ["expression"],
        },
        call=call,
        limits=config.limits,
    )
