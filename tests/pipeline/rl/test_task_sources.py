"""RL draws its mixture: it goes on from batch to batch, files and packages are asked for early."""

import dataclasses
import io
import json
from collections import Counter
from pathlib import Path

import pytest

from pipeline.chat.conversation import assistant, prompt, user
from pipeline.curriculum import optional_packages
from pipeline.curriculum.held_out import problem_split
from pipeline.curriculum.task_kinds import KINDS, SEVERAL_TURNS
from pipeline.rl import task_sources, train
from pipeline.rl.config import RlConfig
from pipeline.stage import SILENT, Progress
from storage.errors import UserError
from storage.tables import read_table

CONFIG = RlConfig(
    steps=2,
    prompts_per_step=6,
    answers_per_prompt=2,
    max_new_tokens=8,
    honesty_share=0.0,
    rehearsal_rows=0,
    precision="float32",
    threads=1,
    device="cpu",
)


def problems(folder: Path, count: int = 60, more: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "gsm8k_train.jsonl"
    rows = [{"question": f"{n} and 1?", "answer": f"#### {n + 1}"} for n in range(count)]
    path.write_text("\n".join([*map(json.dumps, rows), more]), encoding="utf-8")
    return path


def given(config, files, tokenizer, context=192):
    stream = io.StringIO()
    sources = task_sources.given(files, config.tasks, tokenizer, context, Progress(stream))
    return sources, [json.loads(line)["text"] for line in stream.getvalue().splitlines()]


def test_weights_hold_over_batches_together():
    config = dataclasses.replace(CONFIG, prompts_per_step=5, tasks=("sum:1-2=3", "units=1"))
    drawn = [task_sources.step_tasks(config, None, number) for number in range(8)]
    assert {len(tasks) for tasks in drawn} == {5}
    assert Counter(t.kind for tasks in drawn for t in tasks) == {"sum": 30, "units": 10}
    units = [task.level for tasks in drawn for task in tasks if task.kind == "units"]
    assert units == [1, 2, 3, 4, 1, 2, 3, 4, 1, 2]
    assert drawn[3] == task_sources.step_tasks(config, None, 3)
    assert drawn[3] != drawn[4]


def test_tasks_are_of_rls_split():
    config = dataclasses.replace(CONFIG, prompts_per_step=60, tasks=("weekday=1", "yes_no=1"))
    tasks = task_sources.step_tasks(config, None, 0)
    assert {problem_split(task.problem) for task in tasks} == {"rl"}


def test_own_kinds_need_nothing_and_prompts_must_fit(chat_tokenizer):
    config = dataclasses.replace(CONFIG, tasks=("yes_no=1",))
    sources, said = given(config, [], chat_tokenizer)
    assert not said
    assert sources.kinds == {**KINDS, **SEVERAL_TURNS}
    long = next(t for t in task_sources.step_tasks(config, None, 0) if t.level == 4)
    short, _ = given(config, [], chat_tokenizer, context=8)
    assert sources.fits is not None
    assert sources.fits(dataclasses.replace(long, prompt="Hi."))
    assert short.fits is not None
    assert not short.fits(long)
    with pytest.raises(UserError, match="that fit"):
        task_sources.step_tasks(config, None, 0, short)


@pytest.mark.parametrize("kind", SEVERAL_TURNS)
def test_a_talk_fits_if_all_that_is_said_does_with_replies_as_they_should_be(chat_tokenizer, kind):
    config = dataclasses.replace(CONFIG, tasks=(f"{kind}:6=1",), prompts_per_step=1)
    (task,) = task_sources.step_tasks(config, None, 0)
    said = [user(task.prompt)]
    for text in task.later:
        said += [assistant(task.solution), user(text)]
    needed = len(prompt(said, chat_tokenizer))
    for context in (needed, needed + 1):
        sources, _ = given(config, [], chat_tokenizer, context=context)
        assert sources.fits is not None
        assert sources.fits(task) == (context > needed)
    with pytest.raises(UserError, match="that fit"):
        task_sources.step_tasks(config, None, 0, given(config, [], chat_tokenizer, 40)[0])


def test_a_file_of_gsm8k_is_drawn_and_counted(tmp_path, chat_tokenizer):
    config = dataclasses.replace(CONFIG, tasks=("gsm8k=1", "sum:1=1"))
    long = json.dumps({"question": "Long? " * 100, "answer": "#### 1"})
    path = problems(tmp_path, more=f'{long}\n{{"question": "Q?"}}\n{{"question": "R?"}}')
    sources, (said,) = given(config, [path], chat_tokenizer)
    assert said == (
        "rl: gsm8k_train.jsonl: 63 rows = 61 problems + 2 rejected: 2 × a row needs a text 'answer'"
        " (line 62); 1 problems leave no room for an answer"
    )
    tasks = task_sources.step_tasks(config, None, 0, sources)
    assert Counter(task.kind for task in tasks) == {"gsm8k": 3, "sum": 3}
    asked = [task for task in tasks if task.kind == "gsm8k"]
    assert all(problem_split(task.problem) == "rl" for task in asked)
    assert all(int(t.answer) == int(t.prompt.split()[0]) + 1 for t in asked)


def test_problems_that_are_all_too_long_are_one_line(tmp_path, chat_tokenizer):
    config = dataclasses.replace(CONFIG, tasks=("gsm8k=1",))
    with pytest.raises(UserError, match="no problem of gsm8k leaves room"):
        given(config, [problems(tmp_path)], chat_tokenizer, context=4)


def test_what_is_missing_is_said_before_anything_runs(tmp_path):
    for name in ("gsm8k=1", "gsm8k_math_verify=1"):
        assert task_sources.needs_files((name,))
        with pytest.raises(UserError, match=r"rl.tasks names gsm8k: give a file gsm8k_train"):
            task_sources.check((name,), [])
    assert not task_sources.needs_files(("sum=1", "reasoning_gym/gcd=1"))
    task_sources.check(("*=1",), [])
    task_sources.check(("gsm8k=1",), [problems(tmp_path)])


def test_a_missing_package_is_said_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(optional_packages.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install math-verify"):
        task_sources.check(("gsm8k_math_verify=1",), [problems(tmp_path)])
    with pytest.raises(UserError, match=r"gcd\) needs .*pip install reasoning-gym"):
        task_sources.check(("sum=1", "reasoning_gym/gcd=1"), [])


def test_a_run_asks_the_mixture(post_training, tmp_path, easy):
    config = dataclasses.replace(CONFIG, tasks=("gsm8k=1", "sum:1=1", "letter_count:1=1"))
    inputs: train.RlInputs = {
        "sft": [post_training.chat],
        "tasks": [problems(tmp_path / "given")],
    }
    out = tmp_path / "rl"
    out.mkdir()
    train.build(out, inputs, config, SILENT, tmp_path / "scratch")
    rows = read_table(out / "rollouts.parquet").to_pylist()
    assert Counter(row["task"] for row in rows) == dict.fromkeys(
        ("gsm8k", "sum", "letter_count"), 2 * 2 * 2
    )


def test_a_run_without_its_file_ends_before_it_samples(post_training, tmp_path):
    config = dataclasses.replace(CONFIG, tasks=("gsm8k=1",))
    with pytest.raises(UserError, match="give a file"):
        train.build(tmp_path, {"sft": [post_training.chat]}, config, SILENT, tmp_path)
