"""The learned filter: what it learns from, the same bytes each time, and what its report says."""

import gzip
import json
import random

import numpy as np
import pytest

from pipeline.corpus.config import SelectConfig
from pipeline.filters.quality_model import STAGE, QualityModelConfig, build, train
from pipeline.filters.quality_scores import (
    NEGATIVE_LABEL,
    POSITIVE_LABEL,
    QualityModel,
    as_line,
    count_scores,
    threshold_of_best,
)
from pipeline.filters.separation import (
    AucWithInterval,
    ShareWithInterval,
    at_threshold,
    separation,
    share,
)
from pipeline.stage import SILENT
from storage.errors import UserError

GOOD = [
    "explain",
    "because",
    "therefore",
    "example",
    "answer",
    "question",
    "step",
    "first",
    "second",
    "reason",
    "result",
]
OTHER = [
    "menu",
    "login",
    "cart",
    "cookie",
    "share",
    "follow",
    "subscribe",
    "copyright",
    "banner",
    "click",
    "popup",
    "price",
]
NAMES = ["anna", "berta", "clara", "doris", "elsa"]  # of people who are in many texts
BOTH = [f"word{i}" for i in range(300)]
SMALL = QualityModelConfig(dimensions=8, buckets=2000, epochs=8, min_word_count=1)


def sentence(kind: list[str], rng: random.Random) -> str:
    return " ".join(rng.choice(kind if rng.random() < 0.4 else BOTH) for _ in range(30))


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    rng = random.Random(0)
    good = [{"instruction": sentence(GOOD, rng), "output": sentence(GOOD, rng)} for _ in range(400)]
    lines = "\n".join(json.dumps(row) for row in [*good, *good[:50]])  # some twice
    (folder / "good.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    other = [f"Ask {name}.doe@mail.net: {sentence(OTHER, rng)}" for name in 100 * NAMES]
    # a good text among the others counts as good
    other.append("\n".join(good[0].values()).replace("\n", " "))
    (folder / "other.txt").write_text("\n".join(other))
    return {"positive": [folder / "good.jsonl.gz"], "negative": [folder / "other.txt"]}


@pytest.fixture(scope="module")
def trained(sets, tmp_path_factory):
    out, scratch = tmp_path_factory.mktemp("out"), tmp_path_factory.mktemp("scratch")
    return out, build(out, sets, SMALL, SILENT, scratch)


def test_it_tells_good_from_other(trained):
    out, statistics = trained
    assert statistics["train"] + statistics["held_out"] == 900
    assert 50 < statistics["held_out"] < 130
    assert statistics["auc"]["value"] > 0.99
    rng = random.Random(1)
    model = QualityModel(out / "model.bin")
    good, other = (model.scores(sentence(k, rng) for _ in range(50)) for k in (GOOD, OTHER))
    assert good.min() > other.max()
    assert ((good >= 0) & (good <= 1)).all()
    assert (np.round(good, 6) == good).all()


def test_the_report(trained, sets):
    out, _ = trained
    report = json.loads((out / "report.json").read_text())
    assert report["positive"] == {"files": ["good.jsonl.gz"], "texts": 450}
    assert report["negative"] == {"files": ["other.txt"], "texts": 501}
    half = report["at_half"]
    assert half["recall"]["low"] <= half["recall"]["value"] <= half["recall"]["high"]
    assert half["recall"]["n"] + half["kept_negatives"]["n"] == report["held_out"]
    assert len(report["by_kept_share_of_negatives"]) == 5
    highest, lowest = report["negatives_scored_highest"], report["negatives_scored_lowest"]
    assert len(highest) == len(lowest) == 10
    assert highest[0]["score"] >= highest[-1]["score"] >= lowest[-1]["score"] >= lowest[0]["score"]
    assert report["max_characters"] == SMALL.max_characters


def test_neither_report_nor_model_holds_personal_data(trained):
    out, _ = trained
    for file in sorted(out.iterdir()):
        data = file.read_bytes()
        assert b"example." in data, file.name
        assert not [name for name in NAMES if name.encode() in data], file.name


def test_the_same_sets_give_the_same_bytes(trained, sets, tmp_path):
    again, scratch = tmp_path / "again", tmp_path / "scratch"
    again.mkdir()
    scratch.mkdir()
    (scratch / "train.txt").write_text("left by a killed run")
    dirty = [b"\xff" * 100_000 for _ in range(50)]  # memory that is not zero when it comes back
    del dirty
    build(again, sets, SMALL, SILENT, scratch)
    for name in ("model.bin", "report.json"):
        assert (again / name).read_bytes() == (trained[0] / name).read_bytes()


def test_larger_sets_are_sampled(sets, tmp_path):
    config = QualityModelConfig(**{**vars(SMALL), "max_texts_per_side": 150})
    statistics = build(tmp_path, sets, config, SILENT, tmp_path)
    assert statistics["train"] + statistics["held_out"] == 300


def test_too_little_to_learn_from_and_settings_that_cannot_be(sets, tmp_path):
    few = tmp_path / "few.txt"
    few.write_text(
        "\n".join(f"a line of text, number {i}, that is long enough to count" for i in range(9))
    )
    with pytest.raises(UserError, match="9 different negative texts"):
        build(tmp_path, {"positive": sets["positive"], "negative": [few]}, SMALL, SILENT, tmp_path)
    for settings in ({"held_out_fraction": 1.0}, {"epochs": 0}):
        with pytest.raises(UserError, match=f"QualityModelConfig.{next(iter(settings))}"):
            QualityModelConfig(**settings)


def test_an_overflow_is_met_with_a_lower_rate(tmp_path, monkeypatch):
    import fasttext

    rates = []

    def overflows(*args, lr, **options):
        rates.append(lr)
        raise RuntimeError("Encountered NaN.")

    monkeypatch.setattr(fasttext, "train_supervised", overflows)
    with pytest.raises(UserError, match="learning_rate"):
        train(tmp_path / "x", tmp_path / "y", SMALL, lambda text: None)
    assert rates == [0.1, 0.05, 0.025, 0.0125]


def test_a_text_cannot_act_on_the_library(trained):
    assert as_line("a\n\tb\0c __label__hq </s> d", 100) == "a b c __label_hq < /s> d"
    assert as_line("x" * 50, 10) == "x" * 10
    assert as_line("a\ud800b", 10) == "a?b"
    model = QualityModel(trained[0] / "model.bin")
    assert model.score("") == model.score(" \n") <= 1.0
    assert model.score("one </s> two") == model.score("one < /s> two")


def test_models_that_are_none(trained, tmp_path):
    with pytest.raises(UserError, match="no quality model at"):
        QualityModel(tmp_path / "none.bin")
    (tmp_path / "text.bin").write_text("no model")
    with pytest.raises(UserError, match="no fastText model"):
        QualityModel(tmp_path / "text.bin")
    with pytest.raises(UserError, match="no label __label__good"):
        QualityModel(trained[0] / "model.bin", "__label__good")
    assert {POSITIVE_LABEL, NEGATIVE_LABEL} == {"__label__hq", "__label__cc"}


def test_the_best_share_is_cut_exactly():
    rng = np.random.default_rng(0)
    parts = [np.round(rng.random(size), 6) for size in (1000, 0, 1, 999)]
    everything = np.concatenate(parts)
    for fraction in (0.001, 0.1, 0.3333, 1.0):
        least = threshold_of_best(count_scores(parts), fraction)
        assert (everything >= least).sum() == np.ceil(2000 * fraction)
        assert threshold_of_best(count_scores(parts[::-1]), fraction) == least
    tied = np.full(10, 0.25)
    assert threshold_of_best(count_scores([tied]), 0.1) == 0.25  # all that tie are kept
    assert threshold_of_best(count_scores([]), 0.1) == 0.0
    assert threshold_of_best(count_scores([np.array([0.0, 1.0])]), 0.5) == 1.0
    for fraction in (0.0, 1.5):
        with pytest.raises(UserError, match="best_fraction"):
            SelectConfig(best_fraction=fraction)


def known(found: AucWithInterval | ShareWithInterval) -> tuple[float, float, float]:
    """The value between the ends of its interval, none of them None."""
    low, value, high = found["low"], found["value"], found["high"]
    assert low is not None
    assert value is not None
    assert high is not None
    return low, value, high


def test_separation_against_brute_force():
    rng = np.random.default_rng(1)
    positive, negative = np.round(rng.normal(1, 1, 60), 1), np.round(rng.normal(0, 1, 80), 1)
    pairs = positive[:, None] - negative[None, :]
    measured = separation(positive, negative)
    assert measured["auc"]["value"] == pytest.approx(
        ((pairs > 0) + (pairs == 0) / 2).mean(), abs=1e-6
    )
    low, value, high = known(measured["auc"])
    assert low < value < high
    at = at_threshold(positive, negative, 0.5)
    kept_good, kept_other = (positive >= 0.5).sum(), (negative >= 0.5).sum()
    assert at["recall"]["value"] == pytest.approx(kept_good / 60, abs=1e-6)
    assert at["precision"]["value"] == pytest.approx(kept_good / (kept_good + kept_other), abs=1e-6)
    # Wilson's interval, from the textbook: 8 of 10 gives 0.490 to 0.943
    low, _, high = known(share(8, 10))
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert share(0, 0)["value"] is None
    assert separation(positive, np.array([]))["auc"]["value"] is None


def test_the_aucs_interval_by_hand():
    """4 of 6 pairs: a = 2/3, q1 = 1/2, q2 = 8/15, so its variance is 19/270 (Hanley and McNeil)."""
    half = 1.959964 * (19 / 270) ** 0.5
    auc = separation(np.array([3.0, 1.0, 1.0]), np.array([2.0, 0.0]))["auc"]
    assert auc["value"] == pytest.approx(2 / 3, abs=1e-6)
    assert auc["low"] == pytest.approx(2 / 3 - half, abs=1e-5)
    assert auc["high"] == 1.0
    assert (auc["positives"], auc["negatives"]) == (3, 2)
    auc = separation(np.array([2.0, 0.0]), np.array([3.0, 1.0, 1.0]))["auc"]
    assert auc["value"] == pytest.approx(1 / 3, abs=1e-6)
    assert auc["low"] == 0.0
    assert auc["high"] == pytest.approx(1 / 3 + half, abs=1e-5)


def test_thresholds_that_keep_shares_of_the_negatives():
    """Of 100 negatives 0 … 99: the greatest that keep 1, 5, 10, 20 and 50 of a hundred or more."""
    measured = separation(np.array([98.0, 60.0, 5.0]), np.arange(100.0))
    rows = measured["by_kept_share_of_negatives"]
    assert [row["threshold"] for row in rows] == [98, 94, 89, 79, 49]
    assert [row["kept_negatives"]["value"] for row in rows] == [0.02, 0.06, 0.11, 0.21, 0.51]
    assert [row["recall"]["value"] for row in rows] == [
        pytest.approx(n / 3, abs=1e-6) for n in (1, 1, 1, 1, 2)
    ]
    assert measured["at_half"]["threshold"] == 0.5
    assert separation(np.array([1.0]), np.array([]))["by_kept_share_of_negatives"] == []


def test_stage():
    assert (STAGE.kind, STAGE.version, STAGE.config) == ("quality_model", 2, QualityModelConfig)
