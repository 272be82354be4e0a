"""A small grammar for prose: `[one|another]` picks, `{slot}` fills, `a~` becomes a or an.

Picks may nest. A slot is looked up in the caller's slots, then in the lexicon, where a list means
any of it. Templates are parsed once; drawing is by a `random.Random` seeded by the caller.
"""

import functools
import random
import re
from collections.abc import Mapping, Sequence

from pipeline.sample_web.lexicon import LEXICON

_ARTICLE = re.compile(r"\b([Aa])~ (?=(\w))")
Node = str | tuple[str, object]


@functools.cache
def _parse(template: str) -> tuple[Node, ...]:
    nodes, position = _sequence(template, 0, top=True)
    if position != len(template):
        raise ValueError(f"unbalanced brackets in {template!r}")
    return nodes


def _sequence(text: str, position: int, top: bool) -> tuple[tuple[Node, ...], int]:
    nodes: list[Node] = []
    start = position
    while position < len(text):
        character = text[position]
        if character in "[{" or (character in "|]" and not top):
            if position > start:
                nodes.append(text[start:position])
            if character in "|]":
                return tuple(nodes), position
            if character == "{":
                end = text.index("}", position)
                nodes.append(("slot", text[position + 1 : end]))
                position = end + 1
            else:
                options = []
                while text[position] != "]":
                    option, position = _sequence(text, position + 1, top=False)
                    options.append(option)
                nodes.append(("pick", tuple(options)))
                position += 1
            start = position
        else:
            position += 1
    if not top:
        raise ValueError(f"unbalanced brackets in {text!r}")
    if position > start:
        nodes.append(text[start:position])
    return tuple(nodes), position


def expand(template: str, rng: random.Random, slots: Mapping[str, str] | None = None) -> str:
    """One drawing from a template, its first letter in upper case."""
    parts: list[str] = []
    _draw(_parse(template), rng, slots or {}, parts)
    text = _ARTICLE.sub(lambda m: m[1] + ("n " if m[2] in "aeiouAEIOU" else " "), "".join(parts))
    return text[:1].upper() + text[1:]


def _draw(
    nodes: Sequence[Node], rng: random.Random, slots: Mapping[str, str], parts: list[str]
) -> None:
    for node in nodes:
        if isinstance(node, str):
            parts.append(node)
        elif node[0] == "slot":
            name = str(node[1])
            value = slots.get(name)
            if value is None:
                choices = LEXICON[name]
                _draw(_parse(choices[int(rng.random() * len(choices))]), rng, slots, parts)
            else:
                parts.append(value)
        else:
            options: Sequence[Sequence[Node]] = node[1]  # type: ignore[assignment]
            _draw(options[int(rng.random() * len(options))], rng, slots, parts)
