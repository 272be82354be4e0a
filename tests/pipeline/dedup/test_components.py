"""Union-find and clusters, held against plain Python."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.dedup import _components, components
from pipeline.dedup.components import cluster, copies, counts, memberships


def plain(pairs: list[tuple[int, int]], count: int) -> list[int]:
    """The smallest number of each number's component."""
    group = [{number} for number in range(count)]
    for left, right in pairs:
        joined = group[left] | group[right]
        for member in joined:
            group[member] = joined
    return [min(members) for members in group]


@pytest.mark.parametrize("seed", range(5))
def test_any_order_gives_the_smallest_number(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    pairs = rng.integers(0, 300, (200, 2)).astype("<u4")
    expected = plain([tuple(pair) for pair in pairs.tolist()], 300)
    for number, order in enumerate((pairs, pairs[::-1], pairs[:, ::-1])):
        half = len(order) // 2
        paths = [tmp_path / f"{number}{part}" for part in "ab"]
        for path, some in zip(paths, (order[:half], order[half:])):
            np.ascontiguousarray(some).tofile(path)
        keepers = cluster(paths, np.empty(0, dtype="<u4"), 300)
        assert keepers.tolist() == expected


def test_long_chains_both_ways(tmp_path: Path) -> None:
    count = 200_000
    chain = np.stack([np.arange(count - 1), np.arange(1, count)], axis=1).astype("<u4")
    for number, pairs in enumerate((chain, chain[::-1])):
        path = tmp_path / str(number)
        np.ascontiguousarray(pairs).tofile(path)
        assert not cluster([path], np.empty(0, dtype="<u4"), count).any()


def test_what_was_decided_earlier_stands(tmp_path: Path) -> None:
    earlier = np.array([0, 1, 0, 1, 4], dtype="<u4")  # clusters {0, 2}, {1, 3}, {4}
    # 5 was found with a member of each of two clusters, 6 with 5, 7 with 8
    np.array([[3, 5], [2, 5], [5, 6], [7, 8]], dtype="<u4").tofile(tmp_path / "pairs")
    keepers = cluster([tmp_path / "pairs"], earlier, 9)
    assert keepers.tolist() == [0, 1, 0, 1, 4, 0, 0, 7, 7]
    for memory in (1 << 20, 100):  # in one piece, and in several
        found = [np.stack(some, axis=1) for some in memberships(keepers, 5, tmp_path, memory)]
        assert np.concatenate(found).tolist() == [[0, 0], [2, 0], [5, 0], [6, 0], [7, 7], [8, 7]]
    assert len(found) > 1
    assert counts(keepers, 5) == (1, 2)
    assert list(memberships(np.arange(3, dtype=np.uint32), 0, tmp_path, 1 << 20)) == []


def test_wrong_arrays_are_refused() -> None:
    parents = np.arange(4, dtype=np.uint32)
    with pytest.raises(ValueError, match="beyond the last"):
        _components.join(parents, np.array([[0, 4]], dtype=np.uint32))
    with pytest.raises(ValueError, match="pairs"):
        _components.join(parents, b"1234567")
    for broken in ([1, 1, 2], [0, 2, 2], [0, 0, 2**32 - 1]):
        for pair in ([0, 1], [2, 0], [1, 2]):
            wrong = np.array(broken, dtype=np.uint32)
            if any(wrong[number] > number for number in pair):
                with pytest.raises(ValueError, match="greater than its child"):
                    _components.join(wrong, np.array([pair], dtype=np.uint32))
    with pytest.raises(ValueError, match="greater than its child"):
        _components.flatten(np.array([1, 1], dtype=np.uint32))
    with pytest.raises(ValueError, match="greater than its child"):  # the parent's parent
        _components.join(np.array([0, 2, 1], np.uint32), np.array([[2, 0]], np.uint32))
    frozen = np.arange(4, dtype=np.uint32)
    frozen.flags.writeable = False
    with pytest.raises(TypeError):
        _components.flatten(frozen)


def test_copies_are_those_an_earlier_document_or_another_of_this_dump_equals(
    tmp_path: Path,
) -> None:
    np.array([[0, 5], [6, 8]], dtype="<u4").tofile(tmp_path / "pairs")
    assert copies(tmp_path / "pairs", 5, 9).tolist() == [True, False, False, True]
    (tmp_path / "empty").touch()
    assert copies(tmp_path / "empty", 5, 7).tolist() == [False, False]
    with pytest.raises(FileNotFoundError):
        copies(tmp_path / "none", 5, 7)


def test_pairs_are_read_whole_however_many_come_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(components, "PAIRS_AT_ONCE", 3)
    pairs = np.arange(14, dtype="<u4").reshape(-1, 2)
    pairs.tofile(tmp_path / "pairs")
    read = list(components.read_pairs(tmp_path / "pairs"))
    assert [len(some) for some in read] == [3, 3, 1]
    assert np.concatenate(read).tolist() == pairs.tolist()


def test_clusters_of_earlier_dumps_alone_are_not_told_again(tmp_path: Path) -> None:
    # 0 and 1 are one cluster since an earlier dump; 3 is new and alone, 4 joins 2
    keepers = np.array([0, 0, 2, 3, 2], dtype=np.uint32)
    ((members, their_keepers),) = memberships(keepers, 3, tmp_path, 1 << 20)
    assert members.tolist() == [2, 4]
    assert their_keepers.tolist() == [2, 2]


@pytest.mark.parametrize("seed", range(3))
def test_members_are_those_of_plain_python(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(components, "DOCUMENTS_AT_ONCE", 64)
    rng = np.random.default_rng(seed)
    total, earlier = 1000, 300
    keepers = np.minimum(rng.integers(0, 400, total), np.arange(total)).astype(np.uint32)
    keepers = keepers[keepers]
    keepers = keepers[keepers[keepers[keepers]]]
    clusters: dict[int, list[int]] = {}
    for document, keeper in enumerate(keepers.tolist()):
        clusters.setdefault(keeper, []).append(document)
    expected = [
        (document, keeper)
        for keeper, members in sorted(clusters.items())
        if any(document >= earlier and document != keeper for document in members)
        for document in members
    ]
    own = keepers == np.arange(total)
    assert counts(keepers, earlier) == (own[earlier:].sum(), (keepers[earlier:] < earlier).sum())
    for memory in (1 << 20, 5_000):
        found = list(memberships(keepers, earlier, tmp_path, memory))
        pairs = [pair for some in found for pair in zip(*(column.tolist() for column in some))]
        assert pairs == expected
        assert (len(found) > 1) == (memory == 5_000)


def test_a_call_costs_no_walk_over_all_documents() -> None:
    """A wrong parent that no pair leads to is seen once, in the end, and not at each call."""
    parents = np.arange(100, dtype=np.uint32)
    parents[50] = 99
    _components.join(parents, np.array([[1, 2]], dtype=np.uint32))
    assert parents[2] == 1
    with pytest.raises(ValueError, match="greater than its child"):
        _components.flatten(parents)
