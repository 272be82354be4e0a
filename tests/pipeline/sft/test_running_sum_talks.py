"""Running sums as conversations: every reply right, all lengths, half of them with steps."""

import dataclasses
import random
import re
from collections import Counter

from pipeline.curriculum import final_answers
from pipeline.curriculum.held_out import is_validation
from pipeline.curriculum.running_sums import DIRECT, NEW_WORDINGS
from pipeline.curriculum.running_sums import draw as draw_problem
from pipeline.sft import conversations as stage
from pipeline.sft import running_sum_talks
from pipeline.sft.config import ConversationsConfig

MADE = running_sum_talks.conversations(count=600, most_turns=5, rng=random.Random("x"))


def test_roles_take_turns_and_every_length_comes_equally_often():
    lengths: Counter[int] = Counter()
    for talk, subject in MADE:
        assert [said.role for said in talk] == ["user", "assistant"] * (len(talk) // 2)
        assert subject == talk[0].content
        lengths[len(talk) // 2] += 1
    assert lengths.keys() == {1, 2, 3, 4, 5}
    assert min(lengths.values()) > 80


def test_replies_go_on_from_each_other():
    steps, pairs = 0, 0
    for talk, _ in MADE:
        found = re.findall(r"([a-z]+) = (-?\d+)", talk[0].content)
        values = {word: int(value) for word, value in found}
        before, *after = (int(final_answers.number(said.content) or 0) for said in talk[1::2])
        for asked, result in zip(talk[2::2], after, strict=True):
            assert result == before + sum(values[word] for word in asked.content.split(", "))
            before = result
        steps += "=" in talk[1].content
        pairs += talk[0].content.split()[-2].endswith(",")
    assert 240 < steps < 360
    assert 100 < pairs < 200


def test_a_talk_is_a_problem_with_its_replies():
    problem = draw_problem(3, "sft", random.Random(2), worked=False)
    talk = running_sum_talks.talk(problem)
    assert [said.content for said in talk[::2]] == list(problem.messages)
    assert [said.content for said in talk[1::2]] == list(problem.replies)
    assert DIRECT == "running_sum"
    begun = [wording.split("{values}")[0] for wording in NEW_WORDINGS]
    assert not any(talk[0].content.startswith(text) for talk, _ in MADE for text in begun)


def test_problems_are_of_fine_tunings_split(monkeypatch):
    asked = []

    def draw(turns, split, rng, **how):
        asked.append(split)
        return draw_problem(turns, split, rng, **how)

    monkeypatch.setattr(running_sum_talks, "draw", draw)
    running_sum_talks.conversations(count=4, most_turns=2, rng=random.Random(0))
    assert asked == ["sft"] * 4


def test_the_stage_makes_them_as_it_is_told_and_changes_no_other_source():
    config = ConversationsConfig(
        facts=0,
        reading=0,
        definitions=0,
        spelling=0,
        personas=0,
        arithmetic=20,
        small_talk=5,
        identity=5,
        refusals=5,
        harmless=5,
        chains=0,
    )
    more = dataclasses.replace(
        config, running_sums=90, running_sum_turns=6, validation_fraction=0.3
    )
    found = [item for item in stage.draft([], more) if item.source == "running_sums"]
    assert len(found) == 90
    talks = [[said for said in item.messages if said.role != "system"] for item in found]
    assert {len(talk) // 2 for talk in talks} == {1, 2, 3, 4, 5, 6}
    for item, talk in zip(found, talks):
        assert item.validation == is_validation(talk[0].content, 0.3)
    assert {item.validation for item in found} == {True, False}
    without = stage.draft([], dataclasses.replace(config, validation_fraction=0.3))

    def others(items):
        return sorted(
            repr([said for said in item.messages if said.role != "system"])
            for item in items
            if item.source not in ("running_sums", "chains")
        )

    assert others(stage.draft([], more)) == others(without)
