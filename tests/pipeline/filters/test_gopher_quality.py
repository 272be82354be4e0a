"""Gopher's quality rules: signals by hand, thresholds from both sides, a page for each rule."""

import dataclasses

import pytest
from judged import Dropped, judge, measured

from pipeline.filters.gopher_quality import RULES as QUALITY
from pipeline.filters.gopher_quality import GopherQualityConfig
from pipeline.filters.words import split_words

CONFIG = GopherQualityConfig()
RULES = [f.name for f in dataclasses.fields(CONFIG)]
GOOD = {
    "word_count": 200,
    "mean_word_length": 4.5,
    "hash_word_ratio": 0.0,
    "ellipsis_word_ratio": 0.0,
    "bullet_line_fraction": 0.0,
    "ellipsis_line_fraction": 0.0,
    "alphabetic_word_fraction": 0.9,
    "stop_word_count": 5,
}
SIGNAL_OF = {
    "min_words": "word_count",
    "max_words": "word_count",
    "min_mean_word_length": "mean_word_length",
    "max_mean_word_length": "mean_word_length",
    "min_stop_words": "stop_word_count",
}
SENTENCE = "We walk to the old market with our friends and buy bread there."  # 13 words and a sign


def verdict(text: str, config: GopherQualityConfig = CONFIG) -> Dropped | None:
    return judge(measured(text), QUALITY, config)


def test_signals_by_hand() -> None:
    text = "The cat, and the #1 dog...\n- to 42 …"
    words = split_words(text)
    assert words == ["The", "cat", ",", "and", "the", "#", "1", "dog", "...", "-", "to", "42", "…"]
    signals = measured(text)
    real = ["The", "cat", "and", "the", "1", "dog", "to", "42"]
    expected = {
        "word_count": len(real),
        "mean_word_length": sum(map(len, real)) / len(real),
        "hash_word_ratio": 1 / 13,
        "ellipsis_word_ratio": 2 / 13,
        "bullet_line_fraction": 1 / 2,
        "ellipsis_line_fraction": 2 / 2,
        "alphabetic_word_fraction": 6 / 13,
        "stop_word_count": 3,  # and, the, to; "The" in upper case is none
    }
    assert {name: signals[name] for name in expected} == expected


@pytest.mark.parametrize("rule", RULES)
def test_threshold_passes_and_beyond_it_drops(rule: str) -> None:
    bound, _, rest = rule.partition("_")
    signal = SIGNAL_OF.get(rule, rest)
    threshold = getattr(CONFIG, rule)
    step = 1 if isinstance(threshold, int) else 1e-9
    beyond = threshold - step if bound == "min" else threshold + step
    assert judge(GOOD, QUALITY, CONFIG) is None
    assert judge({**GOOD, signal: threshold}, QUALITY, CONFIG) is None
    dropped = judge({**GOOD, signal: beyond}, QUALITY, CONFIG)
    assert dropped is not None
    assert (dropped.rule, dropped.value, dropped.threshold) == (rule, beyond, threshold)


def pages() -> dict[str, str]:
    prose = " ".join([SENTENCE] * 8)
    return {
        "min_words": " ".join([SENTENCE] * 3),
        "max_words": " ".join([SENTENCE] * 9_000),
        "min_mean_word_length": "to be of " * 40,
        "max_mean_word_length": " ".join([SENTENCE, *["internationalization"] * 60]),
        "max_hash_word_ratio": prose + " #tag" * 16,
        "max_ellipsis_word_ratio": prose + " and so... then" * 22,
        "max_bullet_line_fraction": "\n".join(f"- {SENTENCE}" for _ in range(10)),
        "max_ellipsis_line_fraction": "\n".join(
            SENTENCE + (" …" if i % 2 else "") for i in range(10)
        ),
        "min_alphabetic_word_fraction": prose + " 1234" * 60,
        "min_stop_words": "Cats sleep outside while dogs bark loudly near that house. " * 10,
    }


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_drops_a_page_by_itself(rule: str) -> None:
    page = pages()[rule]
    dropped = verdict(page)
    assert dropped is not None
    assert dropped.rule == rule
    limit = 0 if rule.startswith("min") else 10**9
    assert verdict(page, dataclasses.replace(CONFIG, **{rule: limit})) is None


def test_prose_passes_and_no_words_do_not() -> None:
    assert verdict(" ".join([SENTENCE] * 8)) is None
    dropped = verdict("")
    assert dropped is not None
    assert dropped.rule == "min_words"
