"""The stage: every source joins, everything adds up, a kill changes no byte."""

import dataclasses
import json
from collections import Counter

import pytest
from short_answers import answer_shortly, write_questions
from teacher_server import KEY, teacher_server

from pipeline.model.engine import Engine
from pipeline.preferences import gathered_comparisons
from pipeline.preferences.comparisons_config import PreferencesConfig
from pipeline.preferences.judge_config import JudgeConfig
from pipeline.preferences.preference_prompts import read_prompts
from pipeline.preferences.simulated_raters import CrowdConfig, crowd
from pipeline.ranges import OutOfRange
from pipeline.sft.teacher.config import EndpointConfig
from pipeline.stage import SILENT, Progress
from storage.errors import UserError
from storage.schemas import PREFERENCE_ANSWERS, PREFERENCES
from storage.tables import read_table

pytestmark = pytest.mark.usefixtures("torch_restored")

CONFIG = PreferencesConfig(
    facts=10,
    unknown=6,
    tasks=6,
    requests=6,
    task_mixture=("sum:1-2=1",),
    validation_fraction=0.3,
    answers_per_prompt=5,
    pairs_per_prompt=4,
    max_new_tokens=10,
    prompts_at_once=8,
    precision="float32",
    threads=1,
    device="cpu",
)


@pytest.fixture(scope="module")
def model(post_training, tmp_path_factory):
    return answer_shortly(post_training.chat, tmp_path_factory.mktemp("short") / "model")


@pytest.fixture
def inputs(post_training, model, tmp_path):
    return {
        "model": [model],
        "interrogation": [write_questions(tmp_path / "asked")],
        "conversations": [post_training.conversations],
    }


def run(inputs, out, config=CONFIG, progress=SILENT, scratch=None):
    scratch = scratch or out.with_name(f"{out.name}.scratch")
    for folder in (out, scratch):
        folder.mkdir(parents=True, exist_ok=True)
    return gathered_comparisons.build(out, inputs, config, progress, scratch)


def rows_of(out, name="preferences"):
    return read_table(out / f"{name}.parquet").to_pylist()


def contents(out):
    return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


def pairs_file(path, count=30):
    lines = [
        json.dumps({"prompt": f"Q{n}?", "chosen": f"good {n}", "rejected": f"bad {n}"})
        for n in range(count)
    ]
    path.write_text("\n".join([*lines, "{"]) + "\n")
    return path


def test_answers_of_the_model_are_compared_and_everything_adds_up(inputs, tmp_path):
    found = run(inputs, tmp_path / "out")
    rows, answers = rows_of(tmp_path / "out"), rows_of(tmp_path / "out", "answers")
    prompts = {
        one.id: one
        for split in ("train", "validation")
        for one in read_prompts(tmp_path / "out", split)
    }
    assert len(answers) == 5 * len(prompts) == 5 * sum(found["prompts"].values()) == 5 * 28
    assert found["kinds"] == {"fact": 10, "request": 6, "sum": 6, "unknown": 6}
    assert found["comparisons"] == len(rows) == found["sampled"]["pairs"] - found["left_out"]
    assert found["by_source"] == {"simulated": len(rows)}
    assert 0 < found["validation"] < len(rows)
    texts = {(one["prompt"], one["text"]): one for one in answers}
    for row in rows:
        asked = prompts[row["task"]]
        assert row["split"] == asked.split
        assert row["a"].strip() != row["b"].strip()
        for side in ("a", "b"):
            assert texts[row["task"], row[side]]["stopped"]
            assert row[side].strip()
    assert len({row["id"] for row in rows}) == len(rows)
    assert {row["rater"] for row in rows} <= {rater.name for rater in crowd(CONFIG.crowd)}
    assert {"fact", "unknown", "sum", "request"} == set(found["answers"])
    assert read_table(tmp_path / "out" / "preferences.parquet").schema == PREFERENCES
    assert read_table(tmp_path / "out" / "answers.parquet").schema == PREFERENCE_ANSWERS


def test_without_noise_the_truly_better_answer_wins(inputs, tmp_path):
    exact = CrowdConfig(careless=0, always_first=0, noise=0.0, tie_margin=0.0)
    found = run(inputs, tmp_path / "exact", dataclasses.replace(CONFIG, crowd=exact))
    assert found["gold_accuracy"] == 1.0
    assert found["comparisons"] == found["sampled"]["pairs"]
    golds = {
        (one["prompt"], one["text"]): one["gold"] for one in rows_of(tmp_path / "exact", "answers")
    }
    for row in rows_of(tmp_path / "exact"):
        difference = golds[row["task"], row["a"]] - golds[row["task"], row["b"]]
        assert row["winner"] == ("a" if difference > 0 else "b" if difference < 0 else "tie")
    blind = CrowdConfig(raters=10, careless=10, always_first=0)
    found = run(inputs, tmp_path / "blind", dataclasses.replace(CONFIG, crowd=blind))
    assert found["gold_accuracy"] < 0.75


def test_flawed_raters_prefer_what_is_truly_worse(inputs, tmp_path):
    exact = CrowdConfig(careless=0, always_first=0, noise=0.0, tie_margin=0.0)
    flawed = dataclasses.replace(
        CONFIG,
        crowd=exact,
        flaw="length",
        flaw_size=dataclasses.replace(CONFIG.flaw_size, length_bias=50.0, length_words=3.0),
    )
    found = run(inputs, tmp_path / "out", flawed)
    assert found["gold_accuracy"] < 0.9
    lengths = [
        (len(row[row["winner"]].split()), len(row["b" if row["winner"] == "a" else "a"].split()))
        for row in rows_of(tmp_path / "out")
        if row["winner"] != "tie"
    ]
    assert all(won >= lost for won, lost in lengths)


def test_whoever_names_the_first_is_left_out_unless_wanted(inputs, tmp_path):
    biased = dataclasses.replace(
        CONFIG, crowd=CrowdConfig(raters=3, careless=0, always_first=1), position_error=0.05
    )
    found = run(inputs, tmp_path / "out", biased)
    named = [one["rater"] for one in found["raters"] if one["named"]]
    (first,) = [rater.name for rater in crowd(biased.crowd) if rater.way == "first"]
    assert named == [first]
    assert found["left_out"] > 0
    assert first not in {row["rater"] for row in rows_of(tmp_path / "out")}
    kept = run(inputs, tmp_path / "all", dataclasses.replace(biased, leave_out_named=False))
    assert kept["left_out"] == 0
    assert kept["comparisons"] == found["comparisons"] + found["left_out"]


def test_several_raters_of_a_pair_are_different_ones(inputs, tmp_path):
    three = dataclasses.replace(CONFIG, crowd=CrowdConfig(per_pair=3))
    run(inputs, tmp_path / "out", dataclasses.replace(three, leave_out_named=False))
    by_pair: dict[tuple[str, str, str], list[str]] = {}
    for row in rows_of(tmp_path / "out"):
        by_pair.setdefault((row["task"], row["a"], row["b"]), []).append(row["rater"])
    assert all(len(raters) == len(set(raters)) == 3 for raters in by_pair.values())


def test_a_killed_run_samples_no_batch_twice_and_ends_in_the_same_bytes(
    inputs, tmp_path, monkeypatch, killed_after
):
    whole = run(inputs, tmp_path / "whole")
    asked = []
    generate = Engine.generate

    def counted(self, prompts, **settings):
        asked.append(len(prompts))
        return generate(self, prompts, **settings)

    monkeypatch.setattr(Engine, "generate", counted)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run(inputs, tmp_path / "out", progress=killed_after(2))
        for file in (tmp_path / "out").iterdir():
            file.unlink()
    assert run(inputs, tmp_path / "out") == whole
    assert asked == [8, 8, 8, 4]  # each batch once, whatever was killed
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_labels_and_files_join_and_are_enough(inputs, tmp_path):
    alone = {"files": [pairs_file(tmp_path / "mine.jsonl")]}
    found = run(alone, tmp_path / "alone")
    assert found["by_source"] == {"imported": 30}
    assert found["rejected"] == {"invalid_json": 1}
    assert found["files"]["mine.jsonl"]["rows"] == 31
    assert (found["gold_accuracy"], found["judge"], found["answers"]) == (None, None, {})
    assert sum(found["prompts"].values()) == 30
    both = run({**inputs, **alone}, tmp_path / "both")
    assert both["by_source"]["imported"] == 30
    assert both["by_source"]["simulated"] > 0
    (reject,) = rows_of(tmp_path / "both", "rejects")
    assert (reject["file"], reject["line"], reject["reason"]) == ("mine.jsonl", 31, "invalid_json")


def test_no_prompt_is_in_both_splits(inputs, tmp_path):
    questions = rows_of(inputs["interrogation"][0], "questions")
    again = tmp_path / "again.jsonl"
    again.write_text(
        "".join(
            json.dumps({"prompt": row["question"].upper(), "chosen": "x", "rejected": "y"}) + "\n"
            for row in questions
        )
    )
    run({**inputs, "files": [again]}, tmp_path / "out")
    sides: dict[str, Counter[str]] = {}
    for row in rows_of(tmp_path / "out"):
        question = row["prompt"][-1]["content"].casefold()
        sides.setdefault(question, Counter())[row["split"]] += 1
    assert all(len(side) == 1 for side in sides.values())
    assert len({row["source"] for row in rows_of(tmp_path / "out")}) == 2


def test_a_judge_stands_beside_the_raters(inputs, tmp_path, monkeypatch):
    def first_word(body):
        lines = [json.loads(line) for line in body["messages"][1]["content"].splitlines()]
        winner = "A" if lines[1]["A"] > lines[2]["B"] else "B"
        return json.dumps({"reason": "r", "winner": winner})

    both = dataclasses.replace(
        CONFIG,
        compared_by=("simulated", "judge"),
        judge=JudgeConfig(model="wise", pairs=9),
        endpoint=EndpointConfig(tries=1),
    )
    monkeypatch.setenv("CRAWL2CHAT_TEACHER_KEY", KEY)
    monkeypatch.setenv("CRAWL2CHAT_CACHE", str(tmp_path / "cache"))
    with teacher_server() as server:
        server.write = first_word
        monkeypatch.setenv("CRAWL2CHAT_TEACHER_URL", server.url)
        found = run(inputs, tmp_path / "out", both)
        assert len(server.seen) == 18
    judged = [row for row in rows_of(tmp_path / "out") if row["source"] == "judge"]
    assert found["judge"]["compared"] == len(judged) == 9
    assert found["judge"]["agreed"] == 1.0
    assert found["judge"]["requests"] == 18
    assert all(row[row["winner"]] == max(row["a"], row["b"]) for row in judged)
    assert {row["rater"] for row in judged} == {"wise"}


def test_what_the_judge_cannot_say_is_a_reject(inputs, tmp_path, monkeypatch):
    config = dataclasses.replace(
        CONFIG,
        compared_by=("simulated", "judge"),
        judge=JudgeConfig(model="wise", pairs=2),
        endpoint=EndpointConfig(tries=1),
    )
    monkeypatch.setenv("CRAWL2CHAT_TEACHER_KEY", KEY)
    monkeypatch.setenv("CRAWL2CHAT_CACHE", str(tmp_path / "cache"))
    with teacher_server() as server:
        server.write = lambda body: "Both are fine answers."
        monkeypatch.setenv("CRAWL2CHAT_TEACHER_URL", server.url)
        found = run(inputs, tmp_path / "out", config)
    assert found["rejected"] == {"no_verdict": 2}
    assert [(row["file"], row["line"]) for row in rows_of(tmp_path / "out", "rejects")] == [
        ("judge", 1),
        ("judge", 2),
    ]
    assert found["judge"]["compared"] == 0
    assert found["judge"]["agreed"] is None


def test_wrong_inputs_are_one_line(post_training, model, tmp_path):
    empty = tmp_path / "empty.jsonl"
    empty.write_text("{\n")
    limited = dataclasses.replace(CONFIG, max_tokens=5)
    for inputs, config, problem in (
        ({"model": [post_training.base]}, CONFIG, "is no chat model"),
        ({"files": [empty]}, CONFIG, "no comparison to learn from"),
        ({"files": [empty]}, limited, "give a model or a tokenizer"),
        ({}, CONFIG, "no comparison to learn from"),
    ):
        with pytest.raises(UserError, match=problem) as raised:
            run(inputs, tmp_path / "out", config)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"answers_per_prompt": 1},
        {"temperature": 0.0},
        {"flaw": "odd"},
        {"compared_by": ("simulated", "simulated")},
        {"compared_by": ("people",)},
        {"task_mixture": ("nothing=1",)},
        {"validation_fraction": 1.0},
        {"position_share": 0.4},
    ],
)
def test_settings_that_cannot_be(wrong):
    with pytest.raises(OutOfRange):
        dataclasses.replace(CONFIG, **wrong)


def test_progress_counts_prompts_and_names_files(inputs, tmp_path):
    class Told(Progress):
        def __init__(self):
            super().__init__()
            self.counts, self.notes = [], []

        def update(self, done, total, unit, **numbers):
            self.counts.append((done, total, unit))

        def note(self, text):
            self.notes.append(text)

    told = Told()
    run({**inputs, "files": [pairs_file(tmp_path / "mine.jsonl")]}, tmp_path / "out", progress=told)
    assert told.counts == [(n, 28, "prompts") for n in (8, 16, 24, 28)]
    assert "mine.jsonl: 31 rows = 30 used + 1 rejected (1 invalid_json)" in told.notes
