"""How large a JSON schema from a request may be, and what it may refer to.

In: a schema as parsed JSON. Out: its text, or one line that says where it asks for too much. What a
schema costs to compile and to follow is bounded once more by llguidance's own limits, which stand
here too: the checks before it give messages that name the place.
"""

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pipeline import ranges
from storage.errors import UserError

# Keywords whose number says how often something is repeated.
REPEATS = (
    *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
    *("minContains", "maxContains"),
)
REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_COUNTS = re.compile(r"\{(\d*)(?:,(\d*))?\}")


@dataclasses.dataclass(frozen=True)
class GrammarLimits:
    """Of one grammar. A request that exceeds one is refused before it reaches the model."""

    # OpenAI's structured outputs: 120,000 characters of names and values; 1,000 values of enums.
    max_schema_bytes: int = 131_072
    max_enum_values: int = 1_000  # of one enum
    # OpenAI's 10 levels of objects and lists, each at most three of JSON (properties, name, items),
    # and room for `$defs`. Rust's parser takes 128.
    max_schema_depth: int = 48
    max_repeats: int = 1_000  # of a keyword or in a pattern; ours: longer ones compile for seconds
    max_pattern_characters: int = 512  # ours: the longest of JSONSchemaBench's common ones is 300
    max_tools: int = 128  # OpenAI's
    max_calls: int = 16  # tool calls in one reply; ours: else a poor model never ends its turn
    max_kept: int = 64  # compiled grammars that are kept for the next request
    # llguidance's, each by its own name: lower than its defaults, since a step's work stands
    # between all other rows and their next token. Its words on speed: 50,000 units of initial fuel
    # and 20,000 items take a millisecond, 14,000 units of a step's fuel likewise, and a lexer's
    # state takes 1 to 2 kB.
    max_grammar_size: int = 50_000
    initial_lexer_fuel: int = 1_000_000
    step_lexer_fuel: int = 100_000
    step_max_items: int = 50_000
    max_items_in_row: int = 2_000
    max_lexer_states: int = 20_000

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero="max_schema_bytes max_schema_depth max_tools max_calls max_kept "
            "max_grammar_size initial_lexer_fuel step_lexer_fuel step_max_items "
            "max_items_in_row max_lexer_states",
        )


def checked(schema: Mapping[str, Any], limits: GrammarLimits) -> dict[str, Any]:
    """The schema without what is llguidance's own to decide.

    Raises:
        UserError: it is too large or too deep, or refers to something outside itself.
    """
    found = {name: value for name, value in schema.items() if name != "x-guidance"}
    try:
        size = len(json.dumps(found, ensure_ascii=False, allow_nan=False).encode())
    except RecursionError as error:
        raise UserError(
            f"schema: deeper than {limits.max_schema_depth} levels: flatten it"
        ) from error
    except ValueError as error:  # no number of JSON, or half a character
        raise UserError(f"schema: it can't be written as JSON: {error}") from error
    if size > limits.max_schema_bytes:
        raise UserError(
            f"schema: {size} bytes are more than {limits.max_schema_bytes}: make it smaller"
        )
    for place, value in _values(found, limits.max_schema_depth):
        if problem := _problem(place.name, value, limits):
            raise UserError(f"schema: {place}: {problem}")
    return found


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where in a schema a value stands; written out only in a message."""

    name: str = "$"
    above: "_Place | None" = None
    depth: int = 1

    def __str__(self) -> str:
        names, place = [], self
        while place.above is not None:
            names.append(f"{place.name:.40}")
            place = place.above
        return ".".join(["$", *reversed(names)])


def _values(schema: Mapping[str, Any], max_depth: int) -> Iterator[tuple[_Place, Any]]:
    """Every value and its place, without recursion."""
    stack: list[tuple[_Place, Any]] = [(_Place(), schema)]
    while stack:
        place, value = stack.pop()
        if place.depth > max_depth:
            raise UserError(f"schema: {place}: deeper than {max_depth} levels: flatten it")
        yield place, value
        items: Iterable[tuple[Any, Any]] = ()
        if isinstance(value, dict):
            items = value.items()
        elif isinstance(value, list):
            items = enumerate(value)
        stack += [(_Place(str(name), place, place.depth + 1), item) for name, item in items]


def _problem(name: str, value: Any, limits: GrammarLimits) -> str:
    """What is wrong with a value of this name, and what to do; "" where nothing is.

    Names of properties may be those of keywords, but a keyword's kind of value they never have.
    """
    if isinstance(value, str) and name in REFERENCES and not value.startswith("#"):
        return f"{value!r:.80} is not in the schema: refer to #/$defs/…"
    if isinstance(value, str) and name == "pattern":
        return _pattern_problem(value, limits)
    if isinstance(value, dict) and name == "patternProperties":
        return next(filter(None, (_pattern_problem(p, limits) for p in value)), "")
    if isinstance(value, int | float) and name in REPEATS and value > limits.max_repeats:
        return f"{value} is above {limits.max_repeats}: lower it"
    if isinstance(value, list) and name == "enum" and len(value) > limits.max_enum_values:
        return f"{len(value)} values are more than {limits.max_enum_values}: use fewer"
    return ""


def _pattern_problem(pattern: str, limits: GrammarLimits) -> str:
    if len(pattern) > limits.max_pattern_characters:
        most = limits.max_pattern_characters
        return f"a pattern of {len(pattern)} characters is longer than {most}: shorten it"
    together = 1  # as if each count stood inside the next
    for counts in _COUNTS.findall(pattern):
        together *= max([1, *(int(count) for count in counts if count)])
    if together > limits.max_repeats:
        return (
            f"the pattern {pattern!r:.80} repeats more than {limits.max_repeats} times: "
            "lower its counts"
        )
    return ""
