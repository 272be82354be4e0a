"""`plan`: training by the preset and a lake's ladder of sizes, the corpus by a lake's parts."""

import argparse
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from flows.cli import main
from flows.cli.plan import plan, teacher_rows, training_rows
from flows.config import RunConfig, load
from pipeline.model import Transformer
from pipeline.training import scaling
from pipeline.training.config import PretrainConfig
from pipeline.training.power_law import PowerLaw, fit
from pipeline.training.shape import model_config
from storage import Lake
from storage.digest import artifact_digest
from storage.manifest import Manifest, Provenance

FLOPS = "floating-point operations"
LAW = PowerLaw(0.9, 0.5, 0.25, 1e13)


def figures(name: str, *changes: str, teraflops: float = 400.0) -> dict[str, float]:
    rows = training_rows(load(name, list(changes)), [], teraflops)
    return {row["name"]: row["value"] for row in rows}


def test_the_dial_s_numbers_stand_first() -> None:
    rows = figures("gpu8")
    assert list(rows)[:2] == ["layers", "width"]
    assert (rows["layers"], rows["width"], rows["attention heads of 128"]) == (26, 1664, 13)
    assert rows["tokens a step"] == 512 * 2048
    assert rows["steps"] * rows["tokens a step"] == rows["tokens"]
    assert rows["tokens for each parameter of a matrix product"] == pytest.approx(8.5, rel=1e-3)


def test_gpu_hours_follow_from_the_operations() -> None:
    rows = figures("gpu8", teraflops=500.0)
    hours = rows["GPU hours, at 500 TFLOP/s a card"]
    assert hours == pytest.approx(rows["floating-point operations"] / 500e12 / 3600)
    assert rows["hours on 8 cards"] == pytest.approx(hours / 8)
    # 6 x 924M weights and 12 x 26 x 1664 x 2048 of attention (PaLM, appendix B: all T x T scores),
    # for 7.85G tokens
    assert rows["floating-point operations"] == pytest.approx(5.19e19, rel=1e-2)


def test_a_ramp_s_tokens_are_counted_as_they_will_be_seen() -> None:
    ramp: tuple[str, ...] = ("pretrain.loop.steps=100", "pretrain.loop.rows_per_step=24")
    ramp += ("pretrain.loop.first_rows=12", "pretrain.loop.ramp_fraction=0.5")
    rows = figures("demo", *ramp)
    assert rows["tokens"] == (50 * 12 + 50 * 24) * 192


def test_the_demo_keeps_to_its_budget() -> None:
    rows = figures("demo")
    # What the times in docs/training.md, "The demo's budget", are counted from.
    assert rows["tokens"] <= 8.3e6
    config = load("demo")
    sft, again, rl = config.sft.loop, config.interrogated.loop, config.rl
    tuned = again.steps * again.rows_per_step * config.pretrain.shape.context
    assert tuned * config.interrogation.rounds <= 1.6e6
    assert sft.steps * sft.rows_per_step * config.pretrain.shape.context <= 3.5e6
    assert rl.steps * rl.prompts_per_step * rl.answers_per_prompt <= 15_400


def test_without_the_dial_it_is_silent_about_it() -> None:
    rows = figures("demo")
    assert "layers" not in rows
    assert not any("GPU" in name for name in rows)
    # 4 layers of 128 with heads of 32 x 4 and 3 x 384, head and embedding of 1,024
    assert rows["parameters"] == 4 * (4 * 128**2 + 3 * 128 * 384) + 2 * 1024 * 128


def test_a_lake_without_a_crawl_still_shows_the_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = argparse.Namespace(
        preset="gpu",
        set=["pretrain.depth=6"],
        lake=str(tmp_path),
        files=10,
        gigabytes_per_file=1.0,
        cores=8,
        price_per_core_hour=0.04,
        megabytes_per_second=50.0,
        gpu_teraflops=400.0,
        json=False,
    )
    assert plan(chosen) == 0
    printed = capsys.readouterr().out
    assert "corpus: nothing to extrapolate from" in printed
    assert "training, preset gpu" in printed


def rungs() -> list[RunConfig]:
    """A ladder whose context is long beside its width: where ways to count attention differ."""
    config = load("ci", ["pretrain.shape.context=512"])
    vocabulary = config.tokenizer.vocab_size
    sizes = [
        scaling.rung(config.pretrain, config.scaling, depth, 0, vocabulary)
        for depth in (1, 2, 3, 4, 5)
    ]
    return [config.model_copy(update={"pretrain": size}) for size in sizes]


def recorded(config: RunConfig) -> float:
    """The compute that such a model's own training writes into its manifest."""
    pretrain: PretrainConfig = config.pretrain
    shape, loop = pretrain.shape, pretrain.loop
    per_token = model_config(shape, config.tokenizer.vocab_size).flops_per_token(shape.context)
    return float(per_token * loop.steps * loop.rows_per_step * shape.context)


def test_the_largest_of_a_ladder_is_predicted_at_its_own_compute() -> None:
    ladder = rungs()
    points = [[recorded(config), LAW(recorded(config))] for config in ladder]
    statistics: dict[str, Any] = {"points": points}
    law = Manifest("scaling", "0" * 64, 1, {}, {}, {}, {}, statistics, {})
    rows = {row["name"]: row for row in training_rows(ladder[-1], [law])}
    assert rows[FLOPS]["value"] == points[-1][0]
    predicted = rows["bits per byte, predicted by a ladder of 5 runs"]
    assert predicted["value"] == fit(*zip(*points))(points[-1][0])
    assert predicted["value"] == pytest.approx(points[-1][1], rel=1e-3)


@pytest.mark.parametrize("family", ["qwen3", "gpt2", "speedrun"])
def test_the_operations_are_those_that_torch_counts(
    family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    from pipeline.model import fused

    monkeypatch.setattr(fused, "ready", lambda *_: False)  # kernels that torch can't count
    config = load("ci", [f"pretrain.shape.family={family}"])
    shape = config.pretrain.shape
    vocabulary = config.tokenizer.vocab_size
    model = Transformer(model_config(shape, vocabulary))
    tokens = torch.randint(0, vocabulary, (2, shape.context))
    with FlopCounterMode(display=False) as counter:
        model(tokens).float().logsumexp(-1).sum().backward()
    rows = {row["name"]: row["value"] for row in training_rows(config, [])}
    assert counter.get_total_flops() / tokens.numel() == pytest.approx(
        rows[FLOPS] / rows["tokens"], rel=0.01
    )


def test_the_corpus_half_is_measured_on_the_parts_of_the_newest_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = Lake(tmp_path / "lake")
    cost: Provenance = {
        "cpu_seconds": 10.0,
        "peak_memory_bytes": 10**9,
        "energy_kwh": 0.001,
        "seconds": 9.0,
    }

    def made(kind: str, number: int, inputs: dict[str, list[str]], said: dict[str, int]) -> str:
        digest = artifact_digest(kind, 1, {"number": number}, inputs)
        staging = lake.staging(kind, digest)
        (staging / "file").write_bytes(bytes(50))
        lake.commit(staging, kind, digest, 1, {"number": number}, inputs, said, cost)
        return digest

    counted = {"warc_bytes": 1000, "records": 10, "kept": 4, "text_bytes": 100}
    parts = [made("scan", number, {}, counted) for number in range(3)]
    joined = {"warc_bytes": 2000, "documents": 7, "bytes": 90}
    joined |= {"exact_duplicates": 1, "minhash_duplicates": 0}
    lake.set_heads({"corpus": made("corpus", 0, {"parts": parts[:2]}, joined)})
    assert main(["plan", "--json", "--files", "10", "--lake", str(tmp_path / "lake")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["measured"] == {"files": 2, "bytes": 2000}  # an older run's part is left out
    assert found["corpus"]


TAUGHT = ("teacher.requests=100", "teacher.model=t")
PRICED = (
    *TAUGHT,
    "teacher.price_per_million_prompt_tokens=2.0",
    "teacher.price_per_million_answer_tokens=8.0",
)


def taught(*changes: str, manifests: list[Manifest] | None = None) -> dict[str, Any]:
    return {row["name"]: row for row in teacher_rows(load("demo", [*changes]), manifests or [])}


def test_without_a_teacher_nothing_is_planned() -> None:
    assert taught() == {}


def test_what_a_teacher_will_cost() -> None:
    rows = taught(*PRICED)
    assert rows["requests"]["value"] == rows["requests"]["high"] == 200  # judging included
    prompts, answers = rows["of these of prompts"], rows["of these of answers"]
    for bound in ("value", "high"):
        money = (2.0 * prompts[bound] + 8.0 * answers[bound]) / 1e6
        assert rows["money"][bound] == pytest.approx(money)
        assert rows["tokens, by characters"][bound] == prompts[bound] + answers[bound]
    assert 0 < rows["money"]["value"] < rows["money"]["high"]


def test_a_cap_is_the_most_and_one_that_will_be_met_is_said() -> None:
    rows = taught(*PRICED, "teacher.max_money=0.01", "teacher.max_requests=150")
    assert rows["money"]["high"] == 0.01
    assert rows["requests"]["high"] == 150
    assert "teacher.max_requests ends it before" in rows
    assert not any("ends it" in name for name in taught(*PRICED, "teacher.max_money=50.0"))


def test_without_prices_money_is_not_guessed() -> None:
    rows = taught(*TAUGHT)
    assert "money" not in rows
    assert "money: no prices are set" in rows


def test_what_the_same_teacher_has_cost_is_taken() -> None:
    def manifest(model: str) -> Manifest:
        statistics = {"requests": 40, "prompt_tokens": 40 * 500, "answer_tokens": 40 * 60}
        recipe = {"model": model, "judge_model": "", "min_score": 4}
        digest = artifact_digest("teacher", 1, recipe, {})
        return Manifest(
            kind="teacher",
            digest=digest,
            version=1,
            recipe=recipe,
            inputs={},
            files={},
            rows={},
            statistics=statistics,
            provenance=Provenance(),
        )

    rows = taught(*TAUGHT, manifests=[manifest("t"), manifest("other")])
    assert rows["of these of prompts"]["value"] == 200 * 500
    assert rows["of these of answers"]["value"] == 200 * 60
    assert "tokens, as measured in this lake" in rows
    assert "tokens, by characters" in taught(*TAUGHT, manifests=[manifest("other")])
