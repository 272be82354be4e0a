"""The table of longer tasks: horizons by seed, "at least" where all turns were carried through."""

from pathlib import Path

import pytest

from pipeline.evals.config import EvalsConfig
from pipeline.intervals import wilson
from tests.benchmarks import horizon


def scores(carried: int, right: float = 0.5) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for mode in horizon.MODES:
        for ending in ("", "_new_wordings"):
            name = f"horizon/{mode}{ending}"
            found |= {
                f"{name}/horizon_50": [carried, 40],
                f"{name}/horizon_80": [carried // 2, 40],
                f"{name}/turns": [4, 40],
                f"{name}/turn_accuracy": [right, 40],
            }
        for share in (0, 25, 50):
            found[f"horizon/{mode}_errors_{share}/accuracy"] = [right, 40]
        for turn in range(1, 5):
            found[f"horizon_by_turn/{mode}_{turn:02d}/task_accuracy"] = [1 / turn, 40]
    return found


def test_horizons_of_all_seeds_stand_beside_their_mean() -> None:
    base = [scores(0, 0.0), scores(0, 0.0)]
    sft, rl = [scores(2, 0.5), scores(4, 1.0)], [scores(4, 1.0), scores(4, 1.0)]
    text = horizon.table(dict(zip(horizon.STAGES, [base, sft, rl], strict=True)))
    lines = text.splitlines()
    assert lines[2] == (
        "| direct | 0 (0, 0); 0 (0, 0); 0.0% | 3 (2, 4); 2 (1, 2); 75.0%"
        " | ≥ 4 (4, 4); 2 (2, 2); 100.0% |"
    )
    assert [line.split(" | ")[0] for line in lines[2:6]] == [
        "| direct",
        "| direct, new wordings",
        "| worked",
        "| worked, new wordings",
    ]
    history = EvalsConfig().horizon_history
    assert lines[7] == (
        f"| right in the turn after {history} written ones | fine-tuned | and RL on the last sum |"
    )
    low, high = wilson(60, 80)
    low_all, high_all = wilson(80, 80)
    assert lines[9] == (
        f"| direct, 0% of them wrong | 75% ({low:.0%}–{high:.0%}, n=80)"
        f" | 100% ({low_all:.0%}–{high_all:.0%}, n=80) |"
    )
    assert len(lines) == 15
    (alone,) = [line for line in horizon.table({"x": [{}]}).splitlines() if "direct |" in line]
    assert alone == "| direct | – |"


def test_pictures_have_a_curve_for_each_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []

    def line(title: str, curves: object, *labels: str) -> bytes:
        drawn.append((title, curves))
        return b"picture"

    monkeypatch.setattr(horizon.charts, "line", line)
    horizon.draw(tmp_path / "out", {"fine-tuned": [scores(2), scores(4)]})
    curve = [(turn, 1 / turn) for turn in range(1, 5)]
    assert [curves for _, curves in drawn] == [{"fine-tuned": curve}] * 2
    for mode in horizon.MODES:
        assert (tmp_path / "out" / f"horizon_{mode}.png").read_bytes() == b"picture"
