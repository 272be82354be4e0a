"""The stage: every suite's rows, with n and intervals, the same bytes each time."""

import dataclasses

import pytest

from pipeline.crawl.sample_web.tables import FACTS
from pipeline.evals import evaluate
from pipeline.evals.config import EvalConfig
from pipeline.stage import SILENT
from storage.errors import UserError
from storage.tables import read_table, table, write_table

pytestmark = pytest.mark.usefixtures("torch_restored")

CONFIG = EvalConfig(
    model="sft",
    max_new_tokens=24,
    facts_per_frequency=8,
    sums_per_digit=4,
    turns=10,
    words=5,
    validation_documents=6,
    bootstrap_samples=50,
    threads=1,
    device="cpu",
)


@pytest.fixture(scope="module")
def crawl(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crawl")
    rows = [
        {
            "entity": name,
            "frequency": frequency,
            "value": "Hale",
            "prompt": f"{name} was born in",
            "question": f"Where was {name} born?",
        }
        for name in ("Ada Abel", "Bela Brandt", "Cora Cole")
        for frequency in ("often", "once", "never")
    ]
    write_table(table(rows, FACTS), folder / "facts.parquet")
    return folder


def run(post_training, out, config=CONFIG, model="chat", crawl=None):
    out.mkdir(exist_ok=True)
    inputs = {"model": [getattr(post_training, model)], "corpus": [post_training.corpus]}
    if crawl is not None:
        inputs["crawl"] = [crawl]
    statistics = evaluate.build(out, inputs, config, SILENT, out)
    rows = read_table(out / "evals.parquet").to_pylist()
    return statistics, rows, read_table(out / "samples.parquet").to_pylist()


@pytest.mark.parametrize(("model", "stage"), [("base", "pretrain"), ("chat", "sft")])
def test_every_suite_is_measured_with_n_and_interval(post_training, crawl, tmp_path, model, stage):
    name = "base" if model == "base" else "sft"
    config = dataclasses.replace(CONFIG, model=name)
    statistics, rows, samples = run(post_training, tmp_path / "out", config, model, crawl)
    assert {row["suite"] for row in rows} == set(CONFIG.suites)
    for row in rows:
        assert (row["model"], row["stage"], row["seed"]) == (name, stage, 0)
        assert row["n"] > 0
        assert row["low"] <= row["value"] <= row["high"]
    keys = [(row["suite"], row["task"], row["metric"]) for row in rows]
    assert len(keys) == len(set(keys)) == len(statistics["scores"])
    assert {row["suite"] for row in samples} == set(CONFIG.suites) - {"bits_per_byte"}
    assert {row["model"] for row in samples} == {name}


def test_same_input_same_bytes(post_training, crawl, tmp_path):
    for name in ("one", "two"):
        run(post_training, tmp_path / name, crawl=crawl)
    for file in ("evals.parquet", "samples.parquet"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_crawl_without_facts_has_no_facts_suite(post_training, tmp_path):
    config = dataclasses.replace(CONFIG, suites=("facts", "bits_per_byte"))
    _, rows, _ = run(post_training, tmp_path / "out", config)
    assert {row["suite"] for row in rows} == {"bits_per_byte"}


def test_an_unknown_suite_is_refused(post_training, tmp_path):
    config = dataclasses.replace(CONFIG, suites=("iq",))
    with pytest.raises(UserError, match="iq"):
        run(post_training, tmp_path / "out", config)
