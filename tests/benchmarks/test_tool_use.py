"""The table of tool use: counts of several seeds together; the lake's models by seed."""

import json
from pathlib import Path

from pipeline.intervals import wilson
from tests.benchmarks import lake_models, tool_use


def scores(right: float, n: int = 40) -> dict[str, list[float]]:
    found = {}
    for kind in ("product_new_wordings", "product", "fact"):
        found[f"tools/{kind}_with/accuracy"] = [right, n]
        found[f"tools/{kind}_without/accuracy"] = [0.0, n]
        found[f"tools/{kind}_with/call_rate"] = [1.0, n]
    found["tools/calls/parsed"] = [0.5, n]
    found["facts/question_often/recall"] = [0.25, n]
    return found


def test_counts_of_all_seeds_stand_together() -> None:
    text = tool_use.table([scores(1.0), scores(0.5)], [scores(0.5), scores(0.0)])
    rows = [line.split(" | ") for line in text.splitlines()]
    low, high = wilson(60, 80)
    assert rows[2] == [
        "| product, new wordings",
        f"75% ({low:.0%}–{high:.0%}, n=80)",
        "0% (0%–5%, n=80)",
        "100% (95%–100%, n=80) |",
    ]
    assert [row[0] for row in rows[3:5]] == ["| product", "| fact"]
    assert "50%" in text.splitlines()[5]
    assert text.splitlines()[5].rstrip(" |").endswith("–")  # no output, no share
    same = text.splitlines()[-1]
    assert same.startswith("| facts, question_often | 25% (")
    for line in text.splitlines():
        assert line.count("|") in (0, 4, 5)


def test_models_of_a_lake_by_seed(tmp_path: Path) -> None:
    for name, seed in (("b", 0), ("a", 2), ("c", 1)):
        folder = tmp_path / "base" / name
        folder.mkdir(parents=True)
        content = {"recipe": {"seed": seed}, "inputs": {"base": [f"{name}-and-more"]}}
        (folder / "manifest.json").write_text(json.dumps({"content": content}))
    found = lake_models.bases(tmp_path)
    assert [folder.name for folder in found] == ["b", "c", "a"]
    assert lake_models.tuned_from(found[0], found[0])
    assert not lake_models.tuned_from(found[0], found[1])
