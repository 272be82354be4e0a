"""A page's blocks as the extraction sees them."""

from pathlib import Path

import pytest
from explorer_lake import FIRST, make_explorer_lake

from pipeline.corpus.page_blocks import page_blocks
from pipeline.corpus.record_replay import judged_again, rules_of, scan_config
from pipeline.scan.config import ScanConfig
from storage import Lake
from storage.errors import UserError
from storage.explain import explain
from storage.explanation import ExplainedRecord


@pytest.fixture(scope="module")
def crawl(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return make_explorer_lake(tmp_path_factory.mktemp("blocks"))


def record_of(lake: Lake, number: int = 0) -> ExplainedRecord:
    return explain(lake, FIRST)["records"][number]


def test_the_kept_blocks_are_the_main_text(crawl: Lake) -> None:
    record = record_of(crawl)
    assert record["warc_path"] is not None
    config = scan_config(record, crawl.manifest)
    found = page_blocks(Path(record["warc_path"]), record["offset"], FIRST, config)
    assert found is not None
    assert (found.title, found.engine) == ("The first page", "blocks")
    kept = [block for block in found.blocks if block.kept]
    judged = judged_again(record, crawl.manifest)
    assert "\n".join(block.text for block in kept) == judged["text_before"]
    assert min(block.probability for block in kept) > 0.5
    dropped = {block.text: block for block in found.blocks if not block.kept}
    assert dropped["About"].inside == ("nav",)
    assert dropped["About"].tag == "li"
    assert "footer" in dropped["All rights reserved by the harbour office"].inside


def test_what_is_no_page_has_no_blocks(crawl: Lake) -> None:
    record = record_of(crawl, 1)
    assert record["record_type"] == "metadata"
    assert record["warc_path"] is None or record["id"] == ""
    warc = Path(record_of(crawl)["warc_path"] or "")
    assert page_blocks(warc, record["offset"], FIRST, ScanConfig()) is None
    with pytest.raises(UserError, match="has the file changed"):
        page_blocks(warc, record["offset"] + 1, FIRST, ScanConfig())


def test_a_record_without_a_page_has_no_rules(crawl: Lake) -> None:
    judged = judged_again(record_of(crawl, 1), crawl.manifest)
    assert judged["rules"] == []
    assert judged["text_before"] is None
    rules = rules_of(record_of(crawl), crawl.manifest)
    assert {rule["stage"] for rule in rules} >= {"language", "gopher_quality", "c4"}
    assert not any(rule["drops"] for rule in rules)
