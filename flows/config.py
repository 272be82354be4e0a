"""The one typed config of a run: a table for each stage, validated before anything runs.

A preset (flows/presets/*.toml) names only what differs from the stages' own defaults. What is
given besides, as `--set table.key=value`, as a deployment's parameters or in the UI's form, is
laid over the preset. `auto` for device, precision and products is settled to this machine's before
a digest is made.
"""

import copy
import dataclasses
import functools
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ModelWrapValidatorHandler, ValidationError, model_validator

from flows.config_tables import DEFAULT_PRESET, Tables
from flows.impossible import impossible
from pipeline.config import to_dict
from pipeline.corpus.recipes import DEFAULT_RECIPE, TABLES, recipe
from pipeline.ranges import OutOfRange
from pipeline.training.depth import DIAL_SHAPE, dial
from storage.errors import UserError
from storage.redaction import hide

PRESETS = Path(__file__).parent / "presets"
MOST = 2**63  # of any number of a config, and no number is infinite


class RunConfig(Tables):
    """Every setting of a run, by stage."""

    @model_validator(mode="wrap")
    @classmethod
    def _possible(
        cls, given: Any, validated: ModelWrapValidatorHandler["RunConfig"]
    ) -> "RunConfig":
        try:
            config = validated(given)
        except ValidationError as error:
            first = error.errors()[0]
            cause = first.get("ctx", {}).get("error")
            if isinstance(cause, OutOfRange):  # by the setting's full name, as the user wrote it
                raise ValueError(cause.at(_place(first["loc"]))) from error
            raise
        for problem in impossible(config):
            raise ValueError(problem)
        return config


# A flow's parameter: what the UI or a deployment gives may be partial, the preset fills it up.
Settings = Annotated[
    RunConfig, BeforeValidator(lambda v: full_tree(v) if isinstance(v, dict) else v)
]


def preset_names() -> list[str]:
    """The presets there are."""
    return sorted(path.stem for path in PRESETS.glob("*.toml"))


def load(
    preset: str = DEFAULT_PRESET, changes: list[str] | None = None, **tables: Any
) -> RunConfig:
    """A preset with `table.key=value` changes and tables laid over it; UserError if it can't be."""
    given: dict[str, Any] = {"preset": preset, **tables}
    for change in changes or []:
        _insert(given, *parse_change(change))
    try:
        return RunConfig.model_validate(full_tree(given))
    except ValidationError as error:
        raise UserError(_one_line(error)) from error


def full_tree(given: dict[str, Any]) -> dict[str, Any]:
    """Defaults, then the preset, then what is given, as one nested dict."""
    given = hide(given)  # what is a secret in an address goes no further, to no database either
    name = given.get("preset", DEFAULT_PRESET)
    path = PRESETS / f"{name}.toml"
    if name not in preset_names():
        raise UserError(f"unknown preset {name!r}: one of {', '.join(preset_names())}")
    chosen = tomllib.loads(path.read_text())
    named = given.get("recipe", chosen.get("recipe", DEFAULT_RECIPE))
    if not isinstance(named, str):
        raise UserError(f"recipe: {named!r} is no text")
    tree = copy.deepcopy(_defaults(named))
    _lay_over(tree, {**chosen, "preset": name}, "")
    _lay_over(tree, given, "")
    if tree["pretrain"]["depth"]:
        _turn_the_dial(tree, chosen, given)
    return tree


def _turn_the_dial(tree: dict[str, Any], chosen: dict[str, Any], given: dict[str, Any]) -> None:
    """The numbers that follow from pretrain.depth; those set beside it, not below it, stay."""
    above = [given.get("pretrain", {})]
    if "depth" not in above[0]:  # the preset turns it, so the preset's own numbers stay as well
        above.insert(0, chosen.get("pretrain", {}))
    pretrain = tree["pretrain"]
    fixed = {
        table: {key: pretrain[table][key] for tables in above for key in tables.get(table, {})}
        for table in ("shape", "loop", "optimizer")
    }
    for key, value in pretrain["shape"].items():
        if key not in DIAL_SHAPE:
            fixed["shape"].setdefault(key, value)
    vocab_size, ratio = tree["tokenizer"]["vocab_size"], pretrain["tokens_per_parameter"]
    for table, numbers in dial(pretrain["depth"], vocab_size, ratio, fixed).items():
        _lay_over(pretrain[table], numbers, f"pretrain.{table}.")


def parse_change(text: str) -> tuple[str, Any]:
    """`rl.steps=10` as its key and TOML value; a bare word counts as a string."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UserError(f"--set {text}: write it as table.key=value, e.g. rl.steps=10")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        if value.strip() and all(c.isalnum() or c in "-_./:" for c in value.strip()):
            return key.strip(), value.strip()
        raise UserError(f"--set {text}: {value!r} is no TOML value (text needs quotes)") from None


def settle(stage: Any) -> Any:
    """A stage's config with device, precision and products as this machine has them, not `auto`."""
    from pipeline.model import device, precision, products

    chosen = device.pick(stage.device)
    return dataclasses.replace(
        stage,
        device=chosen.type,
        precision=precision.resolve(stage.precision, chosen),
        products=products.resolve(stage.products, chosen),
    )


@functools.cache
def _defaults(recipe_name: str) -> dict[str, Any]:
    config = RunConfig(preset=DEFAULT_PRESET, recipe=DEFAULT_RECIPE)
    tree = {name: to_dict(getattr(config, name)) for name in RunConfig.model_fields}
    chosen = recipe(recipe_name)
    return {**tree, **{table: to_dict(getattr(chosen, table)) for table in TABLES}}


def _lay_over(tree: dict[str, Any], given: dict[str, Any], where: str) -> None:
    for key, value in given.items():
        name = f"{where}{key}"
        if key not in tree:
            place = f"in {where[:-1]}" if where else "as a table"
            raise UserError(f"unknown key {name!r}: {place} there are {', '.join(sorted(tree))}")
        old = tree[key]
        if isinstance(old, dict):
            if not isinstance(value, dict):
                raise UserError(f"{name} is a table: set one of {', '.join(sorted(old))} in it")
            _lay_over(old, value, f"{name}.")
        elif not _fits(old, value):
            raise UserError(f"{name}: {value!r} is no {_kind(old)}")
        else:
            tree[key] = value


def _fits(old: Any, new: Any) -> bool:
    """Whether a value is of the kind that stands there: TOML tells 1 from true and from "1"."""
    if old is None:
        return True
    if isinstance(old, bool) or isinstance(new, bool):
        return isinstance(old, bool) and isinstance(new, bool)
    if isinstance(new, int | float) and not abs(new) < MOST:  # nor nan
        return False
    if isinstance(old, float):
        return isinstance(new, int | float)
    if isinstance(old, list):
        return isinstance(new, list | tuple)
    return isinstance(new, type(old))


def _kind(value: Any) -> str:
    kinds: dict[type, Literal["true or false", "whole number", "number", "list", "text"]] = {
        bool: "true or false",
        int: "whole number",
        float: "number",
        list: "list",
    }
    return kinds.get(type(value), "text")


def _insert(tree: dict[str, Any], key: str, value: Any) -> None:
    *tables, last = key.split(".")
    for table in tables:
        tree = tree.setdefault(table, {})
        if not isinstance(tree, dict):
            raise UserError(f"--set {key}: {table} is no table")
    tree[last] = value


def _place(loc: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in loc)


def _one_line(error: ValidationError) -> str:
    first = error.errors()[0]
    place = _place(first["loc"])
    message = first["msg"].removeprefix("Value error, ").splitlines()[0]
    return f"{place}: {message}" if place else message
