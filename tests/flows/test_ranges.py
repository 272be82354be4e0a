"""Every field of every table, given what can't be meant: refused in one line, never a traceback."""

import pytest

from flows.config import load, preset_names
from flows.ranges import MAY_BE_MINUS_ONE, out_of_range
from storage.errors import UserError

STRANGE = ("-2", "nan", "inf", "-inf", "1e308", "9223372036854775807", "'text'", "''", "true")
STRANGE += ("[1]", "['x']", "1979-05-27", "{}", "0")


def leaves(tree: dict[str, object], where: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in tree.items():
        found |= (
            leaves(value, f"{where}{key}.") if isinstance(value, dict) else {where + key: value}
        )
    return found


FIELDS = leaves(load("cpu").model_dump(mode="json"))
NUMBERS = [
    key
    for key, value in FIELDS.items()
    if isinstance(value, int | float) and not isinstance(value, bool)
]


def refusal(key: str, value: str) -> str:
    """Why a value is refused, "" if it is taken."""
    try:
        load("cpu", [f"{key}={value}"])
    except UserError as error:
        return str(error)
    return ""


def test_there_is_something_to_sweep() -> None:
    assert len(FIELDS) > 400
    assert len(NUMBERS) > 300


@pytest.mark.parametrize("table", sorted({key.split(".")[0] for key in FIELDS}))
def test_a_strange_value_is_taken_or_refused_in_one_line(table: str) -> None:
    for key in FIELDS:
        if key.split(".")[0] != table:
            continue
        for value in STRANGE:
            assert "\n" not in refusal(key, value), (key, value)


def test_no_number_is_negative() -> None:
    taken = {key for key in NUMBERS if not refusal(key, "-1")}
    assert taken == MAY_BE_MINUS_ONE
    assert all(refusal(key, "-2") for key in MAY_BE_MINUS_ONE)


def test_shares_end_at_one_and_maxima_are_turned_off_above() -> None:
    for key in ("rl.spelling_share", "assemble.split.validation_fraction", "select.best_fraction"):
        with pytest.raises(UserError, match=rf"{key}: 1.5 is no share"):
            load("cpu", [f"{key}=1.5"])
    load("cpu", ["select.repetition.max_duplicate_line_fraction=1000.0"])


def test_presets_are_in_range() -> None:
    for name in preset_names():
        assert not list(out_of_range(load(name).model_dump(mode="json")))
