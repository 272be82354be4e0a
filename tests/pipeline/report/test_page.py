"""The report page: complete, escaped, self-contained."""

import html.parser

import pyarrow as pa

from pipeline.report.page import _remaining_by_stage, render
from storage.schemas import EVALS, METRICS, ROLLOUTS, SAMPLES


def _metrics(stage: str, **columns: float) -> list[dict]:
    return [{"stage": stage, "step": s, "run": "r", "tokens": s, **columns} for s in range(5)]


def _tables() -> dict[str, pa.Table]:
    evals = [
        {
            "model": model,
            "stage": model,
            "suite": "arithmetic",
            "task": "3 digits",
            "metric": "accuracy",
            "value": value,
            "low": value - 0.1,
            "high": value + 0.1,
            "n": 200,
            "seed": 0,
        }
        for model, value in (("base", 0.1), ("sft", 0.2), ("rl", 0.9))
    ]
    samples = [
        {
            "model": model,
            "suite": "facts",
            "prompt": "<script>alert(1)</script>",
            "completion": "Brinmouth",
            "expected": "Brinmouth",
            "correct": model == "rl",
        }
        for model in ("base", "sft", "rl")
    ]
    rollout = dict.fromkeys(ROLLOUTS.names) | {
        "step": 3,
        "prompt": "What is 1 + 1?",
        "completion": "2.",
        "reward": 1.0,
        "advantage": 0.5,
    }
    return {
        "funnel": pa.Table.from_pylist(
            [
                {"stage": "read", "rule": "mime", "outcome": "dropped", "count": 10},
                {"stage": "url", "rule": "host", "outcome": "dropped", "count": 5},
                {"stage": "", "rule": "", "outcome": "kept", "count": 85},
            ]
        ),
        "metrics": pa.Table.from_pylist(
            _metrics("pretrain", loss=2.0) + _metrics("rl", reward=0.5), schema=METRICS
        ),
        "evals": pa.Table.from_pylist(evals, schema=EVALS),
        "samples": pa.Table.from_pylist(samples, schema=SAMPLES),
        "rollouts": pa.Table.from_pylist([rollout], schema=ROLLOUTS),
    }


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
    page = render("A run", _tables(), {"pages": "100"})
    links = _Links()
    links.feed(page)
    assert links.external == []
    assert "script" not in links.tags
    assert "&lt;script&gt;" in page
    assert links.tags.count("img") == 3  # funnel, pretraining loss, reward


def test_page_shows_every_model_with_interval_and_n() -> None:
    page = render("A run", _tables(), {})
    assert "10.0% [0.0%, 20.0%] n=200" in page
    assert "90.0% [80.0%, 100.0%] n=200" in page


def test_an_empty_lake_says_so_section_by_section() -> None:
    page = render("Nothing", {}, {})
    for line in ("no corpus yet", "no training yet", "no evaluation yet", "an empty lake"):
        assert line in page


def test_funnel_counts_what_is_left_in_the_recipes_order() -> None:
    rows = [
        {"stage": "dedup", "rule": "minhash", "outcome": "dropped", "count": 4},
        {"stage": "read", "rule": "mime", "outcome": "dropped", "count": 10},
        {"stage": "read", "rule": "broken_record", "outcome": "error", "count": 1},
        {"stage": "", "rule": "", "outcome": "kept", "count": 85},
    ]
    assert _remaining_by_stage(rows) == [("records", 100), ("after read", 89), ("after dedup", 85)]
