"""The stage: what a run learns and leaves, its ensembles and subsets, kills, and bad input."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import toy_preferences
from toy_preferences import (
    comparison,
    toy_reward_config,
    train_reward_model,
    write_comparisons,
)

from pipeline import model as models
from pipeline.preferences.proxy_reward import load_model_reward
from pipeline.preferences.reward_config import RewardModelConfig
from pipeline.preferences.reward_model import load_reward_model, save_reward_model
from pipeline.stage import Progress
from pipeline.training import loop
from storage.errors import UserError
from storage.schemas import METRICS, PAIR_CURVE, RELIABILITY
from storage.tables import read_table

pytestmark = pytest.mark.usefixtures("torch_restored")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "provenance" not in path.parts
    }


def told(stream: io.StringIO) -> str:
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    return "\n".join(event["text"] for event in events if event["event"] == "note")


@pytest.fixture(scope="module")
def preferences(tmp_path_factory):
    return toy_preferences.write_toys(tmp_path_factory.mktemp("preferences"))


def test_it_learns_what_raters_like_and_says_how_well(post_training, preferences, tmp_path):
    stream = io.StringIO()
    out = tmp_path / "out"
    statistics = train_reward_model(
        post_training.chat, preferences, out, Progress(stream), min_steps=30, rate_factor=0.4
    )
    assert statistics is not None
    validation = statistics["validation"]
    assert (statistics["pairs"], statistics["ties"]) == (90, 18)
    assert (validation["pairs"], statistics["validation_ties"]) == (24, 6)
    assert validation["accuracy"] == 1.0
    assert validation["log_loss"] < 0.3
    assert statistics["agreement"] is None
    model, _ = load_reward_model(out)
    assert statistics["parameters"] == sum(p.numel() for p in model.parameters())
    bins = read_table(out / "reliability.parquet")
    assert bins.schema.equals(RELIABILITY)
    assert sum(bins["pairs"].to_pylist()) == 24
    assert set(bins["member"].to_pylist()) == {0}
    metrics = read_table(out / "metrics.parquet")
    assert metrics.schema.equals(METRICS)
    losses = metrics["loss"].to_pylist()
    assert (len(losses), set(metrics["stage"].to_pylist())) == (30, {"reward_model"})
    assert losses[0] == pytest.approx(np.log(2), abs=0.02)
    assert statistics["final_loss"] == losses[-1] < 0.4
    said = told(stream)
    assert "reward_model: 90 comparisons of 90 prompts (18 ties), 30 for validation" in said
    assert "ranks 100.0% of 24 validation pairs" in said
    assert "fewer than 2,000 comparisons" in said


def test_the_chat_model_s_words_are_where_it_starts(post_training, preferences, tmp_path):
    out = tmp_path / "out"
    train_reward_model(post_training.chat, preferences, out, min_steps=1, epochs=0.01)
    chat, _ = models.load(post_training.chat)
    trained, _ = load_reward_model(out)
    change = (trained.embed_tokens.weight - chat.embed_tokens.weight).abs().max()
    assert 0 < float(change.detach()) < 0.1


def test_an_ensemble_s_members_differ_are_measured_and_loaded(post_training, preferences, tmp_path):
    out = tmp_path / "out"
    statistics = train_reward_model(post_training.chat, preferences, out, ensemble=3)
    assert statistics is not None
    alone = train_reward_model(post_training.chat, preferences, tmp_path / "alone")
    assert alone is not None
    names = ("model.safetensors", "metrics.parquet")
    for name in names:
        first = (out / name).read_bytes()
        assert first == (tmp_path / "alone" / name).read_bytes()
        assert first != (out / "member-1" / name).read_bytes()
    assert not (out / "member-1" / "provenance").exists()
    assert (out / "provenance" / "timing.parquet").is_file()
    agreement = statistics["agreement"]
    assert (statistics["members"], agreement["members"]) == (3, 3)
    assert agreement["all_agree"] > 0.8
    assert agreement["distance_correlation"] > 0.1
    members = read_table(out / "reliability.parquet")["member"].to_pylist()
    assert set(members) == {None, 0, 1, 2}
    _, tokenizer = load_reward_model(out)
    assert len(load_model_reward([out], tokenizer).models) == 3


def test_fewer_pairs_are_tried_on_nested_subsets(post_training, preferences, tmp_path):
    stream = io.StringIO()
    settings = {"pair_counts": (40, 10, 1000), "pair_seeds": 2}
    out = tmp_path / "out"
    whole = train_reward_model(post_training.chat, preferences, out, Progress(stream), **settings)
    assert whole is not None
    curve = read_table(out / "pair_curve.parquet")
    assert curve.schema.equals(PAIR_CURVE)
    rows = curve.to_pylist()
    assert [(row["pairs"], row["seed"]) for row in rows] == [(40, 0), (40, 1), (10, 0), (10, 1)]
    assert [row["prompts"] for row in rows] == [40, 40, 10, 10]
    assert all(row["validation_pairs"] == 24 and row["steps"] == 12 for row in rows)
    assert all(row["accuracy_low"] <= row["accuracy"] <= row["accuracy_high"] for row in rows)
    assert "pair_counts 1,000: there are only 90" in told(stream)
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    steps = [e["step"] for e in events if e["event"] == "metric"]
    assert steps == [*range(1, 13)]  # one curve: that of the model that is kept


def test_a_killed_run_ends_in_the_same_bytes(
    post_training, preferences, tmp_path, killed_after, monkeypatch
):
    settings = {"ensemble": 2, "pair_counts": (30,), "checkpoint_seconds": 0.0}
    whole = train_reward_model(post_training.chat, preferences, tmp_path / "whole", **settings)
    scratch = tmp_path / "scratch"
    begun: list[str] = []
    train = loop.run

    def counted(*arguments, scratch, **settings):
        begun.append(scratch.name)
        return train(*arguments, scratch=scratch, **settings)

    monkeypatch.setattr(loop, "run", counted)
    # within the first member, within the second, and within the model on fewer pairs
    for number, (steps, name) in enumerate([(5, "scratch"), (16, "member-1"), (10, "pairs-30-0")]):
        progress = killed_after(steps)
        with pytest.raises(KeyboardInterrupt):
            train_reward_model(
                post_training.chat, preferences, tmp_path / "out", progress, scratch, **settings
            )
        assert begun[-1] == name
        assert not list((tmp_path / "out").iterdir())
        assert (scratch / "done").is_dir() == (number > 0)
    again = train_reward_model(
        post_training.chat, preferences, tmp_path / "out", scratch=scratch, **settings
    )
    assert again == whole
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert begun.count("scratch") == 2  # a finished model is not trained again


def test_bfloat16_learns_as_well(post_training, preferences, tmp_path):
    statistics = train_reward_model(
        post_training.chat,
        preferences,
        tmp_path / "out",
        precision="bfloat16",
        min_steps=30,
        rate_factor=0.4,
    )
    assert statistics is not None
    assert statistics["precision"] == "bfloat16"
    assert statistics["validation"]["accuracy"] == 1.0
    model, _ = load_reward_model(tmp_path / "out", dtype=torch.bfloat16)
    assert model.score([[1, 2, 3]]).dtype == torch.float32


def test_without_validation_nothing_is_measured(post_training, tmp_path):
    rows = [comparison(n, split="train") for n in range(20)]
    folder = write_comparisons(tmp_path / "preferences", rows)
    statistics = train_reward_model(post_training.chat, folder, tmp_path / "out", ensemble=2)
    assert statistics is not None
    assert (statistics["validation"], statistics["agreement"]) == (None, None)
    assert read_table(tmp_path / "out" / "reliability.parquet").num_rows == 0


def test_nothing_to_learn_from_is_one_line(post_training, tmp_path):
    def said(rows, **settings):
        folder = write_comparisons(tmp_path / "preferences", rows)
        with pytest.raises(UserError) as caught:
            train_reward_model(post_training.chat, folder, tmp_path / "out", **settings)
        return str(caught.value)

    one = comparison(1)
    equal = said([{**one, "b": one["a"]}, comparison(4)])
    assert equal == (
        "no comparison of split train can be used (left out: 1 equal): a reward model learns from"
        " pairs"
    )
    ties = said([comparison(n, winner="tie") for n in (1, 2, 3, 4)])
    assert ties.startswith("all 3 comparisons of split train are ties: nothing says")
    assert "no comparison of split train can be used (left out: 3 tie)" in said(
        [comparison(n, winner="tie") for n in (1, 2, 3)], ties="drop"
    )


def test_a_base_model_is_refused(post_training, preferences, tmp_path):
    with pytest.raises(UserError, match="is no chat model"):
        train_reward_model(post_training.base, preferences, tmp_path / "out")


def test_a_score_that_is_no_number_names_its_comparison(
    post_training, preferences, tmp_path, monkeypatch
):
    def broken(model, tokenizer, folder):
        with torch.no_grad():
            model.reward_head[0] = torch.inf
            model.reward_head[1] = -torch.inf
        save_reward_model(model, tokenizer, folder)

    monkeypatch.setattr("pipeline.preferences.reward_run.save_reward_model", broken)
    with pytest.raises(UserError, match=r"no finite score .* comparison \w{32} \(prompt \w{32}\)"):
        train_reward_model(post_training.chat, preferences, tmp_path / "out")


def test_two_processes_learn_the_same(post_training, preferences, tmp_path, torchrun):
    alone, both = torchrun(toy_preferences.__file__, str(post_training.chat), str(preferences))
    assert (alone["processes"], both["processes"]) == (1, 2)
    assert both["validation"]["accuracy"] == alone["validation"]["accuracy"]
    assert both["final_loss"] == pytest.approx(alone["final_loss"], rel=1e-3)
    files = [contents(tmp_path / name) for name in ("one", "two")]
    assert list(files[0]) == list(files[1])
    assert "member-1/model.safetensors" in files[0]


def test_pairs_that_processes_cannot_share_are_refused(monkeypatch):
    from pipeline.preferences import reward_training

    monkeypatch.setattr("pipeline.training.distribution.world", lambda: 3)
    with pytest.raises(UserError, match="must be a multiple of the 3 processes"):
        reward_training.check_shared(toy_reward_config(pairs_per_step=16))
    reward_training.check_shared(toy_reward_config(pairs_per_step=15))


def test_the_config_refuses_what_cannot_be_meant():
    for settings, why in (
        ({"pairs_per_step": 0}, "pairs_per_step: 0 must be above 0"),
        ({"ties": "win"}, "ties: unknown 'win'"),
        ({"pair_counts": (50, 50)}, "pair_counts: one is named twice"),
        ({"pair_counts": (0,)}, "pair_counts: 0 must be above 0"),
        ({"position_share": 0.4}, "position_share: 0.4 must be at least 0.5"),
        ({"bootstrap": 1}, "bootstrap: 1 must be at least 100"),
    ):
        with pytest.raises(UserError, match=why):
            RewardModelConfig(**settings)
