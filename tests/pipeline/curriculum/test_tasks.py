"""Tasks are new to the model, different from one another, and judged by their answer alone."""

import random
import re
from collections import Counter

import pytest

from pipeline.curriculum import tasks
from pipeline.curriculum.held_out import sum_split, word_split
from pipeline.curriculum.spelled_words import SPELLING_QUESTIONS, spelling_answer
from pipeline.curriculum.sums import PLAIN_QUESTIONS, SUM_QUESTIONS, direct, worked
from pipeline.curriculum.tasks import Task
from storage.errors import UserError

SUMS = ("sum:3-5=1",)


def draw(count, mixture=SUMS, seed=0, split="rl"):
    return tasks.draw(count, mixture, random.Random(seed), split)


def test_sums_come_from_the_rl_split_with_the_digits_asked_for():
    drawn = draw(60)
    assert len({task.prompt for task in drawn}) == 60
    for task in drawn:
        a, b = re.findall(r"\d+", task.prompt)
        assert max(len(a), len(b)) == task.digits
        assert int(task.answer) == int(a) + int(b)
        assert sum_split(int(a), int(b)) == "rl"
    assert [sum(task.digits == n for task in drawn) for n in (3, 4, 5)] == [20, 20, 20]


def test_both_orders_and_every_shorter_length_are_drawn():
    pairs = [tuple(map(len, re.findall(r"\d+", t.prompt))) for t in draw(600, ("sum:4=1",))]
    found = {pair: pairs.count(pair) for pair in set(pairs)}
    assert set(found) == {(4, 1), (4, 2), (4, 3), (4, 4), (3, 4), (2, 4), (1, 4)}
    assert min(found.values()) > 600 / 7 / 2


def test_splits_share_no_sum():
    seen = {
        split: {
            tuple(sorted(re.findall(r"\d+", t.prompt))) for t in draw(50, ("sum:2=1",), split=split)
        }
        for split in ("rl", "sft", "evaluation")
    }
    assert not seen["rl"] & seen["sft"]
    assert not seen["rl"] & seen["evaluation"]
    assert not seen["sft"] & seen["evaluation"]


def test_each_kind_takes_its_share():
    drawn = draw(20, ("spelling=1", "sum:3-5=3"))
    spelled = [task for task in drawn if task.kind == "spelling"]
    assert len(spelled) == 5
    for task in spelled:
        word = task.answer.replace("-", "")
        assert word in task.prompt
        assert word_split(word) == "rl"
    assert Counter(task.kind for task in draw(28, ("*=1",))) == dict.fromkeys(tasks.KINDS, 2)


def test_a_draw_goes_on_where_the_one_before_ended():
    parts = [tasks.draw(5, ("date=1",), random.Random(0), first=n) for n in (0, 5)]
    assert [task.level for part in parts for task in part] == [1, 2, 3, 4, 1, 2, 3, 4, 1, 2]


def test_a_prompt_without_room_is_not_asked():
    short = tasks.draw(30, ("sum=1",), random.Random(0), fits=lambda task: len(task.prompt) < 20)
    assert max(len(task.prompt) for task in short) < 20
    with pytest.raises(UserError, match=r"no 3 different tasks of yes_no=1 that fit"):
        tasks.draw(3, ("yes_no=1",), random.Random(0), fits=lambda task: False)


def test_tasks_are_worded_as_fine_tuning_words_them():
    """Half of the sums as on pages, the others plainly or as stories; spelling in every wording."""
    blank = [re.sub(r"\d+", "#", task.prompt) for task in draw(900)]
    pages = {text.format(a="#", b="#") for text in SUM_QUESTIONS}
    plain = {text.format(a="#", b="#") for text in PLAIN_QUESTIONS}
    share = sum(text in pages for text in blank) / len(blank)
    assert 0.45 < share < 0.55
    assert pages | plain <= set(blank)
    assert 0.15 < sum(text not in pages | plain for text in blank) / len(blank) < 0.25
    rng = random.Random(0)
    for spelled in (
        [tasks.spelling_task("rl", rng) for _ in range(200)],
        draw(300, ("spelling=1",)),
    ):
        prompts = {t.prompt.replace(t.answer.replace("-", ""), "{word}") for t in spelled}
        assert prompts == {*SPELLING_QUESTIONS}
        assert {word_split(t.answer.replace("-", "")) for t in spelled} == {"rl"}


def test_the_same_seed_draws_the_same_tasks():
    assert draw(12) == draw(12)
    assert draw(12) != draw(12, seed=1)


def test_more_tasks_than_there_are_is_a_clear_error(monkeypatch):
    monkeypatch.setattr(tasks, "MAX_DRAWS", 1)
    with pytest.raises(UserError, match="fewer prompts"):
        draw(6_000, ("sum:1=1",))  # 30 sums in 92 wordings


@pytest.mark.parametrize(
    ("reply", "stopped", "right"),
    [
        (worked(347, 58), True, True),
        (direct(347, 58), True, True),
        ("405", True, True),
        ("I think 400, no, 405.", True, True),
        ("405 or 406", True, False),
        ("406 or 405", True, False),
        ("4 05", True, False),
        ("0405", True, False),
        ("1405", True, False),
        ("", True, False),
        ("No idea.", True, False),
        (worked(347, 58), False, False),  # never ended
    ],
)
def test_the_final_number_counts_and_only_after_a_stop(reply, stopped, right):
    task = Task("What is 347 + 58?", "405", "sum", 3)
    assert tasks.check(task, reply, stopped) is right


def test_spelling_is_judged_by_the_last_word_spelled():
    task = Task("How do you spell boat?", "b-o-a-t", "spelling", 4)
    assert tasks.check(task, spelling_answer("boat"), True)
    assert not tasks.check(task, "b-o-t.", True)
    assert not tasks.check(task, "boat", True)


def test_problems_of_a_file_are_judged_by_their_number():
    task = Task("How many?", "72", "gsm8k", 0)
    assert tasks.check(task, "48 + 24 = 72.\n#### 72", True)
    assert not tasks.check(task, "#### 720", True)
    verified = Task("How many?", "72", "gsm8k_math_verify", 0)
    assert tasks.check(verified, "#### 72", True)
    assert not tasks.check(verified, "71 or 72", True)


def test_only_shown_columns_are_work():
    assert tasks.is_worked(worked(347, 58))
    assert tasks.is_worked("347 + 58: 7+8=15, so 405.")
    assert not tasks.is_worked(direct(347, 58))
    assert not tasks.is_worked("347 + 58 = 405.")
