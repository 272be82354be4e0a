"""Digests: equal questions have equal names, different ones don't."""

import hashlib
import json
import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.digest import artifact_digest, canonical_json, file_sha256

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


def shuffled(value: object) -> object:
    """The same data with every mapping in reverse order and lists as tuples."""
    if isinstance(value, dict):
        return {key: shuffled(value[key]) for key in reversed(list(value))}
    if isinstance(value, list):
        return tuple(shuffled(item) for item in value)
    return value


@given(JSON)
def test_order_of_keys_and_kind_of_sequence_do_not_count(value):
    assert canonical_json(value) == canonical_json(shuffled(value))


@given(JSON)
def test_reads_back_as_the_same_values(value):
    data = canonical_json(value)
    assert json.loads(data) == value
    assert canonical_json(json.loads(data)) == data


@given(JSON, JSON)
def test_different_values_have_different_bytes(a, b):
    if canonical_json(a) == canonical_json(b):
        assert a == b


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_are_exact(x):
    back = json.loads(canonical_json(x))
    assert back == x
    assert isinstance(back, int) == (x.is_integer() and abs(x) <= 2**53)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": 1, "a": [True, None, "é"]}, b'{"a":[true,null,"\\u00e9"],"b":1}'),
        ([1.0, -0.0, 0.1, 1e300, 5e-324], b"[1,0,0.1,1e+300,5e-324]"),
        ("\ud800", b'"\\ud800"'),
    ],
)
def test_known_bytes(value, expected):
    assert canonical_json(value) == expected


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_not_a_number_is_refused_and_located(bad):
    with pytest.raises(ValueError, match=r"\$\.filters\[1\]"):
        canonical_json({"filters": [0, bad]})


@pytest.mark.parametrize("bad", [{1: "a"}, {"a": {1}}, b"bytes", object()])
def test_what_is_not_json_is_refused(bad):
    with pytest.raises(TypeError):
        canonical_json(bad)


def test_every_part_of_the_question_counts():
    base = ("corpus", 1, {"seed": 1}, {"parts": ["a", "b"]})
    others = [
        ("tokens", 1, {"seed": 1}, {"parts": ["a", "b"]}),
        ("corpus", 2, {"seed": 1}, {"parts": ["a", "b"]}),
        ("corpus", 1, {"seed": 2}, {"parts": ["a", "b"]}),
        ("corpus", 1, {"seed": 1}, {"parts": ["b", "a"]}),
        ("corpus", 1, {"seed": 1}, {"warc": ["a", "b"]}),
    ]
    digests = [artifact_digest(*question) for question in (base, *others)]
    assert len(set(digests)) == len(digests)
    assert all(len(digest) == 64 for digest in digests)
    assert artifact_digest("corpus", 1, {"seed": 1.0}, {"parts": ("a", "b")}) == digests[0]


def test_digest_is_that_of_the_published_formula():
    document = b'{"inputs":{"warc":["sha256:00"]},"kind":"scan","recipe":{},"version":3}'
    expected = hashlib.sha256(document).hexdigest()
    assert artifact_digest("scan", 3, {}, {"warc": ["sha256:00"]}) == expected


def test_another_process_gives_the_same_digest():
    code = (
        "from storage.digest import artifact_digest\n"
        "print(artifact_digest('crawl', 1, {'b': 0.1, 'a': {'y': 'é', 'x': 2}}, {}))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert out == artifact_digest("crawl", 1, {"a": {"x": 2, "y": "é"}, "b": 0.1}, {})


def test_file_hash(tmp_path):
    data = bytes(range(256)) * 5000
    (tmp_path / "f").write_bytes(data)
    assert file_sha256(tmp_path / "f") == hashlib.sha256(data).hexdigest()
