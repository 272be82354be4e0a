"""Look-alikes have an answer in each language, of their own and short."""

import pytest

from pipeline.curriculum.crime_in_books import EVENTS, SCENES
from pipeline.curriculum.harmless_acts import HARMLESS, HELD_OUT

ITEMS = [item for of in HARMLESS.values() for item in of]


@pytest.mark.parametrize("items", [ITEMS, SCENES, EVENTS])
def test_each_is_said_and_answered_in_three_languages(items):
    for item in items:
        assert len(item) == 6
        assert len({*item}) == 6
        for answer in item[3:]:
            assert answer.endswith(".")
            assert 2 <= len(answer.split()) <= 14
    for place in range(6):
        said = [item[place] for item in items]
        assert len({*said}) == len(said)


def test_some_topics_are_held_out():
    assert {*HELD_OUT} < {*HARMLESS}
