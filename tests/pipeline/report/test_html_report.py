"""The report page: complete, escaped, self-contained."""

import html.parser
import re

import pyarrow as pa
from report_tables import sample_tables

from pipeline.report.html_report import _remaining_by_stage, render
from storage.schemas import RLHF_STEPS, ROLLOUTS


class _Links(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.external: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href") and not value.startswith("data:"):
                self.external.append(value)


def test_page_is_self_contained_and_escapes_web_text() -> None:
    page = render("A run", sample_tables(), {"pages": "100"})
    links = _Links()
    links.feed(page)
    assert links.external == []
    assert "script" not in links.tags
    assert "&lt;script&gt;" in page
    assert links.tags.count("img") == 5  # funnel, pretraining loss, reward, the reward model's two


def test_whatever_a_table_holds_is_escaped() -> None:
    nasty = "<b title='x\">&"
    dropped = {"stage": nasty, "rule": nasty, "value": None, "threshold": None, "detail": nasty}
    artifact = {"kind": nasty, "artifact": nasty, "seconds": None, "rows": None, "bytes": 1}
    sample = dict.fromkeys(("prompt", "completion", "expected"), nasty)
    tables = {
        "dropped": [{**dropped, "url": nasty, "text": nasty}],
        "artifacts": [artifact],
        "samples": [{**sample, "model": "base", "suite": "simulator", "correct": None}],
    }
    page = render(
        nasty, {k: pa.Table.from_pylist(rows) for k, rows in tables.items()}, {nasty: nasty}
    )
    assert nasty not in page
    assert "<b title" not in page
    escaped = page.count("&lt;b title=&#39;x&#34;&gt;&amp;")
    assert escaped == 2 + 2 + 5 + 2 + 3  # title, a card, a dropped page, an artifact, a sample


def test_page_shows_every_model_with_interval_and_n() -> None:
    page = render("A run", sample_tables(), {})
    assert "10.0% [0.0%, 20.0%] n=200" in page
    assert "90.0% [80.0%, 100.0%] n=200" in page


def test_facts_by_relation_are_folded_away_under_the_table() -> None:
    tables = sample_tables()
    head = "questions on facts stated often, relation by relation"
    assert head not in render("A run", tables, {})
    row = tables["evals"].to_pylist()[0]
    more = [
        {**row, "suite": "facts_by_relation", "task": "birth_year", "metric": metric}
        for metric in ("recall", "guessing")
    ]
    rows = [*tables["evals"].to_pylist(), *more]
    page = render("A run", {**tables, "evals": pa.Table.from_pylist(rows)}, {})
    assert head in page
    assert "<td>birth year</td>" in page


def test_pictures_of_honesty_stand_where_it_was_measured() -> None:
    tables = sample_tables()
    assert "confidence target" not in render("A run", tables, {})
    row = tables["evals"].to_pylist()[0]
    more = [
        {**row, "suite": "targets_by_class", "task": f"often/{t}", "metric": "attempted"}
        for t in (0, 0.9)
    ]
    rows = [*tables["evals"].to_pylist(), *more]
    page = render("A run", {**tables, "evals": pa.Table.from_pylist(rows)}, {})
    assert page.count("by the confidence target in the system message") == 2  # said and shown
    assert "Calibration" not in page
    assert "often/0" not in page


def test_an_empty_lake_says_so_section_by_section() -> None:
    page = render("Nothing", {}, {})
    for line in ("no corpus yet", "no training yet", "no evaluation yet", "an empty lake"):
        assert line in page


def test_a_longer_context_is_shown_where_it_was_measured() -> None:
    row = {"reader": "base", "context": 8, "first": 0, "last": 7, "bits_per_byte": 1.0}
    table = pa.Table.from_pylist([{**row, "low": 0.9, "high": 1.1, "documents": 3, "bytes": 99}])
    assert 'alt="bits per byte by position"' in render("A run", {"positions": table}, {})
    assert "A longer context" not in render("A run", {}, {})


def test_funnel_counts_what_is_left_in_the_recipes_order() -> None:
    rows = [
        {"stage": "dedup", "rule": "minhash", "outcome": "dropped", "count": 4},
        {"stage": "read", "rule": "mime", "outcome": "dropped", "count": 10},
        {"stage": "read", "rule": "broken_record", "outcome": "error", "count": 1},
        {"stage": "", "rule": "", "outcome": "kept", "count": 85},
    ]
    assert _remaining_by_stage(rows) == [("records", 100), ("after read", 89), ("after dedup", 85)]


def test_what_was_optimised_for_preferences_stands_apart_from_what_was_checked() -> None:
    tables = sample_tables()
    plain = render("Run", tables, {})
    assert "Optimised for what is preferred" not in plain
    assert "per RLHF step" not in plain
    checked = tables["rollouts"].to_pylist()[0]
    preferred = [
        {**checked, "step": step, "completion": said, "proxy": 0.5, "gold": gold, "kl": 0.25}
        for step, said, gold in ((1, "No.", -2.0), (2, "Left out.", 0.0), (9, "Sorry, no.", 3.75))
    ]
    steps = [
        dict.fromkeys(RLHF_STEPS.names, 1) | {"step": s, "proxy": s / 9, "gold": None, "kl": 0.5}
        for s in (1, 9)
    ]
    more = {
        "rollouts": pa.Table.from_pylist([checked, *preferred], schema=ROLLOUTS),
        "rlhf_steps": pa.Table.from_pylist(steps, schema=RLHF_STEPS),
    }
    page = render("Run", {**tables, **more}, {})
    before, _, after = page.partition("Optimised for what is preferred")
    assert "What is 1 + 1?" in before
    assert "Sorry, no." not in before
    assert re.findall(r"<td>([-+][0-9.]+)</td>", after)[:3] == ["+0.50", "-2.00", "+0.25"]
    assert "Sorry, no." in after
    assert "Left out." not in page
    assert "Reward model&#39;s score per RLHF step" in page
    assert "True reward per RLHF step" not in page, "nobody knows it here"
