"""The tools that need nothing but their name, as training, evaluation and settings ask for them."""

from collections.abc import Sequence

from pipeline.tools.calculator import calculator
from pipeline.tools.config import NAMES, CalculatorConfig, PythonConfig
from pipeline.tools.python_tool import python_tool
from pipeline.tools.tool import Tool
from pipeline.tools.toolbox import Toolbox


def named(names: Sequence[str]) -> Toolbox:
    """A toolbox, to be closed at its end.

    Args:
        names: of `config.NAMES`; the order in which they are stated.

    Raises:
        UserError: one can't run here.
    """
    return Toolbox(tuple(named_tool(name) for name in names))


def named_tool(name: str, python: PythonConfig | None = None) -> Tool:
    """One of them.

    Args:
        name: of `config.NAMES`.
        python: how programs run, where it is Python; None: as by default.
    """
    if name == "calculator":
        return calculator(CalculatorConfig())
    if name == "python":
        return python_tool(python or PythonConfig())
    raise ValueError(f"no tool {name!r}: there is {', '.join(NAMES)}")
