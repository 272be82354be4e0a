"""The stage: every suite's rows, with n and intervals, the same bytes each time."""

import dataclasses
import json

import pytest

from pipeline.crawl.sample_web.tables import FACTS
from pipeline.evals import evaluate
from pipeline.evals.config import CHAT_SUITES, LENGTHS_SUITE, SUITES, EvalConfig
from pipeline.stage import SILENT, Progress
from storage.errors import UserError
from storage.tables import read_table, table, write_table

pytestmark = pytest.mark.usefixtures("torch_restored")

CONFIG = EvalConfig(
    model="sft",
    max_new_tokens=24,
    facts_per_frequency=8,
    sums_per_pair=2,
    turns=10,
    words=5,
    validation_documents=6,
    bootstrap_samples=50,
    simulated_pages=4,
    page_prefix_tokens=16,
    page_tokens=24,
    prefix_tokens=6,
    continuation_tokens=4,
    passages=8,
    few_shots=2,
    few_shot_questions=3,
    core_questions=4,
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
    asked = {*SUITES} if model == "base" else {"bits_per_byte", *CHAT_SUITES}
    asked.add(LENGTHS_SUITE)
    # the toy pages have no host and no language
    assert {row["suite"] for row in rows} == asked - {"domains"}
    for row in rows:
        assert (row["model"], row["stage"], row["seed"]) == (name, stage, 0)
        assert row["n"] > 0
        if row["suite"] != "compression":  # an archiver's size has no interval
            assert row["low"] <= row["value"] <= row["high"]
    keys = [(row["suite"], row["task"], row["metric"]) for row in rows]
    assert len(keys) == len(set(keys)) == len(statistics["scores"])
    no_samples = {"bits_per_byte", "domains", "compression", LENGTHS_SUITE}
    assert {row["suite"] for row in samples} == asked - no_samples
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


def test_core_needs_files_and_names_what_is_missing(post_training, tmp_path):
    config = dataclasses.replace(CONFIG, suites=("core",), model="base")
    with pytest.raises(UserError, match="--tasks"):
        run(post_training, tmp_path / "none", config, "base")
    rows = [{"query": f"{n} + 1 =", "choices": [f"{n + 1}", "7"], "gold": 0} for n in range(9)]
    file = tmp_path / "copa.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    notes = []
    said = Progress()
    said.note = notes.append
    inputs = {"model": [post_training.base], "tasks": [file]}
    out = tmp_path / "out"
    out.mkdir()
    statistics = evaluate.build(out, inputs, config, said, out)
    assert "copa" not in statistics["missing_core_tasks"]
    assert len(statistics["missing_core_tasks"]) == 21
    assert "squad" in notes[0]
    found = {row["task"]: row for row in read_table(out / "evals.parquet").to_pylist()}
    assert found["mean_of_1_of_22_tasks"]["n"] == CONFIG.core_questions
    assert found["squad"]["value"] is None


def test_a_suite_of_pages_needs_a_corpus(post_training, tmp_path):
    config = dataclasses.replace(CONFIG, suites=("few_shot", "memorization"))
    with pytest.raises(UserError, match="memorization needs a corpus"):
        evaluate.build(tmp_path, {"model": [post_training.base]}, config, SILENT, tmp_path)


def test_pages_are_read_by_the_model_once(post_training, tmp_path, monkeypatch):
    calls = []
    real = evaluate.pages.measure
    monkeypatch.setattr(evaluate.pages, "measure", lambda *a: calls.append(a) or real(*a))
    suites = ("bits_per_byte", "domains", "compression")
    config = dataclasses.replace(CONFIG, suites=suites, model="base")
    run(post_training, tmp_path / "out", config, "base")
    assert len(calls) == 2  # the validation pages, and a sample of the training pages


def test_an_unknown_suite_is_refused(post_training, tmp_path):
    config = dataclasses.replace(CONFIG, suites=("iq",))
    with pytest.raises(UserError, match="iq"):
        run(post_training, tmp_path / "out", config)
