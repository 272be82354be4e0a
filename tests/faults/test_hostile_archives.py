"""A fuzz campaign on the whole pass: damaged archives never crash it, hang it or lose a record.

`CRAWL2CHAT_MUTANTS=2000 pytest tests/faults/test_hostile_archives.py` (`make fuzz`) runs the whole
campaign; without the variable a part of it runs, other mutants than the first each time would be
no test that can be repeated.
"""

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from mutants import mutant

from pipeline.crawl.limits import LimitsConfig
from pipeline.extract.config import ExtractConfig
from pipeline.filters.url import UrlConfig
from pipeline.scan import stage as scan
from pipeline.scan.config import ScanConfig
from pipeline.stage import SILENT
from storage.errors import UserError
from storage.schemas import LEDGER
from storage.tables import read_table

MUTANTS = int(os.environ.get("CRAWL2CHAT_MUTANTS", "160"))
AT_ONCE = 20
CONFIG = ScanConfig(
    limits=LimitsConfig(max_member_bytes=64 * 1024 * 1024),
    url=UrlConfig(use_lists=False),
    extract=ExtractConfig(timeout_wall_seconds=60.0),
)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("first", range(0, MUTANTS, AT_ONCE))
def test_mutants(first: int, tmp_path: Path) -> None:
    for number in range(first, min(first + AT_ONCE, MUTANTS)):
        made = mutant(number)
        path = tmp_path / made.name
        path.write_bytes(made.data)
        out, scratch = tmp_path / f"out-{number}", tmp_path / f"scratch-{number}"
        out.mkdir()
        refused = ""
        try:
            scan.build(
                out=out, inputs={"warc": [path]}, config=CONFIG, progress=SILENT, scratch=scratch
            )
        except UserError as error:
            refused = str(error)
        if refused:  # no archive any more, and said so: only where nothing of it was left alone
            assert not made.untouched, (number, refused)
            assert path.name in refused
            continue
        read = json.loads((out / "read.json").read_text())
        ledger = read_table(out / "ledger.parquet")
        assert ledger.schema.equals(LEDGER)
        rows = ledger.to_pylist()
        outcomes = Counter(row["outcome"] for row in rows)
        assert set(outcomes) <= {"kept", "dropped", "error"}, number
        assert read["records"] == outcomes.total(), number
        assert not [row for row in rows if row["rule"] == "crash"], number
        found = Counter(row["url"] for row in rows)
        missing = [url for url in made.untouched if not found[url]]
        assert not missing, (number, made.name, missing)
        pages = read_table(out / "pages.parquet", ["id", "text"])
        assert pages.num_rows == outcomes["kept"], number
        for text in pages["text"].to_pylist():
            text.encode()  # no lone surrogate comes through


def test_a_mutant_depends_on_its_number_alone() -> None:
    assert mutant(7) == mutant(7)
    assert len({mutant(number).data for number in range(30)}) == 30
