"""Rejection sampling: only right answers are kept, all are counted, a kill changes no byte."""

import dataclasses
import random
from typing import Any

import pyarrow as pa
import pytest

from pipeline import model as models
from pipeline.chat.conversation import assistant, render, user
from pipeline.curriculum.tasks import draw
from pipeline.model.engine import Engine
from pipeline.rl import solutions
from pipeline.rl.config import SolutionsConfig
from pipeline.stage import SILENT, Progress
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer import train as tokenizer_training
from pipeline.tokenizer.config import TokenizerConfig
from storage.errors import UserError
from storage.tables import read_table

pytestmark = pytest.mark.usefixtures("torch_restored")

CONFIG = SolutionsConfig(
    prompts=20,
    answers_per_prompt=4,
    kept_per_prompt=2,
    tasks=("sum:1-2=3", "spelling=1"),
    max_new_tokens=12,
    prompts_at_once=8,
    validation_fraction=0.3,
    precision="float32",
    threads=1,
    device="cpu",
)


def run(
    post_training: Any,
    out: Any,
    config: SolutionsConfig = CONFIG,
    progress: Progress = SILENT,
    scratch: Any = None,
) -> solutions.SolutionsStatistics:
    scratch = scratch or out.with_name(f"{out.name}.scratch")
    for folder in (out, scratch):
        folder.mkdir(parents=True, exist_ok=True)
    inputs: solutions.SolutionsInputs = {
        "teacher": [post_training.chat],
        "tokenizer": [post_training.tokenizer],
    }
    return solutions.build(out, inputs, config, progress, scratch)


def test_right_answers_alone_are_kept_and_everything_adds_up(post_training, tmp_path, easy):
    found = run(post_training, tmp_path / "out")
    drawn = read_table(tmp_path / "out" / "rollouts.parquet").to_pylist()
    kept = read_table(tmp_path / "out" / "conversations.parquet").to_pylist()
    assert len(drawn) == 20 * 4 == found["answers"]
    right = [row for row in drawn if "e" in row["completion"]]
    assert 0 < len(right) == found["right"] < len(drawn)
    assert {row["reward"] for row in drawn} == {0.0, 1.0}
    by_group: dict[int, list[str]] = {}
    prompt_of = {row["group"]: row["prompt"] for row in drawn}
    for row in right:
        by_group.setdefault(row["group"], []).append(row["completion"])
    expected = [
        (prompt_of[group], text)
        for group, texts in sorted(by_group.items())
        for text in list(dict.fromkeys(texts))[:2]
    ]
    said = [tuple(m["content"] for m in row["messages"]) for row in kept]
    assert said == expected
    assert found["conversations"] == len(kept)
    assert found["solved"] == len(by_group)
    assert found["prompts"] == len(prompt_of) == 20
    assert len({row["id"] for row in kept}) == len(kept)
    assert set(found["solved_by_kind"]) == {"sum", "spelling"}
    sums = {row["group"] for row in drawn if row["task"] == "sum"}
    assert found["solved_by_kind"]["sum"] == len(sums & by_group.keys()) / len(sums)
    assert {row["split"] for row in kept} == {"train", "validation"}
    assert found["validation"] == sum(row["split"] == "validation" for row in kept)


def test_what_is_learned_are_the_answers_tokens_by_the_students_tokenizer(
    post_training, tmp_path, easy
):
    run(post_training, tmp_path / "out")
    tokenizer = Tokenizer.load(post_training.tokenizer).with_conversation_tokens()
    for row in read_table(tmp_path / "out" / "conversations.parquet").to_pylist():
        (start, end), *more = row["loss_spans"]
        assert not more
        asked, said = (m["content"] for m in row["messages"])
        ids, mask = render([user(asked), assistant(said)], tokenizer)
        assert [n for n, learned in enumerate(mask) if learned] == list(range(start, end))
        assert tokenizer.decode(ids[start : end - 1]) == said
        assert ids[end - 1] == tokenizer.special("<|im_end|>")


def test_both_splits_share_no_problem(post_training, tmp_path, easy):
    config = dataclasses.replace(CONFIG, prompts=60, tasks=("sum:1=1",), kept_per_prompt=1)
    run(post_training, tmp_path / "out", config)
    rows = read_table(tmp_path / "out" / "rollouts.parquet").to_pylist()
    answer_of = {row["prompt"]: row["answer"] for row in rows}
    kept = read_table(tmp_path / "out" / "conversations.parquet").to_pylist()
    sides: dict[str, set[str]] = {"train": set(), "validation": set()}
    for row in kept:
        sides[row["split"]].add(answer_of[row["messages"][0]["content"]])
    assert sides["train"]
    assert sides["validation"]
    assert not sides["train"] & sides["validation"]


def test_a_killed_run_asks_no_batch_twice_and_ends_in_the_same_bytes(
    post_training, tmp_path, easy, monkeypatch
):
    whole = run(post_training, tmp_path / "whole")
    asked: list[int] = []
    generate = Engine.generate

    def counted(self: Engine, prompts: Any, **settings: Any) -> Any:
        if len(asked) == 2 and not (tmp_path / "killed").exists():
            (tmp_path / "killed").touch()
            raise KeyboardInterrupt
        asked.append(len(prompts))
        return generate(self, prompts, **settings)

    monkeypatch.setattr(Engine, "generate", counted)
    scratch = tmp_path / "scratch"
    with pytest.raises(KeyboardInterrupt):
        run(post_training, tmp_path / "out", scratch=scratch)
    assert asked == [8, 8]
    assert run(post_training, tmp_path / "out", scratch=scratch) == whole
    assert asked == [8, 8, 4]
    for name in ("rollouts.parquet", "conversations.parquet"):
        ours, theirs = tmp_path / "out" / name, tmp_path / "whole" / name
        assert ours.read_bytes() == theirs.read_bytes(), name


def test_the_seed_draws_tasks_and_answers(post_training, tmp_path, easy, monkeypatch):
    seeds = []
    generate = Engine.generate

    def noted(self: Engine, prompts: Any, **settings: Any) -> Any:
        seeds.append(settings["seed"])
        return generate(self, prompts, **settings)

    monkeypatch.setattr(Engine, "generate", noted)
    asked = []
    for seed in (3, 4):
        run(post_training, tmp_path / f"{seed}", dataclasses.replace(CONFIG, seed=seed))
        rows = read_table(tmp_path / f"{seed}" / "rollouts.parquet")
        asked.append(set(rows["prompt"].to_pylist()))
    assert seeds == [3, 3, 3, 4, 4, 4]
    assert len(asked[0] & asked[1]) < 10


def test_an_answer_that_came_twice_is_kept_once(post_training):
    tokenizer = Tokenizer.load(post_training.chat)
    tasks = draw(2, ("sum:1=1",), random.Random(0))
    said = [(0, "It is 7."), (0, "It is 7."), (0, "7."), (0, "Seven: 7."), (1, "It is 7.")]
    rows = [{"group": group, "reward": 1.0, "completion": text} for group, text in said]
    kept, too_long = solutions.conversations(tasks, pa.Table.from_pylist(rows), tokenizer, CONFIG)
    assert [row["messages"][-1]["content"] for row in kept] == ["It is 7.", "7.", "It is 7."]
    assert too_long == 0


def test_too_long_answers_are_counted(post_training, tmp_path, easy):
    every = run(post_training, tmp_path / "every")
    rows = read_table(tmp_path / "every" / "conversations.parquet").to_pylist()
    longest = max(row["loss_spans"][-1][1] for row in rows)
    config = dataclasses.replace(CONFIG, max_tokens=longest - 1)
    found = run(post_training, tmp_path / "out", config)
    assert found["too_long"] > 0
    assert found["right"] == every["right"]
    kept = read_table(tmp_path / "out" / "conversations.parquet").to_pylist()
    assert all(row["loss_spans"][-1][1] < longest for row in kept)


def test_a_teacher_that_cant_be_asked_or_knows_nothing_is_one_line(
    post_training, tmp_path, monkeypatch
):
    base = dataclasses.replace(post_training, chat=post_training.base)
    with pytest.raises(UserError, match="is no chat model: it can't be asked"):
        run(base, tmp_path / "base")
    monkeypatch.setattr("pipeline.rl.rollouts.check", lambda task, reply, stopped: False)
    with pytest.raises(UserError, match=r"no answer of the teacher became a conversation"):
        run(post_training, tmp_path / "none")


def test_another_tokenizers_teacher_is_asked_in_text(post_training, tmp_path, easy):
    """The student's tokenizer alone decides how long a conversation is, and its spans."""
    other = tmp_path / "tokenizer"
    other.mkdir()
    tokenizer_training.train(iter(["abc def"] * 9), TokenizerConfig(vocab_size=260)).save(other)
    assert models.load(post_training.chat)[1].vocab_size != 266
    changed = dataclasses.replace(post_training, tokenizer=other)
    found = run(changed, tmp_path / "out", dataclasses.replace(CONFIG, max_tokens=400))
    own = run(post_training, tmp_path / "own")
    assert found["right"] == own["right"]
    assert found["loss_tokens"] > own["loss_tokens"]


def test_a_teacher_is_asked_no_task_of_several_turns():
    with pytest.raises(UserError, match=r"tasks: running_sum: a teacher is asked once, not in"):
        dataclasses.replace(CONFIG, tasks=("sum:1=1", "running_sum:2=1"))
