"""Frozen configs to plain JSON and back: a recipe is digested, stored and handed to a process."""

import dataclasses
import types
import typing
from typing import Any, TypeVar

from storage.errors import UserError

T = TypeVar("T")


def to_dict(config: Any) -> Any:
    """A frozen dataclass (nested, with tuples) as JSON-ready dicts and lists."""
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        return {f.name: to_dict(getattr(config, f.name)) for f in dataclasses.fields(config)}
    if isinstance(config, tuple | list):
        return [to_dict(item) for item in config]
    if isinstance(config, dict):
        return {str(key): to_dict(value) for key, value in config.items()}
    return config


def from_dict(cls: type[T], data: dict[str, Any], where: str = "") -> T:
    """Rebuild a frozen dataclass; an unknown or missing key raises UserError that names it."""
    hints = typing.get_type_hints(cls)
    known = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in data:
        if key not in known:
            place = f"{where}.{key}".lstrip(".")
            raise UserError(f"unknown key {place!r}: one of {', '.join(sorted(known))}")
    values = {key: _value(hints[key], value, f"{where}.{key}") for key, value in data.items()}
    try:
        return cls(**values)
    except TypeError as error:
        raise UserError(f"{where.lstrip('.') or cls.__name__}: {error}") from error


def _value(hint: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        options = [option for option in typing.get_args(hint) if option is not type(None)]
        return _value(options[0], value, where) if len(options) == 1 else value
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return from_dict(hint, value, where)  # type: ignore[arg-type]
    if origin is tuple and isinstance(value, list | tuple):
        inner = typing.get_args(hint)
        item = inner[0] if inner else Any
        return tuple(_value(item, part, where) for part in value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value
