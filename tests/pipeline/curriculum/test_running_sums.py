"""Running sums: right by an own account; splits and wordings apart; mistakes where asked."""

import dataclasses
import random
import re

import pytest

from pipeline.curriculum import final_answers, running_sums
from pipeline.curriculum.held_out import problem_split
from pipeline.curriculum.running_sums import RunningSum, draw
from pipeline.curriculum.task_kinds import SEVERAL_TURNS
from pipeline.curriculum.tasks import check

PROBLEM = RunningSum(
    (("oak", 4), ("tide", -7)),
    (("oak",), ("tide", "oak"), ("tide",)),
    "{values}. Add and say the sum. {words}",
    worked=False,
)


def test_a_problem_by_hand():
    assert PROBLEM.messages == (
        "oak = 4, tide = -7. Add and say the sum. oak",
        "tide, oak",
        "tide",
    )
    assert PROBLEM.sums == (4, 1, -6)
    assert [PROBLEM.added(turn) for turn in range(3)] == [4, -3, -7]
    assert PROBLEM.replies == ("4", "1", "-6")
    steps = RunningSum(PROBLEM.values, PROBLEM.asked, PROBLEM.wording, worked=True)
    assert steps.replies == (
        "oak = 4: 0 + 4 = 4",
        "tide = -7: 4 - 7 = -3, oak = 4: -3 + 4 = 1",
        "tide = -7: 1 - 7 = -6",
    )


@pytest.mark.parametrize("worked", [False, True])
def test_a_planted_error_is_in_the_last_step_alone(worked):
    problem = RunningSum(PROBLEM.values, PROBLEM.asked, PROBLEM.wording, worked)
    said = problem.reply(10, 1, error=5)
    assert said == ("tide = -7: 10 - 7 = 3, oak = 4: 3 + 4 = 12" if worked else "12")


@pytest.mark.parametrize("worked", [False, True])
@pytest.mark.parametrize("words", [1, 2])
def test_sums_are_what_the_messages_say_and_replies_are_read_as_they_are_meant(worked, words):
    rng = random.Random(f"{worked}{words}")
    for turns in range(1, 20):
        problem = draw(turns, "rl", rng, worked=worked, words_per_turn=words)
        first, *later = problem.messages
        values = {w: int(v) for w, v in re.findall(r"([a-z]+) = (-?\d+)", first)}
        assert 2 <= len(values) <= 8
        assert all(1 <= abs(value) <= 9 for value in values.values())
        total, named = 0, [", ".join(problem.asked[0]), *later]
        assert first.endswith(named[0])
        for said, right, reply in zip(named, problem.sums, problem.replies, strict=True):
            assert len(said.split(", ")) == words
            total += sum(values[word] for word in said.split(", "))
            assert total == right == final_answers.number(reply)
            assert ("=" in reply) == worked


def test_splits_and_wordings_never_meet():
    rng = random.Random(1)
    for split in ("sft", "rl", "evaluation"):
        problem = draw(4, split, rng, worked=True)
        assert problem_split(problem.name) == split
        turned = dataclasses.replace(problem, values=problem.values[::-1], wording="{values}")
        assert turned.name == problem.name
    new = {draw(1, "sft", rng, worked=False, new_wording=True).wording for _ in range(60)}
    old = {draw(1, "sft", rng, worked=False).wording for _ in range(200)}
    assert not new & old
    begin = {wording.split("{values}")[0] for wording in running_sums.NEW_WORDINGS}
    assert {wording.split("{values}")[0] for wording in new} == begin
    worked = {draw(1, "sft", rng, worked=True).wording for _ in range(60)}
    for how, wordings in ((running_sums.SUM_ALONE, old), (running_sums.WITH_STEPS, worked)):
        assert all(any(each in wording for each in how) for wording in wordings)
    assert not worked & old
    assert len(old) == len(running_sums.WORDINGS) * len(running_sums.SUM_ALONE)
    assert "{how}" not in "".join(new | old)


@pytest.mark.parametrize("kind", SEVERAL_TURNS)
def test_a_task_has_as_many_turns_as_its_level_and_its_last_sum_is_judged(kind):
    worked = kind == running_sums.WORKED
    for level in (1, 7, running_sums.LEVELS):
        task = SEVERAL_TURNS[kind].make(level, "rl", random.Random(level))
        assert (task.kind, task.level, len(task.later)) == (kind, level, level - 1)
        assert problem_split(task.problem) == "rl"
        assert ("=" in task.solution) == worked
        assert check(task, task.solution, stopped=True)
        assert not check(task, task.solution, stopped=False)
        assert not check(task, str(int(task.answer) + 1), stopped=True)
        assert not check(task, "", stopped=True)
    known = SEVERAL_TURNS[kind].make(3, "rl", random.Random(0), new_wording=True)
    assert known.prompt != SEVERAL_TURNS[kind].make(3, "rl", random.Random(0)).prompt
