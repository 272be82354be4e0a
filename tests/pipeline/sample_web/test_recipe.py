"""The real recipe on the small web: each page goes where its truth says, and text comes out whole.

The one stated deviation is that of preset `demo`: pages of worked sums have fewer words with
letters than Gopher's 80%.
"""

from collections import Counter
from pathlib import Path

import pytest

from pipeline.corpus.config import SelectConfig
from pipeline.corpus.select import read_pages, select
from pipeline.filters.gopher_quality import GopherQualityConfig
from pipeline.sample_web.build import CrawlStatistics
from pipeline.scan.config import ScanConfig
from pipeline.scan.stage import build as build_part
from pipeline.stage import SILENT
from storage.tables import read_table

Web = tuple[Path, CrawlStatistics]


@pytest.fixture(scope="module")
def outcome(small: Web, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[dict, dict, str]]:
    """Truth, ledger row with the selection's verdict, and text of each page."""
    selecting = SelectConfig(gopher_quality=GopherQualityConfig(min_alphabetic_word_fraction=0.62))
    truth = {
        (row["warc"], row["url"]): row for row in read_table(small[0] / "truth.parquet").to_pylist()
    }
    found = []
    for warc in sorted(small[0].glob("*.warc.gz")):
        out: Path = tmp_path_factory.mktemp("part")
        scratch = tmp_path_factory.mktemp("scratch")
        build_part(
            out=out,
            inputs={"warc": [warc]},
            config=ScanConfig(),
            progress=SILENT,
            scratch=scratch,
        )
        selected = select(read_pages(out, selecting), 0, selecting).to_pylist()
        verdicts = {row["id"]: row for row in selected}
        pages = read_table(out / "pages.parquet").to_pylist()
        texts = {row["id"]: row["text"] for row in pages}
        for row in read_table(out / "ledger.parquet").to_pylist():
            if row["record_type"] in ("response", "revisit"):
                key = row["warc"], row["url"]
                last = {**row, **verdicts.get(row["id"], {})}
                found.append((truth[key], last, texts.get(row["id"], "")))
    assert len(found) == len(truth)
    return found


def test_pages_end_where_the_truth_says(outcome: list[tuple[dict, dict, str]]) -> None:
    wrong: Counter[tuple[str, str, str, str]] = Counter()
    for truth, row, _ in outcome:
        ought = ("kept", "") if truth["stage"] == "dedup" else (truth["expected"], truth["stage"])
        if (row["outcome"], row["stage"]) != ought:
            wrong[truth["kind"], row["outcome"], row["stage"], row["rule"]] += 1
    assert sum(wrong.values()) <= 0.01 * len(outcome), wrong


def test_main_text_comes_out_whole(outcome: list[tuple[dict, dict, str]]) -> None:
    scores = []
    for truth, row, text in outcome:
        if row["outcome"] == "kept":
            got, wanted = Counter(text.split()), Counter(truth["main_text"].split())
            common = sum((got & wanted).values())
            scores.append((2 * common / (got.total() + wanted.total()), truth["url"]))
    assert sum(score for score, _ in scores) / len(scores) > 0.98
    assert min(scores)[0] > 0.9, min(scores)
