"""Letters are counted, words spelled and turned round; a worked answer spells first."""

import random
import re

import pytest

from pipeline.curriculum import letters
from pipeline.curriculum.held_out import word_split


def test_counting_says_each_hit() -> None:
    said = "s-t-r-a-w-b-e-r-r-y: r 1, r 2, r 3. So 3."
    assert letters.counted("strawberry", "r") == said
    assert letters.counted("boat", "x") == "b-o-a-t: no x. So 0."


@pytest.mark.parametrize("new_wording", [False, True])
def test_the_letter_asked_for_is_counted(new_wording: bool) -> None:
    rng = random.Random(0)
    answers = []
    for number in range(400):
        task = letters.counting_task(1 + number % 4, "rl", rng, new_wording)
        word = task.problem.removeprefix("word:")
        alone = re.sub(rf"\b{word}\b|\b[Ii]f I\b|\bI\b", "", task.prompt)
        (letter,) = re.findall(r"\b[a-z]\b", alone)
        assert task.answer == str(word.count(letter))
        assert word_split(word) == "rl"
        answers.append(task.answer)
    assert abs(answers.count("0") / len(answers) - letters.ABSENT_SHARE) < 0.07
    assert abs(answers.count("1") / len(answers) - letters.COUNT_CHANCE) < 0.07
    assert {"2", "3"} < {*answers}


def test_words_are_turned_round_and_none_reads_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = iter(["level", "noon", "boat"])
    monkeypatch.setattr(letters, "draw_word", lambda *_: next(words))
    task = letters.reversing_task(1, "sft", random.Random(0))
    assert (task.answer, task.digits, task.problem) == ("taob", 4, "word:boat")
    assert task.solution == "b-o-a-t. From the end t-a-o-b. So taob."
    assert "boat" in task.prompt


def test_spelling_is_asked_of_the_word() -> None:
    task = letters.spelling_task(2, "evaluation", random.Random(0), True)
    word = task.problem.removeprefix("word:")
    assert word in task.prompt
    assert (task.answer, task.digits) == ("-".join(word), len(word))
    assert word_split(word) == "evaluation"
