"""Every number among a run's settings, and docs/settings.md, which counts what the sweep tries.

python -m tests.helpers.settings_sweep    writes docs/settings.md
"""

import math
from functools import cache
from pathlib import Path

from flows.config import RunConfig, load
from pipeline.config import to_dict
from storage.errors import UserError

DOC = Path(__file__).parents[2] / "docs" / "settings.md"
NEVER = (-1, math.nan, math.inf, -math.inf)  # what no number of any field may be


@cache
def fields() -> dict[str, object]:
    """Every field of every table by its full name, with its value in preset cpu."""
    config = load("cpu")
    return _leaves({name: to_dict(getattr(config, name)) for name in RunConfig.model_fields})


def _leaves(tree: dict[str, object], where: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in tree.items():
        name = where + key
        found |= _leaves(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return found


# Lists of numbers that are empty in the preset.
EMPTY_LISTS = ("positions.edges",)


@cache
def lists() -> frozenset[str]:
    """Fields that are lists of numbers."""
    return frozenset(
        key
        for key, value in fields().items()
        if isinstance(value, list) and (key in EMPTY_LISTS or _is_number((value or [""])[0]))
    )


@cache
def numbers() -> tuple[str, ...]:
    """Fields that are numbers, or lists of them."""
    return tuple(key for key, value in fields().items() if _is_number(value) or key in lists())


def refusal(key: str, value: str) -> str:
    """Why a value is refused, "" if it is taken."""
    try:
        load("cpu", [f"{key}={value}"])
    except UserError as error:
        return str(error)
    return ""


@cache
def above_zero() -> tuple[str, ...]:
    """Numbers that can't be 0, and lists that can't hold one."""
    zero = {key: "[0]" if key in lists() else "0" for key in numbers()}
    return tuple(key for key in numbers() if "0 must be above 0" in refusal(key, zero[key]))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def document() -> str:
    """docs/settings.md."""
    tables = list(dict.fromkeys(key.split(".")[0] for key in fields()))
    lines = [
        "# Settings: what is refused before a run",
        "",
        "Every field of every table is swept by `tests/flows/test_settings_sweep.py`: as `--set`",
        "gives it, as a form or a deployment does, and as a config made in Python. No number may",
        "be negative (but `input.files=-1`: all), infinite or NaN, alone or in a list; no share",
        "may be above 1; what is divided by or counted in must be above 0. Each config's own",
        "`__post_init__` says which (`pipeline/ranges.py`; `tests/helpers/settings_sweep.py`",
        "writes this page).",
        "",
        f"{len(fields())} fields, {len(numbers())} of them numbers ({len(lists())} lists);",
        f"{2 * len(NEVER) * len(numbers())} tries of values that must be refused.",
        "",
        "| table | fields | numbers | must be above 0 |",
        "|---|---|---|---|",
    ]
    for table in tables:
        own = [key for key in fields() if key.split(".")[0] == table]
        counted = [key for key in own if key in numbers()]
        above = [key for key in counted if key in above_zero()]
        lines.append(f"| {table} | {len(own)} | {len(counted)} | {len(above)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    DOC.write_text(document(), encoding="utf-8")
