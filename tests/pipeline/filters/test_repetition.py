"""Gopher's repetition rules: formulas against hand-computed values, and a page for each rule."""

import dataclasses
import itertools
import random

import pytest
from judged import Dropped, judge, measured
from plain_signals import duplicate_ngram_characters

from pipeline.filters.repetition import RULES as REPETITION
from pipeline.filters.repetition import RepetitionConfig

CONFIG = RepetitionConfig()
RULES = [field.name for field in dataclasses.fields(CONFIG)]
LETTERS = "bcdfg"


def unique_words(count: int) -> list[str]:
    """Different words of five letters (5 characters, 6 with a space)."""
    return list(itertools.islice(map("".join, itertools.product(LETTERS, repeat=5)), 7, 7 + count))


def verdict(text: str, config: RepetitionConfig = CONFIG) -> Dropped | None:
    return judge(measured(text), REPETITION, config)


def top(words: list[str], n: int) -> float:
    text = " ".join(words)
    return measured(text)[f"top_{n}_gram_character_fraction"] * len(text)


def duplicate(words: list[str]) -> dict[int, int]:
    text = " ".join(words)
    signals = measured(text)
    shares = {n: signals[f"duplicate_{n}_gram_character_fraction"] for n in range(5, 11)}
    return {n: round(share * len(text)) for n, share in shares.items()}


def test_top_ngram_by_hand() -> None:
    words = list("abababc")
    assert top(words, 2) == pytest.approx(3 * 3)  # "a b" three times, three characters each
    assert top(words, 3) == pytest.approx(2 * 5)  # "a b a" and "b a b" twice
    assert top(words, 4) == pytest.approx(2 * 7)
    assert top(["xx", "y", "zzz"], 2) == pytest.approx(4)  # all occur once: the first, "xx y"
    assert top(["one"], 2) == 0


def test_duplicate_ngrams_by_hand() -> None:
    block = ["aa", "bb", "cc", "dd", "ee"]  # 10 characters
    words = [*block, "x", *block, "y", *block]
    assert duplicate(words) == {5: 20, 6: 0, 7: 0, 8: 0, 9: 0, 10: 0}
    # overlapping occurrences count once: ten equal words are one 5-gram, seen again from place 1,
    # where the scan jumps to 6 (out of reach); a 6-gram is seen again at 1 too; a 10-gram never
    same = ["w"] * 10
    assert duplicate(same) == {5: 5, 6: 6, 7: 7, 8: 8, 9: 9, 10: 0}
    assert duplicate([]) == dict.fromkeys(range(5, 11), 0)


def test_ngrams_are_compared_without_the_spaces_in_between() -> None:
    # other words, the same characters: five words of "aabbccddee" twice, cut differently
    words = ["aa", "bb", "cc", "dd", "ee", "x", "a", "abb", "cc", "dd", "ee"]
    assert duplicate(words)[5] == 10


def test_duplicate_ngrams_equal_the_plain_scan() -> None:
    rng = random.Random("ngrams")
    for _ in range(300):
        vocabulary = ["".join(rng.choices("ab", k=rng.randint(1, 3))) for _ in range(6)]
        words = rng.choices(vocabulary[: rng.randint(1, 6)], k=rng.randint(1, 60))
        expected = {n: duplicate_ngram_characters(words, n) for n in range(5, 11)}
        assert duplicate(words) == expected


def test_signals_by_hand() -> None:
    text = "one two\nthree\none two\n\nlast par\n\nlast par"
    signals = measured(text)
    assert signals["duplicate_paragraph_fraction"] == 1 / 3
    assert signals["duplicate_paragraph_character_fraction"] == 8 / len(text)
    assert signals["duplicate_line_fraction"] == 2 / 5
    assert signals["duplicate_line_character_fraction"] == 15 / len(text)
    assert signals["top_2_gram_character_fraction"] == 14 / len(text)  # "one two" twice


# every share 0, so that one rule at a time can be put at or above its threshold
CLEAN = {"extracted_characters": 100, **{rule.removeprefix("max_"): 0.0 for rule in RULES}}


@pytest.mark.parametrize("rule", RULES)
def test_threshold_passes_and_anything_above_drops(rule: str) -> None:
    threshold = getattr(CONFIG, rule)
    signal = rule.removeprefix("max_")
    assert judge({**CLEAN, signal: threshold}, REPETITION, CONFIG) is None
    dropped = judge({**CLEAN, signal: threshold + 1e-9}, REPETITION, CONFIG)
    assert dropped is not None
    assert (dropped.rule, dropped.threshold) == (rule, threshold)
    assert dropped.value == pytest.approx(threshold)
    relaxed = dataclasses.replace(CONFIG, **{rule: 1.0})
    assert judge({**CLEAN, signal: 1.0}, REPETITION, relaxed) is None


def test_empty() -> None:
    dropped = verdict("")
    assert dropped is not None
    assert dropped.rule == "empty"


def page_with_repeated_block(n: int, fraction: float) -> str:
    """One line of unique words with a block said again, which is `fraction` of the page."""
    block_words = 7 * n
    total = round(block_words * 5 / (fraction * 6))
    words = unique_words(total - block_words)
    middle = (len(words) - block_words) // 2
    return " ".join(words[: middle + block_words] + words[middle:])


def page_with_repeated_ngram(n: int, fraction: float) -> str:
    """Unique words with one n-gram strewn in between: `fraction` of the characters."""
    ngram = " ".join("zzxy"[:n])
    size = len(ngram)
    occurrences = 12
    unique = round((size * occurrences / fraction - (size + 1) * occurrences) / 6)
    words = unique_words(unique)
    step = len(words) // occurrences
    pieces = [" ".join([ngram, *words[i * step : (i + 1) * step]]) for i in range(occurrences)]
    return " ".join([*pieces, *words[occurrences * step :]])


def pages() -> dict[str, str]:
    words = unique_words(600)
    lines = [" ".join(words[i : i + 6]) for i in range(0, 600, 6)]
    made = {
        "max_duplicate_paragraph_fraction": "\n\n".join(["ab", *lines[:9], *["ab"] * 5]),
        "max_duplicate_paragraph_character_fraction": "\n\n".join([*lines[:16], *lines[:5]]),
        # two lines a paragraph, always another one: lines repeat, paragraphs do not
        "max_duplicate_line_fraction": "\n\n".join(f"ab\n{line}" for line in lines[:20]),
        "max_duplicate_line_character_fraction": "\n\n".join(
            f"{lines[0]} {lines[1]} {lines[2]}\n{a} {b} {c} {d} {e}\n{f}\n{g}"
            for a, b, c, d, e, f, g in zip(*[iter(lines[3:87])] * 7)
        ),
        "max_top_2_gram_character_fraction": page_with_repeated_ngram(2, 0.21),
        "max_top_3_gram_character_fraction": page_with_repeated_ngram(3, 0.19),
        "max_top_4_gram_character_fraction": page_with_repeated_ngram(4, 0.17),
    }
    for n in range(5, 11):
        rule = f"max_duplicate_{n}_gram_character_fraction"
        made[rule] = page_with_repeated_block(n, getattr(CONFIG, rule) + 0.005)
    return made


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_drops_a_page_that_the_rules_before_it_pass(rule: str) -> None:
    page = pages()[rule]
    dropped = verdict(page)
    assert dropped is not None
    assert dropped.rule == rule
    without = dataclasses.replace(CONFIG, **{rule: 1.0})
    later = verdict(page, without)
    assert later is None or RULES.index(later.rule) > RULES.index(rule)


def test_unique_words_pass() -> None:
    assert verdict(" ".join(unique_words(500))) is None


def test_a_text_of_one_character_is_not_empty() -> None:
    assert verdict("x") is None
    empty = verdict("")
    assert empty is not None
    assert empty.rule == "empty"
