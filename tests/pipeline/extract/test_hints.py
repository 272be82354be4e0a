"""The automaton of class names finds what a plain search for each pattern finds."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.extract.hints import BITS, PATTERNS, SPECIAL, mask
from pipeline.extract.segment import segment

ALL = PATTERNS | {name: patterns for name, (_, patterns) in SPECIAL.items()}


def found(name: str) -> int:
    return segment(f"<body class='{name}'>x").body_hints


def searched(name: str) -> int:
    """The same, pattern by pattern."""
    edged = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    edged = "_" + re.sub(r"[^a-z0-9]", "_", edged.lower()) + "_"
    edged = re.sub(r"[0-9]", "0", edged)
    return mask(*(name for name in ALL if any(word in edged for word in ALL[name].split())))


@pytest.mark.parametrize(
    ("name", "hints"),
    [
        ("entry-content", ("post", "content")),
        ("articleBody", ("article", "body")),
        ("ad", ("ad",)),
        ("header-ad-slot", ("header", "ad")),
        ("shadow gradient", ()),
        ("navigate canvas", ("nav",)),
        ("Nav", ("nav",)),
        ("sr-only", ("unseen",)),
        ("x", ()),
    ],
)
def test_known_names(name, hints):
    assert found(name) == mask(*hints) == searched(name)


WORDS = st.sampled_from(
    sorted({word.strip("_") for patterns in ALL.values() for word in patterns.split()})
)


@given(st.lists(st.tuples(WORDS | st.text("abcxyzABC019", max_size=4), st.sampled_from("-_ X"))))
def test_any_name(parts):
    name = "".join(word + edge for word, edge in parts)[:1024]
    assert found(name) == searched(name)


def test_bits_are_the_models():
    assert len(set(BITS.values())) == len(BITS)
    assert max(list(BITS.values())[: len(PATTERNS)]) < 59
