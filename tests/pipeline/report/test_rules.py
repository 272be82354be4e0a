"""Shares by rule are of what came in; drift has the sign and the certainty it should."""

import io
import struct

import pytest

from pipeline.report import charts
from pipeline.report.rules import RuleShare, drift, rule_rows

COUNTS = [
    {"stage": "read", "rule": "mime", "outcome": "dropped", "records": 100, "words": None},
    {"stage": "url", "rule": "domain", "outcome": "dropped", "records": 50, "words": None},
    {"stage": "extract", "rule": "timeout", "outcome": "error", "records": 50, "words": None},
    {"stage": "c4", "rule": "max_curly_bracket_lines", "outcome": "dropped", "records": 80,
     "words": 3_000},
    {"stage": "fineweb", "rule": "min_punctuated_line_fraction", "outcome": "dropped",
     "records": 72, "words": 700},
    {"stage": "", "rule": "", "outcome": "kept", "records": 648, "words": 26_300},
]  # fmt: skip


def by_rule(rows: list[RuleShare]) -> dict[tuple[str, str], RuleShare]:
    return {(row["stage"], row["rule"]): row for row in rows}


def test_shares_are_of_what_came_into_the_stage() -> None:
    rows = by_rule(rule_rows(COUNTS))
    assert list(dict.fromkeys(stage for stage, _ in rows)) == [
        "read", "url", "extract", "c4", "fineweb",
    ]  # fmt: skip
    assert rows["read", "mime"]["share"] == pytest.approx(0.1)
    assert rows["url", ""]["entered"] == 900
    assert rows["read", "mime"]["share_of_words"] is None
    assert rows["c4", ""]["share"] == pytest.approx(80 / 800)
    assert rows["c4", ""]["share_of_words"] == pytest.approx(0.1)
    line = rows["fineweb", "min_punctuated_line_fraction"]
    assert line["share"] == pytest.approx(72 / 720)
    assert line["share_of_words"] == pytest.approx(700 / 27_000)
    assert line["published"] == pytest.approx(0.1014)


def test_every_published_rule_is_one_of_ours() -> None:
    from pipeline.filters import c4, fineweb
    from pipeline.report.rules import PUBLISHED_NAMES

    ours = {rule.name for rule in (*c4.RULES, *fineweb.RULES)}
    assert set(PUBLISHED_NAMES) <= ours


def test_nothing_moves_between_a_crawl_and_itself() -> None:
    rows = rule_rows(COUNTS)
    moved = drift(rows, rows)
    assert len(moved) == len(rows)
    assert all(row["difference"] == 0 and row["low"] <= 0 <= row["high"] for row in moved)


def test_what_moved_comes_first_and_a_new_rule_counts_from_zero() -> None:
    changed = [dict(row) for row in COUNTS]
    changed[3]["records"] = 200
    changed.append({"stage": "c4", "rule": "min_sentences", "outcome": "dropped", "records": 40,
                    "words": 100})  # fmt: skip
    moved = drift(rule_rows(COUNTS), rule_rows(changed))
    assert moved[0]["stage"] == "c4"
    assert moved[0]["difference"] > 0
    assert moved[0]["low"] > 0
    new = next(row for row in moved if row["rule"] == "min_sentences")
    assert new["before"] == 0.0
    assert new["now"] == pytest.approx(40 / 920, rel=0.05)


def test_the_picture_has_a_line_for_each_rule() -> None:
    def height(png: bytes) -> int:
        return struct.unpack(">I", io.BytesIO(png[20:24]).read())[0]

    rows = rule_rows(COUNTS)
    assert height(charts.rule_bars(rows)) > height(charts.rule_bars(rows[:3]))
    assert charts.rule_bars(rows) == charts.rule_bars(rows)
    assert charts.rule_bars([])[:4] == b"\x89PNG"
