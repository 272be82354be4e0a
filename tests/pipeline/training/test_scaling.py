"""A ladder's recipes, and the law of finished runs (manifests as the lake writes them)."""

import dataclasses
import json
from pathlib import Path

import pytest

from pipeline.config import to_dict
from pipeline.stage import SILENT
from pipeline.training import scaling
from pipeline.training.batch_sizes import seen_rows
from pipeline.training.config import LoopConfig, ModelShape, PretrainConfig, ScalingConfig
from pipeline.training.power_law import PowerLaw
from pipeline.training.shape import model_config
from storage.errors import UserError
from storage.manifest import MANIFEST, Manifest
from storage.tables import read_table

LAW = PowerLaw(0.9, 0.5, 0.25, 1e13)
BASE = PretrainConfig(shape=ModelShape(context=64), loop=LoopConfig(rows_per_step=16))
CONFIG = ScalingConfig(depths=(1, 2, 3, 4, 5), draws=100)


def test_a_rung_has_its_size_and_its_share_of_tokens():
    for depth in CONFIG.depths:
        recipe = scaling.rung(BASE, CONFIG, depth, seed=7, vocab_size=500)
        shape = recipe.shape
        assert (shape.layers, shape.width) == (depth, 32 * depth)
        assert shape.heads * shape.head_dim == shape.width
        assert recipe.seed == 7
        seen = recipe.loop.steps * recipe.loop.rows_per_step * shape.context
        wanted = CONFIG.tokens_per_parameter * model_config(shape, 500).matrix_parameters
        assert seen == pytest.approx(wanted, abs=recipe.loop.rows_per_step * shape.context)
        same = {"layers", "width", "heads", "kv_heads", "head_dim", "ffn_width"}
        for name, value in dataclasses.asdict(BASE.shape).items():
            assert name in same or getattr(shape, name) == value


def test_a_rung_with_a_ramp_takes_more_steps_for_the_same_tokens():
    loop = LoopConfig(rows_per_step=16, first_rows=4, ramp_fraction=0.8)
    ramped = dataclasses.replace(BASE, loop=loop)
    recipe = scaling.rung(ramped, CONFIG, 5, seed=7, vocab_size=500)
    flat = scaling.rung(BASE, CONFIG, 5, seed=7, vocab_size=500)
    assert recipe.loop.steps == pytest.approx(flat.loop.steps / 0.6, abs=1)
    seen = seen_rows(recipe.loop) * recipe.shape.context
    wanted = CONFIG.tokens_per_parameter * model_config(recipe.shape, 500).matrix_parameters
    assert seen == pytest.approx(wanted, rel=0.01)
    scaling.check_epochs(ramped, CONFIG, 500, int(seen / CONFIG.max_epochs) + 1)
    with pytest.raises(UserError, match=f"would see {seen:,} tokens"):
        scaling.check_epochs(ramped, CONFIG, 500, int(seen / CONFIG.max_epochs) - 1)


def finished(folder: Path, depth: int, loss: float, seed: int = 0) -> tuple[Path, float]:
    """The folder of a base model that was trained, as far as the stage reads it."""
    recipe = scaling.rung(BASE, CONFIG, depth, seed, 500)
    shape = model_config(recipe.shape, 500)
    tokens = recipe.loop.steps * recipe.loop.rows_per_step * recipe.shape.context
    statistics = {
        "parameters": shape.matrix_parameters,
        "matrix_parameters": shape.matrix_parameters,
        "tokens_seen": tokens,
        "epochs": 1.5,
        "flops": shape.flops_per_token(64) * tokens,
        "bits_per_byte": loss,
    }
    digest = f"{depth:032x}{seed:032x}"
    manifest = Manifest("base", digest, 1, to_dict(recipe), {}, {}, {}, statistics, {})
    path = folder / f"{depth}-{seed}"
    path.mkdir()
    (path / MANIFEST).write_bytes(manifest.to_json())
    return path, statistics["flops"]


def ladder(folder, seeds=(0,)):
    runs = []
    for depth in CONFIG.depths:
        _, flops = finished(folder, depth, 1.0, seed=99)
        runs += [finished(folder, depth, LAW(flops), seed)[0] for seed in seeds]
    return runs


def test_the_law_of_the_runs_is_found_and_predicts_the_largest(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    said = scaling.build(out, {"runs": ladder(tmp_path)[::-1]}, CONFIG, SILENT, tmp_path)
    check, ahead = said["check"], said["next"]
    assert check["value"] == pytest.approx(check["measured"], rel=1e-3)
    assert ahead["flops"] == pytest.approx(4 * check["flops"])
    assert ahead["value"] == pytest.approx(LAW(ahead["flops"]), rel=1e-2)
    rows = read_table(out / "runs.parquet").to_pylist()
    assert [row["layers"] for row in rows] == list(CONFIG.depths)
    assert json.loads((out / "law.json").read_text()) == said


def test_the_check_never_sees_the_largest(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    runs = ladder(tmp_path)
    as_it_is = scaling.build(out, {"runs": runs}, CONFIG, SILENT, tmp_path)
    spoiled = tmp_path / "spoiled"
    spoiled.mkdir()
    runs[-1] = finished(spoiled, CONFIG.depths[-1], 9.0)[0]
    found = scaling.build(out, {"runs": runs}, CONFIG, SILENT, tmp_path)
    assert found["check"]["value"] == as_it_is["check"]["value"]
    assert found["check"]["measured"] == 9.0
    assert found["check"]["error"] < -0.8


def test_order_of_the_runs_changes_nothing(tmp_path):
    runs = ladder(tmp_path, seeds=(0, 1))
    results = []
    for number, order in enumerate((runs, runs[::-1])):
        out = tmp_path / f"out{number}"
        out.mkdir()
        results.append(scaling.build(out, {"runs": order}, CONFIG, SILENT, tmp_path))
        results.append((out / "runs.parquet").read_bytes())
    assert results[:2] == results[2:]


def test_a_ladder_that_would_read_the_corpus_too_often_is_refused():
    needed = 8.0 * model_config(scaling.rung(BASE, CONFIG, 5, 0, 500).shape, 500).matrix_parameters
    scaling.check_epochs(BASE, CONFIG, 500, int(needed / 3.9))
    with pytest.raises(UserError, match=r"more than scaling\.max_epochs 4 passes"):
        scaling.check_epochs(BASE, CONFIG, 500, int(needed / 4.1))


def test_a_rungs_feed_forward_is_the_ratio_in_multiples_of_32():
    """Width 160: 8/3 of it is 426.7, and 13 x 32 = 416 is nearest; never less than 32."""
    config = dataclasses.replace(CONFIG, ffn_ratio=8 / 3)
    assert scaling.rung(BASE, config, 5, 0, 500).shape.ffn_width == 416
    doubled = dataclasses.replace(CONFIG, ffn_ratio=2.0)
    assert [scaling.rung(BASE, doubled, depth, 0, 500).shape.ffn_width for depth in (1, 2)] == [
        64,
        128,
    ]
    tiny = dataclasses.replace(CONFIG, ffn_ratio=0.1)
    assert scaling.rung(BASE, tiny, 1, 0, 500).shape.ffn_width == 32


def test_the_stage_by_its_name_and_version():
    stage = scaling.STAGE
    assert (stage.kind, stage.version, stage.config) == ("scaling", 3, ScalingConfig)
