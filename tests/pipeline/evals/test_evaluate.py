"""The stage: every suite's rows, with n and intervals, the same bytes each time."""

import dataclasses
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENCE_SECONDS

from pipeline.evals import evaluate
from pipeline.evals.config import (
    ALSO_CHAT,
    CHAT_SUITES,
    DETAIL_SUITES,
    HORIZON_TURNS_SUITE,
    SUITES,
    TASK_LEVELS_SUITE,
    EvalsConfig,
)
from pipeline.stage import SILENT, Progress
from storage.errors import UserError
from storage.schemas import FACTS
from storage.tables import read_table, table, write_table

pytestmark = pytest.mark.usefixtures("torch_restored")

ROOT = Path(__file__).parents[3]
CONFIG = EvalsConfig(
    model="sft",
    max_new_tokens=24,
    facts_per_frequency=8,
    target_facts=2,
    sums_per_pair=2,
    turns=10,
    words=5,
    format_prompts=8,
    unseen_wordings=4,
    talk_questions=4,
    requests=6,
    personas=4,
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
            "kind": "person",
            "attribute": "birthplace",
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
    inputs: evaluate.EvalsInputs = {
        "model": [getattr(post_training, model)],
        "corpus": [post_training.corpus],
    }
    if crawl is not None:
        inputs["crawl"] = [crawl]
    if model != "base":
        inputs["base"] = [post_training.base]
        inputs["conversations"] = [post_training.conversations]
    statistics = evaluate.build(out, inputs, config, SILENT, out)
    rows = read_table(out / "evals.parquet").to_pylist()
    return statistics, rows, read_table(out / "samples.parquet").to_pylist()


@pytest.mark.parametrize(("model", "stage"), [("base", "pretrain"), ("chat", "sft")])
def test_every_suite_is_measured_with_n_and_interval(post_training, crawl, tmp_path, model, stage):
    name = "base" if model == "base" else "sft"
    config = dataclasses.replace(CONFIG, model=name)
    statistics, rows, samples = run(post_training, tmp_path / "out", config, model, crawl)
    asked = {*SUITES} if model == "base" else {*ALSO_CHAT, *CHAT_SUITES}
    by_name_alone = {TASK_LEVELS_SUITE, HORIZON_TURNS_SUITE}  # as their suites are
    asked |= {*DETAIL_SUITES} - by_name_alone
    if model == "base":
        # it has no turns and no system message, and begins with nothing
        asked -= {"talk", "self", "forgetting", "targets", "targets_by_class"}
    # the toy pages have no host and no language
    assert {row["suite"] for row in rows} == asked - {"domains"}
    for row in rows:
        assert (row["model"], row["stage"], row["seed"]) == (name, stage, 0)
        assert row["n"] > 0
        if row["suite"] != "compression":  # an archiver's size has no interval
            assert row["low"] <= row["value"] <= row["high"]
    keys = [(row["suite"], row["task"], row["metric"]) for row in rows]
    assert len(keys) == len(set(keys)) == len(statistics["scores"])
    no_samples = {
        *("bits_per_byte", "domains", "compression", "chat_core", "forgetting"),
        *DETAIL_SUITES,
    }
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


def test_core_needs_files_and_names_what_is_missing(post_training, tmp_path, monkeypatch):
    config = dataclasses.replace(CONFIG, suites=("core",), model="base")
    with pytest.raises(UserError, match="--tasks"):
        run(post_training, tmp_path / "none", config, "base")
    rows = [{"query": f"{n} + 1 =", "choices": [f"{n + 1}", "7"], "gold": 0} for n in range(9)]
    file = tmp_path / "copa.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    notes: list[str] = []
    said = Progress()
    monkeypatch.setattr(said, "note", notes.append)
    inputs: evaluate.EvalsInputs = {"model": [post_training.base], "tasks": [file]}
    out = tmp_path / "out"
    out.mkdir()
    statistics = evaluate.build(out, inputs, config, said, out)
    assert "copa" not in statistics["missing_core_tasks"]
    assert len(statistics["missing_core_tasks"]) == 21
    assert "squad" in notes[0]
    found = {row["task"]: row for row in read_table(out / "evals.parquet").to_pylist()}
    assert found["mean_of_1_of_22_tasks"]["n"] == CONFIG.core_questions
    assert found["squad"]["value"] is None


def test_suites_that_score_the_same_answers_ask_once(post_training, tmp_path, crawl, monkeypatch):
    calls: list[str] = []
    for module in (
        "facts_suite",
        "arithmetic_suite",
        "spelling_suite",
        "format_suite",
        "refusals_suite",
    ):
        real = getattr(evaluate, module).ask

        def noted(*given, real=real, module=module):
            calls.append(module)
            return real(*given)

        monkeypatch.setattr(f"pipeline.evals.{module}.ask", noted)
    suites = ("chat_core", "facts", "honesty", "arithmetic", "spelling", "format", "refusals")
    _, rows, _ = run(
        post_training, tmp_path / "out", dataclasses.replace(CONFIG, suites=suites), crawl=crawl
    )
    assert sorted(calls) == [
        *("arithmetic_suite", "facts_suite", "format_suite", "refusals_suite", "spelling_suite")
    ]
    # alone it is the same score, of the same answers
    calls.clear()
    alone = dataclasses.replace(CONFIG, suites=("chat_core",))
    _, again, _ = run(post_training, tmp_path / "alone", alone, crawl=crawl)
    assert again == [row for row in rows if row["suite"] == "chat_core"]
    assert rows[0]["metric"] == "chat_core"
    assert rows[0]["task"].endswith("sums+spelling+format+refusals")


def test_the_chat_score_says_what_it_lacks(post_training, tmp_path, monkeypatch):
    config = dataclasses.replace(CONFIG, suites=("chat_core",))
    notes: list[str] = []
    said = Progress()
    monkeypatch.setattr(said, "note", notes.append)
    inputs: evaluate.EvalsInputs = {
        "model": [post_training.chat],
        "corpus": [post_training.corpus],  # and no crawl that knows facts
    }
    evaluate.build(tmp_path, inputs, config, said, tmp_path)
    assert notes == ["chat_core: without facts, honesty, which have no questions"]
    found = read_table(tmp_path / "evals.parquet").to_pylist()
    assert (found[0]["task"], found[0]["metric"]) == ("sums+spelling+format+refusals", "chat_core")


def test_nanochats_score_needs_files_and_no_corpus(post_training, tmp_path, monkeypatch):
    config = dataclasses.replace(CONFIG, suites=("chat_core",))
    inputs: evaluate.EvalsInputs = {"model": [post_training.chat]}
    with pytest.raises(UserError, match="chat_core needs a corpus, or files"):
        evaluate.build(tmp_path, inputs, config, SILENT, tmp_path)
    arc = [{"query": f"{n}?", "choices": ["yes", "no"], "gold": n % 2} for n in range(6)]
    inputs["tasks"] = [tmp_path / "arc_easy.jsonl"]
    inputs["tasks"][0].write_text("".join(json.dumps(row) + "\n" for row in arc))
    notes: list[str] = []
    said = Progress()
    monkeypatch.setattr(said, "note", notes.append)
    statistics = evaluate.build(tmp_path, inputs, config, said, tmp_path)
    missing = ["arc_challenge", "mmlu", "gsm8k", "humaneval"]
    assert statistics["missing_chat_core_tasks"] == missing
    assert notes == [f"nanochat's ChatCORE: without {', '.join(missing)}"]
    found = read_table(tmp_path / "evals.parquet").to_pylist()
    assert ("arc_easy", "nanochat_chat_core", CONFIG.core_questions) in {
        (row["task"], row["metric"], row["n"]) for row in found
    }
    inputs["tasks"][0].write_text(json.dumps({**arc[0], "gold": 2}) + "\n")
    with pytest.raises(UserError, match=r"arc_easy\.jsonl line 1"):  # before any work
        evaluate.build(tmp_path, {**inputs, "model": [tmp_path]}, config, SILENT, tmp_path)


def test_a_suite_of_pages_needs_a_corpus(post_training, tmp_path):
    config = dataclasses.replace(CONFIG, suites=("few_shot", "memorization"))
    with pytest.raises(UserError, match="memorization needs a corpus"):
        evaluate.build(tmp_path, {"model": [post_training.base]}, config, SILENT, tmp_path)


def test_pages_are_read_by_the_model_once(post_training, tmp_path, monkeypatch):
    calls = []
    real = evaluate.page_bits.measure

    def noted(*given):
        calls.append(given)
        return real(*given)

    monkeypatch.setattr(evaluate.page_bits, "measure", noted)
    suites = ("bits_per_byte", "domains", "compression")
    config = dataclasses.replace(CONFIG, suites=suites, model="base")
    run(post_training, tmp_path / "out", config, "base")
    assert len(calls) == 2  # the validation pages, and a sample of the training pages


def test_an_unknown_suite_is_refused():
    with pytest.raises(UserError, match="suites: unknown 'iq'"):
        dataclasses.replace(CONFIG, suites=("iq",))


def test_the_models_work_is_watched_and_the_rest_is_not(
    post_training, tmp_path, crawl, monkeypatch
):
    told: list[tuple[float, str]] = []

    class Recorder:
        def __init__(self, least_seconds):
            self.least_seconds = least_seconds

        def __enter__(self):
            return self

        def __exit__(self, *_):
            told.append((self.least_seconds, "left"))

        def expect(self, phase):
            told.append((self.least_seconds, phase))

    monkeypatch.setattr(evaluate, "Watchdog", Recorder)
    rows = [{"query": f"{n} + 1 =", "choices": [f"{n + 1}", "7"], "gold": 0} for n in range(9)]
    (tmp_path / "copa.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for suite, phases in (
        ("core", ["scores"]),
        ("bits_per_byte", ["weights", "pages"]),
        ("few_shot", ["prompts", "tokens"]),
        ("simulator", ["prompts", "tokens"]),
        ("memorization", ["prompts", "tokens"]),
    ):
        told.clear()
        out = tmp_path / suite
        out.mkdir()
        config = dataclasses.replace(CONFIG, watchdog_seconds=17.0, suites=(suite,), model="base")
        inputs: evaluate.EvalsInputs = {
            "model": [post_training.base],
            "corpus": [post_training.corpus],
            "crawl": [crawl],
            "tasks": [tmp_path / "copa.jsonl"],
        }
        evaluate.build(out, inputs, config, SILENT, out)
        assert {seconds for seconds, _ in told} == {17.0}
        said = [phase for _, phase in told]
        assert said[0] == ""  # reading the corpus takes what it takes
        assert said[1 : 1 + len(phases)] == phases
        assert set(said) == {"", "left", *phases}
        assert said[-2:] == ["", "left"]  # as does counting what the model said


HANGS = """
import dataclasses, sys, threading
from pathlib import Path
from pipeline.evals import evaluate
from pipeline.evals.config import EvalsConfig
from pipeline.model.decode_native import NativeDecoder
from pipeline.model.decode_torch import TorchDecoder
from pipeline.stage import SILENT

def waits_for_ever(self, step):
    threading.Event().wait()

NativeDecoder.run = TorchDecoder.run = waits_for_ever
out, model, corpus = map(Path, sys.argv[1:])
config = EvalsConfig(suites=("turns",), turns=2, threads=1, device="cpu", watchdog_seconds=1.0)
evaluate.build(out, {"model": [model], "corpus": [corpus]}, config, SILENT, out)
"""


def test_an_evaluation_that_hangs_ends_with_traces(post_training, tmp_path):
    folders = (tmp_path, post_training.chat, post_training.corpus)
    done = subprocess.run(
        [sys.executable, "-c", HANGS, *map(str, folders)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == -signal.SIGALRM, done.stderr
    assert "in waits_for_ever" in done.stderr
