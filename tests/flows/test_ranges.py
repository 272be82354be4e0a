"""Every field of every table, given what can't be meant: refused in one line, never a traceback."""

import math

import pytest
from pydantic import TypeAdapter, ValidationError

from flows.config import RunConfig, Settings, load, preset_names
from flows.ranges import ABOVE_ZERO, MAY_BE_MINUS_ONE, out_of_range
from storage.errors import UserError
from tests.helpers import settings_sweep

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
    assert settings_sweep.DOC.read_text(encoding="utf-8") == settings_sweep.document()


FORM: TypeAdapter[RunConfig] = TypeAdapter(Settings)


def given(key: str, value: object) -> dict[str, object]:
    """The tables of a form or a deployment that sets one field."""
    tree: dict[str, object] = {"preset": "cpu"}
    *tables, last = key.split(".")
    inner = tree
    for table in tables:
        inner[table] = {}
        inner = inner[table]  # type: ignore[assignment]
    inner[last] = value
    return tree


@pytest.mark.parametrize("value", settings_sweep.NEVER)
def test_no_number_of_any_field_is_negative_infinite_or_none(value: float) -> None:
    """As --set gives it, and as the UI's form and a deployment do."""
    for key in settings_sweep.numbers():
        if key in MAY_BE_MINUS_ONE and value == -1:
            continue
        shown = f"[{value}]" if key in settings_sweep.lists() else f"{value}"
        assert refusal(key, shown), (key, shown)
        with pytest.raises((ValidationError, UserError)):
            FORM.validate_python(given(key, [value] if key in settings_sweep.lists() else value))


def test_what_is_divided_by_or_counted_in_is_above_zero() -> None:
    swept = [key for key in settings_sweep.numbers() if {key, key.split(".")[-1]} & ABOVE_ZERO]
    assert len(swept) > 60
    assert {part for key in swept for part in (key, key.split(".")[-1])} >= ABOVE_ZERO
    for key in swept:
        assert "0 must be above 0" in refusal(
            key, "[0]" if key in settings_sweep.lists() else "0"
        ), key


@pytest.mark.parametrize("key", ["rl.optimizer.adam_beta2", "pretrain.optimizer.table_beta"])
def test_a_running_mean_forgets(key: str) -> None:
    assert "must be below 1" in refusal(key, "1.0")
    assert "above 5" in refusal("rl.optimizer.newton_schulz_steps", "6")


def test_numbers_are_checked_however_a_config_is_made() -> None:
    tree = load("cpu").model_dump()
    for wrong in (math.nan, math.inf, -math.inf, -1.0):
        tree["rl"]["temperature"] = wrong
        assert any("rl.temperature" in line for line in out_of_range(tree))


@pytest.mark.parametrize("table", sorted({key.split(".")[0] for key in FIELDS}))
def test_a_strange_value_is_taken_or_refused_in_one_line(table: str) -> None:
    for key in FIELDS:
        if key.split(".")[0] != table:
            continue
        for value in STRANGE:
            assert "\n" not in refusal(key, value), (key, value)


def test_all_files_may_be_asked_for() -> None:
    assert {"input.files"} == MAY_BE_MINUS_ONE
    assert not refusal("input.files", "-1")
    assert refusal("input.files", "-2")


def test_shares_end_at_one_and_maxima_are_turned_off_above() -> None:
    for key in ("rl.spelling_share", "corpus.split.validation_fraction", "select.best_fraction"):
        with pytest.raises(UserError, match=rf"{key}: 1.5 is no share"):
            load("cpu", [f"{key}=1.5"])
    load("cpu", ["select.repetition.max_duplicate_line_fraction=1000.0"])


def test_presets_are_in_range() -> None:
    for name in preset_names():
        assert not list(out_of_range(load(name).model_dump(mode="json")))
