"""C4's rules: which lines go, which pages go, and what is left."""

import dataclasses

import pytest

from pipeline.filters.c4 import C4Config, clean, clean_and_measure

CONFIG = C4Config()
PROSE = "One is here. Two is here.\nThree is here. Four is here.\nFive is at the end."


def test_prose_passes_unchanged() -> None:
    assert clean(PROSE, CONFIG) == (PROSE, None)
    assert clean_and_measure(PROSE, CONFIG) == (PROSE, {"sentence_count": 5}, None)


@pytest.mark.parametrize(
    "line",
    [
        "two words",
        "",
        "Please enable JavaScript to see this.",
        "Read our Privacy Policy and more.",
        "This site uses cookies, as all do.",
        "By going on you accept the terms of use here.",
        "a very long " + "x" * 1001 + " word.",
    ],
)
def test_line_is_taken_out(line: str) -> None:
    first, rest = PROSE.split("\n", 1)
    assert clean(f"{first}\n{line}\n{rest}", CONFIG) == (PROSE, None)


def test_lines_that_stay() -> None:
    for line in ["now three words", "it has no terminal sign", "a word of " + "x" * 1000]:
        assert clean(f"{PROSE}\n{line}", CONFIG) == (f"{PROSE}\n{line}", None)


def test_lines_are_stripped_and_citations_cut() -> None:
    text, verdict = clean(
        f"{PROSE}\n\n  It was so [12] then[edit], they say [citation needed]. ", CONFIG
    )
    assert verdict is None
    assert text == f"{PROSE}\nIt was so  then, they say ."
    kept, _ = clean(
        f"{PROSE}\nIt was so [12].", dataclasses.replace(CONFIG, remove_citations=False)
    )
    assert kept.endswith("[12].")


@pytest.mark.parametrize(
    ("addition", "rule"),
    [
        ("Here is Lorem Ipsum dolor sit amet.", "lorem_ipsum"),
        ("function call() { return 1; }", "curly_bracket"),
    ],
)
def test_pages_dropped_at_a_line(addition: str, rule: str) -> None:
    page = f"{PROSE}\n{addition}"
    text, verdict = clean(page, CONFIG)
    assert text == page
    assert verdict is not None
    assert (verdict.rule, verdict.detail) == (rule, addition)
    assert clean(page, dataclasses.replace(CONFIG, **{f"drop_{rule}": False}))[1] is None


def test_order_of_rules_within_a_line() -> None:
    # a bracket on a line that goes anyway drops nothing; on a policy line it does, as in datatrove
    assert clean(PROSE + "\nx {", CONFIG)[1] is None
    assert clean(PROSE + "\nvar javascript = { a }", CONFIG)[1] is None
    policy = clean(PROSE + "\nour privacy policy { a }", CONFIG)[1]
    assert policy is not None
    assert policy.rule == "curly_bracket"


def test_sentences() -> None:
    four = PROSE.rsplit("\n", 1)[0]
    text, measured, verdict = clean_and_measure(four, CONFIG)
    assert measured == {"sentence_count": 4}
    assert text == four
    assert verdict is not None
    assert (verdict.rule, verdict.value, verdict.threshold) == ("min_sentences", 4, 5)
    assert clean(four, dataclasses.replace(CONFIG, min_sentences=4))[1] is None
    blank = clean(" \n \n", CONFIG)[1]
    assert blank is not None
    assert blank.value == 0


def test_terminal_punctuation_when_asked() -> None:
    config = dataclasses.replace(CONFIG, require_terminal_punctuation=True)
    text, verdict = clean(f"{PROSE}\nno sign at all\ntrails off at the end...", config)
    assert (text, verdict) == (PROSE, None)
