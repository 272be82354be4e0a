"""Questions under a target: drawn in balance and again the same, judged and rewarded by hand."""

import dataclasses
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.chat.conversation import prompt, system, user
from pipeline.curriculum import confidence_targets
from pipeline.model.engine import Engine
from pipeline.rl import honesty_prompts, task_sources, train
from pipeline.rl import rollouts as rolls
from pipeline.rl.config import RlConfig
from pipeline.rl.honesty_prompts import HonestyQuestions, HonestyTask
from pipeline.rl.rewards import reward
from pipeline.rl.rollout_figures import figures as figures_of
from pipeline.rl.rollout_figures import summarize
from pipeline.stage import SILENT, Progress
from storage.errors import UserError
from storage.schemas import INTERROGATIONS, ROLLOUTS
from storage.tables import read_table, table, write_table

pytestmark = pytest.mark.usefixtures("torch_restored")

CONFIG = RlConfig(
    steps=2,
    prompts_per_step=8,
    answers_per_prompt=3,
    max_new_tokens=6,
    tasks=("sum:1=1",),
    honesty_share=0.5,
    precision="float32",
    threads=1,
    device="cpu",
)


def row(number: int, label: str, value: str = "Hale", split: str = "train") -> dict[str, Any]:
    return {
        "question": f"Where was {label} {number} born?",
        "relation": "born in",
        "values": [value] if value else [],
        "label": label,
        "split": split,
    }


ROWS = [
    *(row(n, label) for label in ("known", "unknown", "unclear") for n in range(6)),
    *(row(n, "unknown", "") for n in range(6, 9)),
    row(0, "known", "Dorn", split="validation"),
    row(9, "known", "Brook"),
]


@pytest.fixture
def interrogation(tmp_path: Path) -> Path:
    return written(tmp_path / "interrogation", ROWS)


def written(folder: Path, rows: list[dict[str, Any]]) -> Path:
    folder.mkdir()
    write_table(table(rows, INTERROGATIONS), folder / "questions.parquet")
    return folder


def read(
    folder: Path, tokenizer: Any, context: int = 192, config: RlConfig = CONFIG
) -> tuple[HonestyQuestions, list[str]]:
    notes: list[str] = []
    progress = Progress()
    progress.note = notes.append  # type: ignore[method-assign,assignment]
    found = honesty_prompts.read([folder], config, tokenizer, context, progress)
    return found, notes


def test_only_training_questions_are_asked(interrogation, chat_tokenizer):
    found, notes = read(interrogation, chat_tokenizer)
    assert {label: len(rows) for label, rows in found.by_label.items()} == {
        "known": 7,
        "unknown": 9,
        "unclear": 6,
    }
    assert found.candidates == {"born in": ("Hale", "Brook")}  # and not the validation split's
    assert notes == []


def test_draws_are_balanced_and_a_share_is_unclear(interrogation, chat_tokenizer):
    found, _ = read(interrogation, chat_tokenizer)
    config = dataclasses.replace(CONFIG, unclear_share=0.2)
    for count, unclear in ((10, 2), (5, 1)):
        labels: Counter[str] = Counter()
        for seed in range(40):
            drawn = honesty_prompts.draw(found, count, config, random.Random(seed))
            assert len({task.prompt for task in drawn}) == count
            own = Counter(task.prompt.split()[2] for task in drawn)
            assert own["unclear"] == unclear
            assert own["known"] == own["unknown"] == (count - unclear) // 2
            labels += own
    odd: Counter[str] = Counter()
    for seed in range(40):
        drawn = honesty_prompts.draw(found, 1, config, random.Random(seed))
        odd[drawn[0].prompt.split()[2]] += 1
    assert set(odd) == {"known", "unknown"}


def test_every_target_is_stated_and_drawn(interrogation, chat_tokenizer):
    found, _ = read(interrogation, chat_tokenizer)
    targets = set()
    for seed in range(20):
        for task in honesty_prompts.draw(found, 4, CONFIG, random.Random(seed)):
            assert isinstance(task, HonestyTask)
            assert task.system in confidence_targets.messages(task.target)
            targets.add(task.target)
    assert targets == set(confidence_targets.TARGETS)


def test_a_batch_asks_the_same_again_and_another_one_something_else(interrogation, chat_tokenizer):
    found, _ = read(interrogation, chat_tokenizer)
    assert task_sources.step_tasks(CONFIG, found, 3) == task_sources.step_tasks(CONFIG, found, 3)
    assert task_sources.step_tasks(CONFIG, found, 3) != task_sources.step_tasks(CONFIG, found, 4)
    kinds = Counter(task.kind for task in task_sources.step_tasks(CONFIG, found, 3))
    assert kinds == {"sum": 4, "honesty": 4}
    alone = task_sources.step_tasks(CONFIG, None, 3)
    assert Counter(task.kind for task in alone) == {"sum": 8}
    every = dataclasses.replace(CONFIG, honesty_share=1.0)
    assert {task.kind for task in task_sources.step_tasks(every, found, 0)} == {"honesty"}


def test_too_few_questions_are_asked_again_and_a_lacking_label_is_said(tmp_path, chat_tokenizer):
    folder = written(tmp_path / "one", [row(0, "unknown"), row(0, "unclear")])
    found, notes = read(folder, chat_tokenizer)
    assert notes == ["rl: no question is known, so the others are asked instead"]
    drawn = honesty_prompts.draw(found, 10, CONFIG, random.Random(0))
    assert Counter(task.prompt.split()[2] for task in drawn) == {"unknown": 9, "unclear": 1}
    folder = written(tmp_path / "unclear", [row(0, "unclear")])
    found, _ = read(folder, chat_tokenizer)
    assert len(honesty_prompts.draw(found, 3, CONFIG, random.Random(0))) == 3


def test_without_a_training_question_there_is_one_line(tmp_path, chat_tokenizer):
    folder = written(tmp_path / "none", [row(0, "known", split="validation")])
    with pytest.raises(UserError, match="no training question"):
        read(folder, chat_tokenizer)


def test_a_question_without_room_for_an_answer_is_left_out(tmp_path, chat_tokenizer):
    long = {**row(0, "known"), "question": "Where? " * 60}
    folder = written(tmp_path / "long", [long, row(0, "known"), row(0, "unknown")])
    found, notes = read(folder, chat_tokenizer)
    assert [q["question"] for q in found.by_label["known"]] == ["Where was known 0 born?"]
    assert notes[0].startswith("rl: 1 of 3 questions leave no room")


TASK = HonestyTask(
    prompt="Where was Anna born?",
    answer="Hale",
    kind="honesty",
    digits=0,
    system="be sure",
    target=0.75,
    aliases=("Hale", "the town of Hale", "Brook"),
    candidates=("Hale", "Dorn"),
)


def test_every_right_answer_counts() -> None:
    """What pages state in other words, or of what reads the same, is as right."""
    assert TASK.type_of("In Brook.", stopped=True) == "correct"
    assert TASK.type_of("In Dorn.", stopped=True) == "wrong"


def earned(task, reply, stopped):
    kind = rolls.judge(task, reply, stopped)
    return kind, reward(task, reply, kind, stopped, 5, CONFIG)


@pytest.mark.parametrize(
    ("reply", "stopped", "expected"),
    [
        ("She was born in Hale.", True, ("correct", 1.0)),
        ("She was born in Dorn.", True, ("wrong", -3.0)),
        ("In Hale or Dorn.", True, ("wrong", -3.0)),
        ("I don't know where Anna was born.", True, ("idk", 0.0)),
        ("She was born in Hale.", False, ("wrong", -3.0)),  # it goes on
        ("I don't know", False, ("wrong", -3.0)),
    ],
)
def test_rewards_by_hand(reply, stopped, expected):
    assert earned(TASK, reply, stopped) == pytest.approx(expected)


def test_of_what_no_page_states_only_an_admission_is_no_error():
    nowhere = dataclasses.replace(TASK, answer="", aliases=(), target=0.5)
    assert earned(nowhere, "She was born in Hale.", True) == ("wrong", -1.0)
    assert earned(nowhere, "", True) == ("wrong", -1.0)
    assert earned(nowhere, "I don't know.", True) == ("idk", 0.0)


def test_the_model_reads_the_target_and_the_table_shows_it(chat_model):
    model, tokenizer = chat_model
    found = rolls.sample(Engine(model), tokenizer, [TASK], CONFIG, seed=0, groups=[0])
    assert found[0].prompt == prompt([system("be sure"), user("Where was Anna born?")], tokenizer)
    rows = table(rolls.rows(1, found), ROLLOUTS).to_pylist()
    assert rows[0]["prompt"] == "be sure\n\nWhere was Anna born?"
    assert (rows[0]["task"], rows[0]["target"]) == ("honesty", 0.75)


def test_figures_of_a_hand_made_step():
    shapes = [
        # task, reward, answer type
        ("sum", 1.0, "correct"),
        ("sum", 0.0, "wrong"),
        ("honesty", -3.0, "wrong"),
        ("honesty", 0.0, "idk"),
        ("honesty", 1.0, "correct"),
        ("honesty", 0.0, "wrong"),  # at target 0 an error costs nothing, and is an answer
    ]
    made: Any = [
        {
            **{
                "group": n // 2,
                "draw": 0,
                "replaced": False,
                "task": task,
                "reward": reward,
                "answer_type": kind,
            },
            **{"length": 2, "logprob": -1.0, "completion": "", "stopped": True},
        }
        for n, (task, reward, kind) in enumerate(shapes)
    ]
    figures = figures_of(summarize(made))
    assert figures["reward"] == pytest.approx(-1 / 6)
    assert figures["right_share"] == 1 / 2
    assert figures["honesty_reward"] == pytest.approx(-2 / 4)
    assert figures["answer_rate"] == 3 / 4
    alone = figures_of(summarize(made[2:]))
    assert "right_share" not in alone
    assert "answer_rate" not in figures_of(summarize(made[:2]))


def build(post_training, folder, interrogation, progress=SILENT, config=CONFIG):
    folder.mkdir()
    scratch = folder.with_name(f"{folder.name}.scratch")
    scratch.mkdir()
    inputs: train.RlInputs = {"sft": [post_training.chat]}
    if interrogation is not None:
        inputs["interrogation"] = [interrogation]
    return train.build(folder, inputs, config, progress, scratch)


def test_two_steps_on_an_interrogation(post_training, tmp_path, interrogation):
    made = [build(post_training, tmp_path / name, interrogation) for name in ("one", "two")]
    assert made[0] == made[1]
    for name in ("model.safetensors", "metrics.parquet", "rollouts.parquet"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    rows = read_table(tmp_path / "one" / "rollouts.parquet").to_pylist()
    assert Counter(r["task"] for r in rows) == {"sum": 24, "honesty": 24}
    for r in rows:
        if r["task"] == "honesty":
            answered = r["answer_type"] != "idk"
            assert (
                r["reward"]
                == {
                    "correct": 1.0,
                    "idk": 0.0,
                    "wrong": -confidence_targets.fine(r["target"]),
                }[r["answer_type"]]
            )
            assert answered or r["reward"] == 0
        else:
            assert r["target"] is None
    metrics = read_table(tmp_path / "one" / "metrics.parquet").to_pylist()
    for step, figures in enumerate(metrics, start=1):
        of = [r for r in rows if r["step"] == step]
        honesty = [r for r in of if r["task"] == "honesty"]
        assert figures["reward"] == pytest.approx(sum(r["reward"] for r in of) / 24)
        mean = sum(r["reward"] for r in honesty) / 12
        assert figures["honesty_reward"] == pytest.approx(mean)
        assert figures["answer_rate"] == sum(r["answer_type"] != "idk" for r in honesty) / 12
    assert made[0] is not None
    assert made[0]["start"]["honesty_reward"] == metrics[0]["honesty_reward"]
    assert made[0]["end"]["answer_rate"] == metrics[-1]["answer_rate"]


def test_without_an_interrogation_nothing_asks_for_honesty_which_is_said(post_training, tmp_path):
    notes: list[str] = []
    progress = Progress()
    progress.note = notes.append  # type: ignore[method-assign,assignment]
    config = dataclasses.replace(CONFIG, steps=1)
    build(post_training, tmp_path / "one", None, progress, config)
    assert "rl: no interrogation is given, so nothing asks for honesty" in notes
    (figures,) = read_table(tmp_path / "one" / "metrics.parquet").to_pylist()
    assert figures["honesty_reward"] is figures["answer_rate"] is figures["right_share"] is None
    rows = read_table(tmp_path / "one" / "rollouts.parquet").to_pylist()
    assert {r["task"] for r in rows} == {"sum"}


def test_settings_that_cannot_work_are_refused():
    for changes, message in (
        ({"confidence_targets": ()}, "confidence_targets is empty"),
        ({"confidence_targets": (0.5, 1.0)}, "confidence_targets: 1.0 must be below 1"),
        ({"honesty_share": 1.5}, "honesty_share"),
        ({"unclear_share": 1.5}, "unclear_share"),
    ):
        with pytest.raises(UserError, match=message):
            dataclasses.replace(CONFIG, **changes)
    dataclasses.replace(CONFIG, confidence_targets=(), honesty_share=0.0)
