"""Bands as a cluster runs them: tasks that spill by themselves, then one task for each band."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.dedup.bands import band_pairs, keyed, number_documents
from pipeline.dedup.components import cluster
from pipeline.dedup.hash_index import MOST_DOCUMENTS
from pipeline.dedup.spill import (
    KEYED,
    Spill,
    key_range,
    open_numbers,
    partition_bits,
    rows_within,
)
from storage.errors import UserError


def test_partitions_are_in_the_order_of_keys(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    keys = rng.integers(0, 2**64, 5000, dtype=np.uint64)
    spill = Spill(tmp_path, "x", 3, buffer_rows=700)
    for start in range(0, 5000, 123):
        some = keys[start : start + 123]
        spill.add(keyed(some, np.arange(start, start + len(some))))
    spill.flush()
    assert spill.rows == 5000
    found = [np.fromfile(path, dtype=KEYED) for path in spill.paths]
    for number, rows in enumerate(found):
        low, high = key_range(number, 8)
        assert 400 < len(rows) < 850
        assert (rows["key"] >= low).all()
        assert (rows["key"] <= high).all()
    rows = np.concatenate(found)
    assert (keys[rows["document"]] == rows["key"]).all()
    assert key_range(7, 8)[1] == 2**64 - 1


def test_partitions_fit_into_memory() -> None:
    assert partition_bits(0, 56, 1 << 20) == 0
    assert partition_bits(1000, 56, 56_000) == 0
    assert partition_bits(1001, 56, 56_000) == 1
    assert partition_bits(10**9, 56, 1 << 30) == 6
    assert 1 << partition_bits(10**12, 56, 1) == 4096


def test_several_tasks_spill_and_one_pairs(tmp_path: Path) -> None:
    """Whatever the number of tasks that spilled: the same index, the same components."""
    rng = np.random.default_rng(5)
    keys = rng.integers(0, 400, 1000, dtype=np.uint64) * np.uint64(46116860184273879)
    documents = np.arange(100, 1100, dtype=np.uint32)
    order = rng.permutation(1000)
    old = np.unique(keys[:50])
    old_files = tmp_path / "old.keys", tmp_path / "old.documents"
    old.tofile(old_files[0])
    np.arange(len(old), dtype="<u4").tofile(old_files[1])
    made = []
    for tasks in (1, 4):
        folder = tmp_path / str(tasks)
        spills = []
        for task in range(tasks):
            spill = Spill(folder / str(task), "band", 2)
            some = order[task::tasks]
            spill.add(keyed(keys[some], documents[some]))
            spill.flush()
            spills.append(spill)
        partitions = spills[0].paths
        for spill in spills[1:]:
            for whole, some_path in zip(partitions, spill.paths):
                whole.write_bytes(whole.read_bytes() + some_path.read_bytes())
        out = folder / "keys", folder / "documents"
        found = band_pairs(partitions, old_files, out, folder / "pairs")
        stored, firsts = open_numbers(out[0], "<u8"), open_numbers(out[1], "<u4")
        assert (np.diff(stored.astype(object)) > 0).all()
        assert set(stored.tolist()) == set(keys.tolist()) | set(old.tolist())
        keepers = cluster([folder / "pairs"], np.arange(100, dtype="<u4"), 1100)
        made.append((found, stored.tobytes(), firsts.tobytes(), keepers.tobytes()))
        for key, keeper in zip(keys.tolist(), keepers[100:].tolist()):
            place = np.searchsorted(stored, np.uint64(key))
            assert keeper == firsts[place]
    assert made[0] == made[1]


def numbered(
    folder: Path, ids: list[int], first: int, total: int, memory: int = 1 << 30
) -> tuple[list[int], bytes]:
    """number_documents on ids given as numbers, in batches of three; the file of ids besides."""
    folder.mkdir()
    rows = np.frombuffer(b"".join(i.to_bytes(16, "big") for i in ids), "u1").reshape(-1, 16)
    batches = [rows[start : start + 3] for start in range(0, len(ids), 3)]
    earlier = np.full((first, 16), 7, dtype="u1")
    found = number_documents(
        batches, total, first, earlier, folder / "ids", folder / "scratch", memory
    )
    return found.tolist(), (folder / "ids").read_bytes()


@pytest.mark.parametrize("memory", [1 << 30, 600])
def test_documents_are_numbered_by_id_after_those_of_earlier_dumps(
    tmp_path: Path, memory: int
) -> None:
    """Ids that differ in the first or only in the last of 16 bytes."""
    ids = [2**127, 5, 2**127 + 1, 2**64, 3, 2**64 - 1, 2**126]
    found, written = numbered(tmp_path / "a", ids, 4, len(ids), memory)
    assert found == [4 + sorted(ids).index(i) for i in ids]
    assert written == b"\x07" * 64 + b"".join(i.to_bytes(16, "big") for i in sorted(ids))


def test_no_documents_have_no_numbers(tmp_path: Path) -> None:
    assert numbered(tmp_path / "a", [], 2, 0) == ([], b"\x07" * 32)


def test_documents_that_come_twice_or_not_as_announced_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="given twice"):
        numbered(tmp_path / "a", [2**100, 1, 2**100], 0, 3)
    for announced in (2, 4):
        with pytest.raises(RuntimeError, match=f"3 documents came, {announced} were announced"):
            numbered(tmp_path / f"{announced}", [1, 2, 3], 0, announced)


def test_an_index_holds_as_many_documents_as_its_numbers_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="4,294,967,296 documents"):
        number_documents(
            [], 1, MOST_DOCUMENTS, np.empty((0, 16)), tmp_path / "ids", tmp_path, 1 << 30
        )


def test_as_many_as_an_index_holds_are_numbered_and_not_one_more(tmp_path: Path) -> None:
    """The last number is 2^32 - 2: union-find keeps 2^32 - 1 for itself."""

    def last(first: int) -> int:
        row = np.zeros((1, 16), dtype="u1")
        none = np.empty((0, 16), dtype="u1")
        folder = tmp_path / str(first)
        folder.mkdir()
        return int(number_documents([row], 1, first, none, folder / "ids", folder, 1 << 20)[0])

    assert last(2**32 - 2) == 2**32 - 2
    with pytest.raises(UserError, match="a dedup index holds 4,294,967,295"):
        last(2**32 - 1)


def test_a_partition_has_the_keys_at_both_of_its_ends(tmp_path: Path) -> None:
    """Known keys at a partition's border are found, and go into the new index once."""
    borders = [0, 2**63 - 1, 2**63, 2**64 - 1]
    old = tmp_path / "old.keys", tmp_path / "old.documents"
    np.array(borders, dtype="<u8").tofile(old[0])
    np.arange(4, dtype="<u4").tofile(old[1])
    spill = Spill(tmp_path, "band", 1)
    spill.add(keyed(np.array(borders, dtype="u8"), np.arange(4, 8)))
    spill.flush()
    out = tmp_path / "keys", tmp_path / "documents"
    assert band_pairs(spill.paths, old, out, tmp_path / "pairs") == 4
    pairs = open_numbers(tmp_path / "pairs", "<u4").reshape(-1, 2)
    assert pairs.tolist() == [[0, 4], [1, 5], [2, 6], [3, 7]]
    assert open_numbers(out[0], "<u8").tolist() == borders
    assert open_numbers(out[1], "<u4").tolist() == [0, 1, 2, 3]
    keys = np.array(borders, dtype="u8")
    assert [rows_within(keys, number, 2) for number in range(2)] == [slice(0, 2), slice(2, 4)]
