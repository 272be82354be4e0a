"""Chains lead to yes or no as their statements say, and no word gives the answer away."""

import random
import re

import pytest

from pipeline.curriculum import syllogisms


def follow(prompt: str) -> str:
    """The answer, found by following the statements of a prompt."""
    ((name, start),) = re.findall(r"(?:^|[.:] )([A-Z]\w+) is a (\w+)\.", prompt)
    every = dict(re.findall(r"Every (\w+) is a (\w+)\.", prompt))
    no = dict(re.findall(r"No (\w+) is a (\w+)\.", prompt))
    last = re.findall(rf"{name}(?: is|:)? a (\w+)", prompt)[-1]
    at = start
    while at in every:
        at = every[at]
    return "yes" if at == last else "no" if no.get(at) == last else "?"


@pytest.mark.parametrize("level", range(1, syllogisms.LEVELS + 1))
@pytest.mark.parametrize("new_wording", [False, True])
def test_the_answer_follows_and_either_comes_as_often(level: int, new_wording: bool) -> None:
    rng, answers = random.Random(level), []
    for _ in range(300):
        task = syllogisms.task(level, "rl", rng, new_wording)
        assert follow(task.prompt) == task.answer
        assert len(re.findall(r"\b(?:Every|No) \w+ is a", task.prompt)) == level + 1
        assert len(re.findall(r"\bNo \w+ is a", task.prompt)) == 1
        answers.append(task.answer)
    assert 0.4 < answers.count("yes") / len(answers) < 0.6


def test_statements_stand_in_any_order_from_level_two_on() -> None:
    def first(level: int) -> set[str]:
        rng = random.Random(0)
        return {
            re.findall(r"Every|No|[A-Z]\w+ is a", syllogisms.task(level, "rl", rng).prompt)[0][:2]
            for _ in range(60)
        } & {"Ev", "No"}

    assert not first(1)
    assert first(2) == {"Ev", "No"}


def test_a_worked_answer_goes_step_by_step() -> None:
    links = ["Every dax is a wug.", "No wug is a fep."]
    assert syllogisms.worked("Rex", ["dax", "wug", "fep"], links, False) == (
        "Rex is a dax. Every dax is a wug. So Rex is a wug. No wug is a fep. So Rex is no fep."
        " The answer is no."
    )
    yes = syllogisms.worked("Rex", ["dax", "wug"], ["Every dax is a wug."], True)
    assert yes == "Rex is a dax. Every dax is a wug. So Rex is a wug. The answer is yes."
