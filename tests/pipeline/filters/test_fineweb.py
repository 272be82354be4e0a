"""FineWeb's rules: signals by hand, thresholds from both sides, a page for each rule."""

import dataclasses

import pytest
from judged import Dropped, judge, measured

from pipeline.filters.c4 import C4LinesConfig
from pipeline.filters.fineweb import RULES as FINEWEB
from pipeline.filters.fineweb import FinewebConfig
from pipeline.filters.measure import SignalsConfig
from pipeline.filters.words import split_words

CONFIG = FinewebConfig()
UNCLEANED = SignalsConfig(C4LinesConfig(enabled=False))  # FineWeb's rules alone
GOOD = {
    "line_count": 10,
    "punctuated_line_fraction": 0.5,
    "short_line_fraction": 0.1,
    "fineweb_duplicate_line_character_fraction": 0.0,
    "newline_word_ratio": 0.05,
}
SIGNAL_OF = {
    "min_punctuated_line_fraction": "punctuated_line_fraction",
    "max_short_line_fraction": "short_line_fraction",
    "max_duplicate_line_character_fraction": "fineweb_duplicate_line_character_fraction",
    "max_newline_word_ratio": "newline_word_ratio",
}
LONG = "This line number {} is long enough not to be a short one."


def verdict(text: str, config: FinewebConfig = CONFIG) -> Dropped | None:
    return judge(measured(text, UNCLEANED), FINEWEB, config)


def test_signals_by_hand() -> None:
    text = "Short one.\n" + "x" * 30 + "\n\n" + "y" * 31 + "! \n" + "Short one."
    words = split_words(text)
    characters = 10 + 30 + 33 + 10
    expected = {
        "line_count": 4,
        "punctuated_line_fraction": 2 / 4,  # "y…! " ends in a space
        "short_line_fraction": 3 / 4,  # 30 characters are short
        "fineweb_duplicate_line_character_fraction": 10 / characters,
        "newline_word_ratio": 4 / len(words),
    }
    signals = measured(text, UNCLEANED)
    assert {name: signals[name] for name in expected} == expected
    longer = measured(text, SignalsConfig(C4LinesConfig(enabled=False), short_line_characters=33))
    assert longer["short_line_fraction"] == 1


@pytest.mark.parametrize("rule", SIGNAL_OF)
def test_threshold_passes_and_beyond_it_drops(rule: str) -> None:
    threshold = getattr(CONFIG, rule)
    beyond = threshold - 1e-9 if rule.startswith("min") else threshold + 1e-9
    assert judge(GOOD, FINEWEB, CONFIG) is None
    assert judge({**GOOD, SIGNAL_OF[rule]: threshold}, FINEWEB, CONFIG) is None
    dropped = judge({**GOOD, SIGNAL_OF[rule]: beyond}, FINEWEB, CONFIG)
    assert dropped is not None
    assert (dropped.rule, dropped.value, dropped.threshold) == (rule, beyond, threshold)


def pages() -> dict[str, str]:
    lines = [LONG.format(number) for number in range(30)]
    return {
        "min_punctuated_line_fraction": "\n".join(line.rstrip(".") for line in lines),
        "max_short_line_fraction": "\n".join(
            [*lines[:5], *[f"Only {i} of them." for i in range(20)]]
        ),
        "max_duplicate_line_character_fraction": "\n".join([*lines, lines[0]]),
        "max_newline_word_ratio": "\n".join([lines[0], "\n" * 40, lines[1], lines[2]]),
    }


@pytest.mark.parametrize("rule", SIGNAL_OF)
def test_each_rule_drops_a_page_by_itself(rule: str) -> None:
    page = pages()[rule]
    dropped = verdict(page)
    assert dropped is not None
    assert dropped.rule == rule
    limit = 0.0 if rule.startswith("min") else 10.0**9
    assert verdict(page, dataclasses.replace(CONFIG, **{rule: limit})) is None


def test_paper_and_code_differ_in_repeated_lines() -> None:
    page = pages()["max_duplicate_line_character_fraction"]  # one line of 31 said twice: 3%
    paper = dataclasses.replace(CONFIG, max_duplicate_line_character_fraction=0.1)
    assert verdict(page) is not None
    assert verdict(page, paper) is None


def test_blank() -> None:
    dropped = verdict(" \n ")
    assert dropped is not None
    assert dropped.rule == "empty"
