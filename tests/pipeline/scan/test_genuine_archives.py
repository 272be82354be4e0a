"""Real archives of eight crawlers, some damaged: no record lost, none invented, no crash."""

import re
from collections import Counter

import pytest

from pipeline.corpus.funnel import check_conservation
from pipeline.crawl.warc import read_records
from pipeline.scan.config import ScanConfig
from pipeline.scan.judge import Judge
from storage.errors import UserError
from storage.schemas import LEDGER
from storage.tables import table

NO_ARCHIVES = (".parquet", ".md", ".cdx", ".cdxj", ".cdx.gz", ".paths.gz")
# Where ours differs from warcio, which raises, or stops at the first sign of damage.
DAMAGED = {
    "webrecorder__warcio__example-bad-non-chunked.warc.gz": (6, 0),
    "webrecorder__warcio__example-wrong-chunks.warc.gz": (3, 2),
    "webrecorder__warcio__example-trunc.warc": (4, 0),  # its record is kept, with a note
    "iipc__webarchive-commons__link-extraction-test.warc": (8, 1),  # a response without URL
    "chatnoir-eu__chatnoir-resiliparse__clipped.warc.gz": (1, 1),
}


def test_conservation_and_counts(shared_dir):
    folder = shared_dir / "crawl" / "genuine"
    lines = (folder / "README.md").read_text().splitlines()
    stated = {
        cells[1]: int(cells[4])
        for cells in ([cell.strip() for cell in line.split("|")] for line in lines)
        if len(cells) > 5 and re.fullmatch(r"\d+", cells[4])
    }
    paths = sorted(path for path in folder.iterdir() if not path.name.endswith(NO_ARCHIVES))
    assert len(paths) > 30
    kept = 0
    judge = Judge(ScanConfig())
    for path in paths:
        records = list(read_records(path, judge.config.limits))
        if path.name.endswith("aut__example.arc.gz"):  # the pages of the WARC of that name
            assert len(records) == stated[path.name]
            continue
        rows = [judge.record(path.name, r).ledger_row(path.name, r) for r in records]
        check_conservation({path.name: len(records)}, table(rows, LEDGER))
        outcomes = Counter(row["outcome"] for row in rows)
        expected = DAMAGED.get(path.name, (stated[path.name], 0))
        assert (len(rows), outcomes["error"]) == expected, path.name
        ids = [row["id"] for row in rows if row["id"]]
        assert len(set(ids)) == len(ids)
        kept += outcomes["kept"]
    assert kept > 30


def test_files_that_are_no_archives(shared_dir):
    folder = shared_dir / "crawl" / "genuine"
    paths = [path for path in folder.iterdir() if path.name.endswith(NO_ARCHIVES)]
    assert len(paths) >= 6
    for path in paths:
        with pytest.raises(UserError, match="is no WARC file"):
            list(read_records(path, ScanConfig().limits))
