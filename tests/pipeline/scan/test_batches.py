"""Batches in scratch: whole or absent, after a power cut at any moment as well."""

import dataclasses
import functools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from forgetful_disk import LOST, ForgetfulDisk, killed_at

from pipeline.decision import failed
from pipeline.filters.url import UrlConfig
from pipeline.scan import batches
from pipeline.scan import stage as scan
from pipeline.scan.batches import ReadPosition, whole_batches
from pipeline.scan.config import ScanConfig
from pipeline.scan.judge import Judge
from pipeline.scan.page_process import Poison
from pipeline.scan.supervisor import NOTES, STATE, _note, _notes, read_file
from pipeline.stage import SILENT

PAGES, IN_BATCH = 14, 4
CONFIG = ScanConfig(url=UrlConfig(use_lists=False))


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_RECORDS", IN_BATCH)


@pytest.fixture(scope="module")
def warc(
    tmp_path_factory: pytest.TempPathFactory,
    make_warc: Callable[..., list[int]],
    make_page: Callable[..., bytes],
    prose: Callable[..., str],
) -> Path:
    pages = [
        {"url": f"http://h{number}.example/", "body": make_page(prose(str(number), 8))}
        for number in range(PAGES)
    ]
    path = tmp_path_factory.mktemp("batches") / "a.warc.gz"
    make_warc(path, pages)
    return path


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(CONFIG)


def build(warc: Path, root: Path) -> dict[str, bytes]:
    """The part's files, by what is in the scratch folder there."""
    out = root / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    scan.build(
        out=out, inputs={"warc": [warc]}, config=CONFIG, progress=SILENT, scratch=root / "scratch"
    )
    return {path.name: path.read_bytes() for path in out.iterdir()}


@pytest.fixture(scope="module")
def calm(warc: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return build(warc, tmp_path_factory.mktemp("calm"))


def read_all(warc: Path, judge: Judge, scratch: Path) -> None:
    read_file(warc, judge, scratch, lambda records, kept, offset: None)


def test_a_table_is_read_as_it_was_written(warc, judge, tmp_path):
    read_all(warc, judge, tmp_path)
    found = whole_batches(tmp_path)
    assert [batch.records for batch in found] == [4, 4, 4, 2]
    assert [batch.after and batch.after.number for batch in found] == [4, 8, 12, None]
    urls = [url for batch in found for url in batch.table("ledger")["url"].to_pylist()]
    assert urls == [f"http://h{number}.example/" for number in range(PAGES)]
    for batch in found:
        batch.table("pages").validate(full=True)
        assert all(start % batches.ALIGNMENT == 0 for start, _ in batch.spans.values())
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *(f"batch-{number:06d}" for number in range(4)),
        STATE,
    ]


@pytest.mark.parametrize("lost", LOST)
def test_a_power_cut_costs_no_more_than_what_was_not_on_disk(
    lost, warc, judge, calm, tmp_path, monkeypatch
):
    monkeypatch.setattr(batches, "BATCH_RECORDS", IN_BATCH)
    kept = []
    for number in (1, 2, 3, 5, 6, 8):
        root = tmp_path / str(number)
        root.mkdir()
        disk = ForgetfulDisk(root, tmp_path / f"notes-{number}")
        assert killed_at(disk, number, functools.partial(read_all, warc, judge, root / "scratch"))
        disk.power_cut(lost)
        kept.append(len(whole_batches(root / "scratch")))
        assert build(warc, root) == calm
    assert kept[-1] >= 2
    assert kept == sorted(kept)


@pytest.mark.parametrize("damage", ["empty", "half", "cut", "end", "folder", "gone"])
def test_a_batch_that_cannot_be_read_is_made_again(damage, warc, judge, calm, tmp_path):
    scratch = tmp_path / "scratch"
    read_all(warc, judge, scratch)
    victim = scratch / "batch-000001"
    data = victim.read_bytes()
    victim.unlink()
    if damage == "folder":  # as an earlier version left them
        victim.mkdir()
        (victim / "batch.json").write_text("{}")
    elif damage != "gone":
        first = 64 if damage == "end" else 0
        size = {"empty": 0, "half": len(data) // 2, "cut": len(data) - 1}.get(damage, len(data))
        victim.write_bytes(data[first:size])
    (scratch / ".batch-000002.1.ab.part").write_bytes(b"a kill left it")
    assert [batch.file.name for batch in whole_batches(scratch)] == ["batch-000000"]
    assert sorted(path.name for path in scratch.iterdir()) == ["batch-000000", STATE]
    assert build(warc, tmp_path) == calm


@pytest.mark.parametrize("lost", LOST)
def test_notes_of_poisoned_records_stay_or_count_as_absent(lost, tmp_path):
    (tmp_path / "disk").mkdir()
    disk = ForgetfulDisk(tmp_path / "disk", tmp_path / "notes")
    poisoned = {3: Poison(failed("extract", "timeout", 5.0, 5.0, "seconds of CPU time"), late=True)}
    end = disk.watch()
    _note(disk.root, poisoned)
    end()
    disk.power_cut(lost)
    assert _notes(disk.root) == poisoned
    data = (disk.root / NOTES).read_bytes()
    for spoilt in (b"", data[:20], b"[]", b'{"3": {"rule": "x"}}', b'{"3": {"decision": 1}}'):
        (disk.root / NOTES).write_bytes(spoilt)
        assert _notes(disk.root) == {}


def test_a_place_is_kept_whole(warc, judge, tmp_path):
    read_all(warc, judge, tmp_path)
    after = whole_batches(tmp_path)[0].after
    assert after is not None
    assert dataclasses.replace(after, dump="") == ReadPosition(after.offset, 0, 4)
