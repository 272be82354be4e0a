"""Pictures of a reward model: each from its numbers, the same bytes for the same ones."""

from typing import Any

from report_tables import sample_tables

from pipeline.report import html_report, reward_charts

PNG = b"\x89PNG\r\n\x1a\n"


def bins(accuracy: float, members: tuple[int | None, ...] = (0,)) -> list[dict[str, Any]]:
    return [
        {
            "member": member,
            "low": low,
            "high": low + 0.25,
            "pairs": pairs,
            "confidence": low + 0.1 if pairs else None,
            "accuracy": accuracy if pairs else None,
            "accuracy_low": 0.4,
            "accuracy_high": 0.9,
        }
        for member in members
        for low, pairs in ((0.5, 8), (0.75, 0))
    ]


def point(pairs: int, accuracy: float) -> dict[str, Any]:
    return {
        "pairs": pairs,
        "accuracy": accuracy,
        "accuracy_low": accuracy - 0.1,
        "accuracy_high": accuracy + 0.1,
    }


def test_reliability_is_drawn_from_the_bins_that_hold_pairs() -> None:
    draw = reward_charts.reliability
    assert draw(bins(0.6)).startswith(PNG)
    assert draw(bins(0.6)) == draw(bins(0.6)) != draw(bins(0.7))
    ensemble = bins(0.6, (None,)) + bins(0.8, (0, 1))
    assert draw(ensemble) != draw(bins(0.6, (None,)))


def test_accuracy_by_pairs_is_drawn_with_every_model() -> None:
    draw = reward_charts.pair_curve
    rows = [point(50, 0.55), point(50, 0.6), point(5_000, 0.7)]
    assert draw(rows).startswith(PNG)
    assert draw(rows) == draw(rows) != draw(rows[1:])


def test_the_page_shows_them_where_there_is_a_reward_model() -> None:
    tables = sample_tables()
    page = html_report.render("A run", tables, {})
    assert page.count("<h2>The reward model</h2>") == 1
    for name in (html_report.CALIBRATED, html_report.MORE_PAIRS):
        assert f'alt="{name}" src="data:image/png;base64,' in page
    without = {name: t for name, t in tables.items() if name not in ("reliability", "pair_curve")}
    assert "The reward model" not in html_report.render("A run", without, {})
