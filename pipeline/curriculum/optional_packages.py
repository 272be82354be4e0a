"""Packages that only some tasks need: taken where they are used, asked for before a run.

They are no part of an installation, and a machine that trains without those tasks needs none.
"""

import importlib
import importlib.util
from typing import Any

from storage.errors import UserError


def require(module: str, package: str, why: str) -> None:
    """Refuse a run that will need a package which isn't installed.

    Args:
        module: as it is imported.
        package: as it is installed.
        why: what needs it.

    Raises:
        UserError: it isn't here.
    """
    if importlib.util.find_spec(module.partition(".")[0]) is None:
        raise UserError(f"{why} needs a package that isn't installed: pip install {package}")


def take(module: str, package: str, why: str) -> Any:
    """The imported module, likewise."""
    require(module, package, why)
    return importlib.import_module(module)
