"""The tools that a command line names, made."""

from collections.abc import Sequence

from flows.cli.search import newest_index
from pipeline.tools.config import NAMES, PythonConfig, SearchConfig
from pipeline.tools.named_tools import named_tool
from pipeline.tools.search_tool import search_tool
from pipeline.tools.toolbox import Toolbox
from storage import Lake
from storage.errors import UserError

KNOWN = (*NAMES, "search")


def names_of(option: str) -> tuple[str, ...]:
    """The names of `--tools calculator,search`, each once.

    Raises:
        UserError: one is no tool's.
    """
    names = tuple(dict.fromkeys(name.strip() for name in option.split(",")))
    if unknown := [name for name in names if name not in KNOWN]:
        raise UserError(f"--tools: no tool {unknown[0]!r}: there is {', '.join(KNOWN)}")
    return names


def chosen_tools(names: Sequence[str], lake: Lake, python_processes: int = 0) -> Toolbox:
    """The tools, to be closed at the end.

    Args:
        names: from `names_of`.
        lake: whose newest index is searched.
        python_processes: that run programs side by side; 0: one for each core.

    Raises:
        UserError: one can't run here, or there is no index to search.
    """
    return Toolbox(
        tuple(
            search_tool(newest_index(lake), SearchConfig())
            if name == "search"
            else named_tool(name, PythonConfig(processes=python_processes))
            for name in names
        )
    )
