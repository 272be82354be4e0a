"""What a person at a terminal reads of a training run, and the curves behind it."""

import time
from typing import Any

import pytest

from flows.runner import terminal, ui


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lines written where lines can't move, each at once."""
    said: list[str] = []
    monkeypatch.setattr(terminal, "PLAIN_LINE_SECONDS", 0.0)
    monkeypatch.setattr(terminal.Screen, "say", lambda self, text: said.append(text))
    return said


def test_a_training_line_says_rate_time_left_and_figures(
    lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with terminal.shown():
        bar = terminal.Bar("pretrain")
        bar.update(100, 900, "steps", {})  # resumed: the first 100 were an earlier run's
        now += 50.0
        numbers = {
            "loss": 3.21,
            "bits_per_byte": 1.5,
            "tokens_per_second": 24110.4,
            "mfu": 0.312,
            "x": 1,
        }
        bar.update(200, 900, "steps", numbers)
    assert lines[-1] == (
        "  … pretrain: 200/900 steps, 2.0/s, 5 min 50 s left,"
        " loss 3.210, 1.500 bits/byte, 24,110 tokens/s, MFU 31%"
    )


def test_what_is_not_known_is_not_said(lines: list[str]) -> None:
    with terminal.shown():
        terminal.Bar("rl").update(1, 4, "steps", {"reward": 0.25, "mfu": None})
        terminal.Bar("crawl").update(1, None, "pages")
    assert lines[0].endswith("reward 0.25")
    assert "pages" in lines[1]


def test_points_and_their_pictures() -> None:
    series: ui.Series = {}
    for step in (1, 2, 3):
        row: dict[str, Any] = {"step": step, "loss": 4.0 / step, "mfu": 0.25, "reward": None}
        ui.add_points(series, row | {"energy_kwh": 0.001 * step, "unheard_of": 7})
    assert series["mfu"] == [(1, 25.0), (2, 25.0), (3, 25.0)]
    assert series["energy_kwh"][-1] == (3, pytest.approx(3.0))
    assert "reward" not in series
    assert "unheard_of" not in series
    text = ui.curves_markdown(series)
    assert text.count("data:image/png;base64,") == 3
    assert "loss (nats per token): 1.333 at step 3" in text
    assert "energy (Wh): 3 at step 3" in text
