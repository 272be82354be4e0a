"""JSON as the standard has it, where Python reads and writes more.

NaN and Infinity are no JSON, a key that stands twice hides a value, and a text may hold half of a
surrogate pair (`"\\ud800"`), which no file of UTF-8 can.
"""

import json
from typing import Any, NoReturn


def loads(text: str | bytes, unique_keys: bool = True) -> Any:
    """The value of a JSON text.

    Args:
        text: of one value and nothing else.
        unique_keys: whether an object with a key twice is refused; else its last value counts.

    Raises:
        ValueError: it is no JSON, nested too deeply, or has a key twice.
    """
    pairs_hook = _once if unique_keys else None
    try:
        return json.loads(text, parse_constant=_no_json, object_pairs_hook=pairs_hook)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def dumps(value: Any) -> str:
    """The JSON text of a value: one line, characters as they are, keys in their order.

    Raises:
        ValueError: JSON has no form for it.
    """
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except TypeError as error:
        raise ValueError(str(error)) from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def is_unicode(text: str) -> bool:
    """Whether UTF-8 can hold a text: no lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has a key twice")
    return found


def _no_json(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
