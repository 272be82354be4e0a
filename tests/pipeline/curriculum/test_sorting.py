"""Lists are asked out of order, sorted by their question, worked by taking the first again."""

import random
import re

import pytest

from pipeline.curriculum import sorting


@pytest.mark.parametrize("level", range(1, sorting.LEVELS + 1))
@pytest.mark.parametrize("new_wording", [False, True])
def test_numbers_are_sorted_as_the_question_asks(level: int, new_wording: bool) -> None:
    rng, ways = random.Random(level), set()
    for _ in range(150):
        task = sorting.numbers_task(level, "rl", rng, new_wording)
        asked = [int(text) for text in re.findall(r"\d+", task.prompt)]
        down = bool(re.search("to smallest|largest first|descending|smaller than", task.prompt))
        answer = [int(text) for text in task.answer.split(", ")]
        assert answer == sorted(asked, reverse=down)
        assert asked != answer
        assert len({*asked}) == level + 2
        assert max(asked) < 10 ** min(level, sorting.MOST_DIGITS)
        ways.add(down)
    assert ways == {False, True}


@pytest.mark.parametrize("level", range(1, sorting.LEVELS + 1))
def test_words_are_sorted_by_the_alphabet(level: int) -> None:
    rng = random.Random(level)
    for _ in range(100):
        task = sorting.words_task(level, "sft", rng)
        words = task.answer.split(", ")
        assert words == sorted(words)
        assert len({*words}) == level + 2
        assert ", ".join(words) not in task.prompt
        assert all(word in task.prompt for word in words)


def test_the_steps_take_the_first_of_what_is_left() -> None:
    said = "Smallest of 5 2 9: 2. Smallest of 5 9: 5. So 2, 5, 9."
    assert sorting.worked(["5", "2", "9"], ["2", "5", "9"], "Smallest") == said
