"""What an index says of itself and whom it refuses to be compared with."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.dedup.config import MinhashConfig, PassageConfig
from pipeline.dedup.hash_index import (
    MOST_DOCUMENTS,
    HashIndex,
    band_files,
    band_names,
    check_previous,
    id_bytes,
    id_texts,
    open_index,
    write_head,
)
from storage.errors import UserError

MINHASH, OTHER = MinhashConfig(buckets=3), MinhashConfig(seed=9)


def test_a_head_is_read_as_it_was_written(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    folder.mkdir()
    passages = PassageConfig(max_documents_per_line=7, keep_first=False)
    write_head(folder, MINHASH, passages, ["b.warc", "a.warc"])
    assert open_index(tmp_path) == HashIndex(folder, MINHASH, passages, ("b.warc", "a.warc"))
    written = (folder / "index.json").read_text()
    assert written == json.dumps(json.loads(written), sort_keys=True) + "\n"
    with pytest.raises(UserError, match="no dedup index"):
        open_index(tmp_path / "elsewhere")


def test_numbers_are_read_by_their_size(tmp_path: Path) -> None:
    ids = ["00" * 16, "0123456789abcdef" * 2, "ff" * 16]
    (tmp_path / "ids").write_bytes(id_bytes(ids).tobytes())
    (tmp_path / "keepers").write_bytes((0).to_bytes(4, "little") + (258).to_bytes(4, "little"))
    (tmp_path / "exact.keys").write_bytes((2**40 + 1).to_bytes(8, "little"))
    (tmp_path / "exact.documents").write_bytes((7).to_bytes(4, "little"))
    index = HashIndex(tmp_path)
    assert index.ids.shape == (3, 16)
    assert id_texts(index.ids) == ids
    assert id_texts(index.ids[1:2]) == [ids[1]]
    assert index.keepers.tolist() == [0, 258]
    assert [numbers.tolist() for numbers in index.band("exact")] == [[2**40 + 1], [7]]
    assert [numbers.tolist() for numbers in index.band("lines")] == [[], []]
    assert band_files(index, "exact") == (tmp_path / "exact.keys", tmp_path / "exact.documents")


def test_documents_are_as_many_as_their_numbers_can_tell_apart_but_one() -> None:
    """The largest u4 stays free: union-find keeps it for itself."""
    assert np.iinfo("<u4").max == MOST_DOCUMENTS
    assert HashIndex().keepers.dtype == HashIndex().band("exact")[1].dtype == np.dtype("<u4")


def test_no_index_has_nothing() -> None:
    assert HashIndex().ids.shape == (0, 16)
    assert len(HashIndex().keepers) == 0
    assert all(len(numbers) == 0 for numbers in HashIndex().band("exact"))
    assert band_files(HashIndex(), "exact") is None


def test_bands_are_the_buckets_and_the_exact_hash() -> None:
    assert band_names(MINHASH, True, True) == [
        "minhash-00",
        "minhash-01",
        "minhash-02",
        "exact",
    ]
    assert band_names(MINHASH, False, True)[-1] == "minhash-02"
    assert band_names(MINHASH, True, False) == ["exact"]


def test_an_index_of_other_signatures_or_of_the_same_files_is_refused() -> None:
    previous = HashIndex(Path("index"), MINHASH, PassageConfig(), ("a", "b"))
    check_previous(previous, MINHASH, ["c", "d"])
    check_previous(HashIndex(), OTHER, ["a"])
    with pytest.raises(UserError, match="other MinHash settings"):
        check_previous(previous, OTHER, ["c"])
    with pytest.raises(UserError, match=r"^b is in .* already \(1 of 2 files"):
        check_previous(previous, MINHASH, ["c", "b"])


def test_ids_of_another_length_are_refused() -> None:
    assert id_bytes(["00" * 15 + "ff"]).tolist() == [[0] * 15 + [255]]
    for wrong in ("ab" * 15, "ab" * 17, "AB" * 15 + "x"):
        with pytest.raises(RuntimeError, match=wrong):
            id_bytes(["00" * 16, wrong])


def test_a_band_that_was_not_looked_at_is_empty_and_half_a_band_an_error(tmp_path):
    known = HashIndex(tmp_path)
    assert [len(numbers) for numbers in known.band("lines")] == [0, 0]
    assert band_files(known, "lines") is None
    np.arange(3, dtype="<u8").tofile(tmp_path / "lines.keys")
    with pytest.raises(FileNotFoundError):
        known.band("lines")
    with pytest.raises(FileNotFoundError):
        _ = known.keepers
