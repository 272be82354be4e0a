"""Figures of the corpus against a truth made by hand."""

import dataclasses
import json
import re

import pytest
from toy_parts import join_parts, make_part, make_selection

from pipeline.config import from_dict, to_dict
from pipeline.corpus import duplicates
from pipeline.corpus.audit_figures import AUDIT, audit_report, word_f1
from pipeline.corpus.config import CorpusConfig, SelectConfig
from pipeline.dedup.config import DedupConfig
from pipeline.intervals import wilson
from pipeline.scan.config import ScanConfig
from pipeline.stage import SILENT
from storage.schemas import TRUTH
from storage.tables import read_table, table, write_table

MAIL = "Please write to jane.roe@harbour.org if you have seen the boat."


def number_of(url: str) -> str:
    """The page's number, for an original and its mirror the same."""
    found = re.search(r"\d+", url)
    assert found is not None
    return found.group()


def test_audit_report(tmp_path, prose):
    """Truth that agrees with what happened but for one page said to be meant for url."""
    texts = [prose(f"original {number}", 24) for number in range(6)]
    texts[0] += f"\n{MAIL}"
    first = [
        {"url": f"http://host{n}.example/page", "host": f"host{n}.example", "text": text}
        for n, text in enumerate(texts)
    ]
    second = [
        {"url": f"http://mirror.example/{n}", "host": "mirror.example", "text": texts[n]}
        for n in range(3)
    ]
    parts = [make_part(tmp_path / "a", "a", first), make_part(tmp_path / "b", "b", second)]
    selection, copies = make_selection(tmp_path / "selection", parts), tmp_path / "duplicates"
    copies.mkdir()
    inputs: duplicates.DuplicatesInputs = {"parts": parts, "selection": [selection]}
    duplicates.build(copies, inputs, DedupConfig(), SILENT, tmp_path)
    _, corpus = join_parts(tmp_path, parts, selection, copies)

    truth = []
    for folder in parts:
        for row in read_table(folder / "ledger.parquet").to_pylist():
            copy = "mirror" in row["url"]
            stage = row["stage"] or ("dedup" if copy else "")
            if row["url"] == "http://host5.example/page":
                stage = "url"
            mailed = row["url"] in ("http://host0.example/page", "http://mirror.example/0")
            truth.append(
                {
                    "url": row["url"],
                    "warc": row["warc"],
                    "expected": "dropped" if stage else "kept",
                    "stage": stage,
                    "duplicate_of": f"http://host{number_of(row['url'])}.example/page"
                    if copy
                    else "",
                    "kind": "mirror"
                    if copy
                    else "word_url"
                    if stage == "url"
                    else stage or "story",
                    "similarity": (1.0 if row["url"].endswith("/0") else 0.9) if copy else None,
                    "pii_emails": int(mailed),
                    "pii_values": ["jane.roe@harbour.org", "not on the page"] if mailed else [],
                    "main_text": texts[3] + " extra" if "host3." in row["url"] else "",
                }
            )
    write_table(table(truth, TRUTH), tmp_path / "truth.parquet")
    report = audit_report(tmp_path / "truth.parquet", corpus, copies, parts)
    assert report.schema == AUDIT
    found = {(r["stage"], r["task"], r["metric"]): r for r in report.to_pylist()}
    assert found["dedup", "pages", "precision"]["value"] == 1
    assert found["dedup", "pages", "recall"]["n"] == 3
    assert found["dedup", "pages", "recall"]["value"] == 1
    assert found["url", "pages", "recall"]["value"] == 0
    assert found["all", "pages to keep", "recall"]["value"] == 1
    assert found["all", "pages", "precision"]["value"] == 1
    # Copies to the word, which need no MinHash, count by themselves.
    pairs = found["dedup", "planted pairs, similarity 0.9 to 1", "recall"]
    assert (pairs["value"], pairs["n"]) == (1, 2)
    copied = found["dedup", "planted copies", "recall"]
    assert (copied["value"], copied["n"]) == (1, 1)
    # Three mirrors went and one page meant for url did not: 0.75 of all, half of both kinds.
    assert found["all", "pages", "recall"]["n"] > 2
    assert (found["planted", "mirror", "recall"]["value"]) == 1
    assert (found["planted", "word_url", "recall"]["value"]) == 0
    alike = found["planted", "every kind counted alike", "recall"]
    kinds = [r["value"] for r in report.to_pylist() if r["stage"] == "planted"]
    assert alike["n"] == len(kinds) - 1
    assert alike["value"] == pytest.approx(sum(kinds[:-1]) / alike["n"])
    assert found["dedup", "pairs in clusters", "precision"]["value"] == 1
    assert found["pii", "email", "recall"]["value"] == 1
    gone = found["pii", "planted values gone", "recall"]
    assert (gone["value"], gone["n"]) == (1, 1)
    words = found["extract", "words of main text", "recall"]
    assert words["n"] == 1
    assert 0.99 < words["value"] < 1
    assert found["extract", "words of main text, story", "f1"]["n"] == 1


def test_intervals_and_f1():
    low, high = wilson(9, 10)
    assert (round(low, 3), round(high, 3)) == (0.596, 0.982)  # Wilson's formula by hand
    assert wilson(0, 5)[0] == 0
    assert word_f1("a b b c", "a b d") == pytest.approx((0.5, 2 / 3, 4 / 7))
    assert word_f1("", "a") == (0, 0, 0)


def test_configs_go_through_json():
    for config in (ScanConfig(), SelectConfig(), DedupConfig(), CorpusConfig()):
        data = json.loads(json.dumps(to_dict(config)))
        assert from_dict(type(config), data) == config
        assert dataclasses.is_dataclass(config)
