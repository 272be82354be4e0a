"""Every field of every table, given what can't be meant: refused in one line, never a traceback."""

import dataclasses
import typing
from collections.abc import Iterator

import pytest
from pydantic import TypeAdapter, ValidationError

from flows.config import RunConfig, Settings, load, preset_names
from pipeline.ranges import OutOfRange
from storage.errors import UserError
from tests.helpers import settings_sweep
from tests.helpers.settings_sweep import refusal

STRANGE = (
    *("-2", "nan", "inf", "-inf", "1e308", "9223372036854775807", "'text'", "''", "true"),
    *("[1]", "['x']", "1979-05-27", "{}", "0"),
)


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
        if key == "input.files" and value == -1:  # all of them
            continue
        shown = f"[{value}]" if key in settings_sweep.lists() else f"{value}"
        assert refusal(key, shown).startswith(key), (key, shown)
        with pytest.raises((ValidationError, UserError), match=key):
            FORM.validate_python(given(key, [value] if key in settings_sweep.lists() else value))


def test_what_is_divided_by_or_counted_in_is_above_zero() -> None:
    """How many in each table docs/settings.md says, which the test above holds to the code."""
    assert len(settings_sweep.above_zero()) > 100
    assert refusal("rl.steps", "0") == "rl.steps: 0 must be above 0"
    assert refusal("evals.digits", "[3, 0]") == "evals.digits: 0 must be above 0"


@pytest.mark.parametrize("key", ["rl.optimizer.adam_beta2", "pretrain.optimizer.table_beta"])
def test_a_running_mean_forgets(key: str) -> None:
    assert "must be below 1" in refusal(key, "1.0")
    assert "above 5" in refusal("rl.optimizer.newton_schulz_steps", "6")


def configs(kind: type) -> Iterator[type]:
    """All dataclasses that a config is made of, itself included."""
    if dataclasses.is_dataclass(kind):
        yield kind
    for hint in typing.get_type_hints(kind).values():
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            yield from configs(hint)


CONFIGS = list(dict.fromkeys(configs(RunConfig)))


def test_every_config_is_asked() -> None:
    assert len(CONFIGS) > 35
    assert not [kind.__name__ for kind in CONFIGS if "__post_init__" not in vars(kind)]


@pytest.mark.parametrize("kind", CONFIGS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("wrong", settings_sweep.NEVER)
def test_a_config_made_in_python_is_refused_as_well(kind: type, wrong: float) -> None:
    for field in dataclasses.fields(kind):
        value = getattr(kind(), field.name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if (field.name, wrong) == ("files", -1):
            continue
        with pytest.raises(OutOfRange, match=rf"^{kind.__name__}\.{field.name}: "):
            kind(**{field.name: wrong})
        with pytest.raises(OutOfRange):
            dataclasses.replace(kind(), **{field.name: wrong})


@pytest.mark.parametrize("table", sorted({key.split(".")[0] for key in FIELDS}))
def test_a_strange_value_is_taken_or_refused_in_one_line(table: str) -> None:
    for key in FIELDS:
        if key.split(".")[0] != table:
            continue
        for value in STRANGE:
            assert "\n" not in refusal(key, value), (key, value)


def test_all_files_may_be_asked_for() -> None:
    assert not refusal("input.files", "-1")
    assert refusal("input.files", "-2")


def test_shares_end_at_one_and_maxima_are_turned_off_above() -> None:
    for key in ("rl.unclear_share", "corpus.split.validation_fraction", "select.best_fraction"):
        with pytest.raises(UserError, match=rf"{key}: 1.5 is no share"):
            load("cpu", [f"{key}=1.5"])
    load("cpu", ["select.repetition.max_duplicate_line_fraction=1000.0"])


def test_presets_are_in_range() -> None:
    for name in preset_names():
        assert load(name).preset == name
