"""The parity report on a few made texts, with the peer in this environment where it has spaCy."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.benchmarks import parity

PROSE = "The old bridge stands over the river. People walk on it with their friends every day. "
RNG = random.Random("parity")
KEPT = "\n".join(
    "We have to " + " ".join("".join(RNG.choices("aeioulmnrst", k=5)) for _ in range(12)) + "."
    for _ in range(8)
)
TEXTS = [
    PROSE * 2 + "\n" + "Others have to be there, and that is so. " * 6,
    KEPT,
    "\n".join(f"- item {i}" for i in range(40)),
    "Here is some code {\n" + PROSE * 3,
    "too short",
    "# # # a b c " * 30,
    "Lorem ipsum dolor sit amet here.\nIt was so [12] they say.\n" + PROSE,
]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts and the peer's verdicts on them."""
    pytest.importorskip("spacy")
    folder = tmp_path_factory.mktemp("parity")
    texts = folder / "texts.parquet"
    urls = [f"http://example.org/{i}" for i in range(len(TEXTS))]
    pq.write_table(pa.table({"url": urls, "text": TEXTS}), texts)
    command = [sys.executable, str(parity.PEER), "decide", str(texts), str(folder / "peer.jsonl")]
    subprocess.run(command, check=True)
    return folder


def compared(scratch: Path, verdicts: Path) -> dict:
    return parity.compare(scratch / "texts.parquet", verdicts, sys.executable, scratch)


def test_both_sides_agree_and_the_report_says_so(scratch: Path) -> None:
    report = compared(scratch, scratch / "peer.jsonl")
    assert report["kept_jaccard"] == 1
    assert report["kept_here"] == 1
    assert report["same_text_after_c4"] == report["pages"] == len(TEXTS)
    assert report["disagreements"] == []
    assert len(report["rules"]) == 30
    assert sum(rule["dropped_by_both"] > 0 for rule in report["rules"].values()) >= 10
    assert "100.0000%" in parity.markdown(report)


def test_a_disagreement_is_listed_with_both_values(scratch: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (scratch / "peer.jsonl").read_text().splitlines()]
    rows[0]["dropped"].append("max_hash_word_ratio")  # as if the peer had dropped it
    changed = tmp_path / "peer.jsonl"
    changed.write_text("\n".join(map(json.dumps, rows)))
    report = compared(scratch, changed)
    assert report["rules"]["max_hash_word_ratio"]["only_there"] == 1
    first = next(item for item in report["disagreements"] if item["rule"] == "max_hash_word_ratio")
    assert first["url"] == "http://example.org/0"
    assert first["value_here"] == 0
    assert first["value_there"] == pytest.approx(0, abs=1e-6)
    assert first["cause"] == "not explained"
    assert "LESS THAN 99.5%" in parity.markdown(report)
