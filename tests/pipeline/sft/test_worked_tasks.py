"""Worked tasks as conversations: of fine-tuning's split, of the mixture, each with its subject."""

import random
from collections import Counter

import pytest

from pipeline.curriculum import tasks
from pipeline.curriculum.held_out import problem_split, sum_split, word_split
from pipeline.curriculum.task_kinds import KINDS
from pipeline.sft import worked_tasks
from storage.errors import UserError


def made(count=56, mixture=("*=1",), seed="x"):
    return worked_tasks.conversations(count=count, mixture=mixture, rng=random.Random(seed))


def test_every_kind_is_worked_and_none_is_rls_or_evaluations():
    found = made()
    assert len(found) == 4 * len(KINDS)
    kinds: Counter[str] = Counter()
    for (asked, answer), subject in found:
        assert (asked.role, answer.role) == ("user", "assistant")
        sort, _, rest = subject.partition(":")
        kinds[sort] += 1
        if sort == "word":
            assert word_split(rest) == "sft"
        elif sort != "sum":
            assert problem_split(subject) == "sft"
    assert kinds["word"] == 3 * 4
    assert min(kinds.values()) == 4


def test_a_sum_is_split_by_its_result_as_other_sums_are():
    for (_, answer), subject in made(30, ("sum:2=1",)):
        a, _, b = answer.content.partition(":")[0].split()
        assert sum_split(int(a), int(b)) == "sft"
        assert subject == f"sum:{int(a) + int(b)}"
        assert answer.content.endswith(f"= {int(a) + int(b)}.")


def test_the_same_seed_makes_the_same_and_none_makes_none(monkeypatch):
    assert made() == made() != made(seed="y")
    assert made(0, ("nothing=1",)) == []
    monkeypatch.setattr(tasks, "MAX_DRAWS", 2)
    with pytest.raises(UserError, match=r"no 900 different tasks of weekday:1=1"):
        made(900, ("weekday:1=1",))
