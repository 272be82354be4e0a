"""Which pages hold a run of a text's words."""

from typing import Any

import pytest
from known_lake import BY_HEART, Unindexed

from flows.cli.served_lake import ServedLake
from pipeline.serve.pages.passage_sources import WORDS, sources_of
from storage import Lake

RUN = "letters, apples and two old dogs that nobody ever paid for"


@pytest.mark.parametrize("by_index", [True, False])
def test_the_page_with_the_longest_run(known_lake: Lake, by_index: bool) -> None:
    shown = ServedLake(known_lake)
    asked: Any = shown if by_index else Unindexed(shown)
    found = sources_of(asked, f"{RUN.upper() if by_index else RUN} is what she said.")
    assert [(one.id, one.words) for one in found] == [(f"{7:032x}", 11)]
    assert found[0].run == RUN
    assert found[0].before.endswith("It carries ")
    assert found[0].after.startswith(". On Sundays it")
    assert found[0].before + found[0].run + found[0].after in BY_HEART
    shown.close()


@pytest.mark.parametrize("by_index", [True, False])
def test_a_language_without_spaces(known_lake: Lake, by_index: bool) -> None:
    shown = ServedLake(known_lake)
    asked: Any = shown if by_index else Unindexed(shown)
    (one,) = sources_of(asked, "他在那里的一家小餐馆工作了很多年")
    assert (one.run, one.words) == ("他在那里的一家小餐馆工作了很多年", 16)
    assert (one.before, one.after[:1]) == ("张伟出生于北京。", "。")
    shown.close()


def test_the_longest_run_comes_first(known_lake: Lake) -> None:
    shown = ServedLake(known_lake)
    found = sources_of(shown, f"Nobody doubts that Hale is where Ada Abel grew up, {RUN}")
    assert [(one.id, one.words) for one in found] == [(f"{7:032x}", 11), (f"{2:032x}", 10)]
    shown.close()


def test_other_endings_end_a_run(known_lake: Lake) -> None:
    """The index finds "old" by "olds", and the words are two runs of four."""
    shown = ServedLake(known_lake)
    assert sources_of(shown, "letters apples and two olds dogs that nobody") == []
    shown.close()


def test_a_short_text_and_a_strange_one_come_from_nowhere(known_lake: Lake) -> None:
    shown = ServedLake(known_lake)
    few = " ".join(RUN.split()[: WORDS - 1])
    assert sources_of(shown, few) == []
    assert sources_of(shown, f"strange {few} strange words all the way down here") == []
    shown.close()
