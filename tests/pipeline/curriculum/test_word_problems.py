"""Stories tell the steps that are worked, no number leaves its range, new stories share nothing."""

import dataclasses
import random
import re

import pytest

from pipeline.curriculum import word_problems as w


@pytest.mark.parametrize("level", range(1, w.LEVELS + 1))
@pytest.mark.parametrize("new_wording", [False, True])
def test_every_step_is_right_told_and_in_range(level: int, new_wording: bool) -> None:
    rng = random.Random(level)
    kinds = set()
    for _ in range(300):
        task = w.task(level, "rl", rng, new_wording)
        asked = [story.question.partition("{things}")[2].split("{")[0] for story in w.NEW_TOLD]
        assert any(text in task.prompt for text in asked) == new_wording
        assert any(f" {thing}" in task.prompt for thing in w.NEW_THINGS) == new_wording
        steps = re.findall(r"(\d+) ([-+*/]) (\d+) = (\d+)\.", task.solution)
        assert len(steps) == level
        at = int(re.findall(r"\d+", task.prompt)[0])
        told = [int(text) for text in re.findall(r"\d+", task.prompt)][1:]
        for before, sign, by, after in steps:
            assert int(before) == at
            done = {"+": at + int(by), "-": at - int(by), "*": at * int(by), "/": at / int(by)}
            assert done[sign] == int(after)
            assert 0 <= int(after) <= w.MOST_RESULT
            if sign in "+-":
                assert told.pop(0) == int(by)
            at = int(after)
            kinds.add(sign)
        assert not told
        assert task.answer == str(at)
        assert task.answer != re.findall(r"\d+", task.prompt)[-1]  # an echo's last number
    assert kinds == {*"+-*/"}


def test_known_steps() -> None:
    steps = [("+", 5), ("double", 0), ("-", 4), ("half", 0)]
    assert w.results(12, steps) == [12, 17, 34, 30, 15]
    said = "12 + 5 = 17. 17 * 2 = 34. 34 - 4 = 30. 30 / 2 = 15. So 15."
    assert w.worked(12, steps) == said


def test_new_stories_share_no_sentence_and_no_thing() -> None:
    trained = {text for story in w.TOLD for text in dataclasses.astuple(story)}
    new = {text for story in w.NEW_TOLD for text in dataclasses.astuple(story)}
    assert not trained & new
    assert not {*w.THINGS} & {*w.NEW_THINGS}
    for story in (*w.TOLD, *w.NEW_TOLD):
        for text in (story.beginning, story.more, story.fewer):
            assert "{n}" in text
        assert "{n}" not in story.double + story.half + story.question
        assert "{things}" in story.question
