"""Which artifacts belong to the newest run, on lakes that are lists of artifacts."""

import dataclasses

import pyarrow as pa

from storage.lineage import parents, reachable


@dataclasses.dataclass(frozen=True)
class Made:
    """What lineage reads of a listing."""

    digest: str
    kind: str
    inputs: dict[str, list[str]] = dataclasses.field(default_factory=dict)


def names(made: list[Made], heads: dict[str, str]) -> list[str]:
    rows = {
        "kind": [one.kind for one in made],
        "digest": [one.digest for one in made],
        "parents": [parents(one.inputs) for one in made],
    }
    found: list[str] = reachable(pa.table(rows), heads)["digest"].to_pylist()
    return found


PARTS = [Made("p1", "part"), Made("p2", "part"), Made("p3", "part")]
CORPUS = Made("c1", "corpus", {"parts": ["p1", "p2"]})
BASE = Made("b1", "base", {"corpus": ["c1"], "file": ["not-in-the-lake", "sha256:00:a.txt"]})


def test_heads_and_all_they_were_made_from_in_the_lakes_order() -> None:
    lake = [BASE, *PARTS, CORPUS]
    assert names(lake, {"base": "b1"}) == ["b1", "p1", "p2", "c1"]
    assert names(lake, {"corpus": "c1"}) == ["p1", "p2", "c1"]
    assert names(lake, {}) == []
    assert names(lake, {"base": "gone"}) == []


def test_a_kind_that_a_head_names_has_no_other_artifact_in_the_run() -> None:
    """The base was made from an older corpus: it stays out, and so does what it alone needs."""
    newer = Made("c2", "corpus", {"parts": ["p3"]})
    lake = [*PARTS, CORPUS, newer, BASE]
    assert names(lake, {"base": "b1", "corpus": "c2"}) == ["p3", "c2", "b1"]
    # Slots of one kind ("evals.base", "evals.sft") are heads side by side.
    evals = [Made("e1", "evals", {"model": ["b1"]}), Made("e2", "evals", {"other": ["e1"]})]
    assert names([*lake, *evals], {"evals.base": "e1", "evals.sft": "e2"}) == [
        "p1",
        "p2",
        "c1",
        "b1",
        "e1",
        "e2",
    ]


def test_what_an_earlier_run_left_for_comparison_is_no_part() -> None:
    duplicates = Made("d2", "duplicates", {"previous": ["d1"], "parts": ["p3"]})
    earlier = Made("d1", "duplicates", {"parts": ["p1"]})
    made = Made("c3", "corpus", {"previous": ["c1"], "duplicates": ["d2"]})
    lake = [*PARTS, earlier, duplicates, CORPUS, made]
    assert names(lake, {"corpus": "c3"}) == ["p3", "d2", "c3"]


def test_files_are_no_parents() -> None:
    inputs = {"corpus": ["c1", "c2"], "file": ["sha256:00:a.txt"], "previous": ["c0"]}
    assert parents(inputs) == ["c1", "c2"]
