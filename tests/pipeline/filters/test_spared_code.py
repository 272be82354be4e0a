"""Code blocks and formulas under C4's line rules: whole in the text, unseen by all judges."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judged import ENGLISH, judge
from plain_signals import plain_measure

from pipeline.filters.c4 import RULES, C4Config, C4LinesConfig, rules
from pipeline.filters.measure import MeasuredPage, SignalsConfig, measure
from pipeline.filters.words import split_words

PROSE = "One is here. Two is here.\nThree is here. Four is here.\nFive is at the end."
CODE = "def area(r):\n    if r < 0:\n\n\traise ValueError(r)  \n    return {1: '[1]'}"
OWN = {  # what sparing changes: the text, and what is said of the lines taken out
    *("removed_lines", "removed_long_word_lines", "removed_unpunctuated_lines"),
    *("removed_short_lines", "removed_javascript_lines", "removed_policy_lines"),
    *("removed_citations", "line_count"),
}


Spans = tuple[tuple[int, int], ...]


def spans_of(text: str, *pieces: str) -> Spans:
    starts = [text.index(piece) for piece in pieces]
    return tuple((start, start + len(piece)) for start, piece in zip(starts, pieces))


def cleaned(
    text: str,
    code: Spans = (),
    formulas: Spans = (),
    lines: C4LinesConfig | None = None,
    language: str = "en",
) -> MeasuredPage:
    config = SignalsConfig(lines or C4LinesConfig())
    return measure(text, language, config, ENGLISH, code, formulas)


def test_a_code_block_stays_to_the_character_while_lines_around_it_go() -> None:
    text = f"short\n{PROSE}\nMenu\n{CODE}\nhome\n  Six [2] is after it. \nbye"
    page = cleaned(text, spans_of(text, CODE))
    assert page.text == f"{PROSE}\n{CODE}\nSix  is after it."
    assert [page.text[start:end] for start, end in page.code] == [CODE]
    assert page.words == split_words(page.text)
    assert page.signals["removed_short_lines"] == page.signals["removed_lines"] == 4
    assert page.signals["removed_citations"] == 1
    assert page.signals["line_count"] == len([line for line in page.text.split("\n") if line])


@pytest.mark.parametrize(
    "line",
    [
        *(
            "}",
            "",
            "   ",
            "    x",
            "x" * 2000,
            "load javascript here now",
            "// our privacy policy is",
        ),
        *("a[1] = b[] + c[2]", "trailing space \t", "\x0cform feed", "\u2003wide"),
    ],
)
@pytest.mark.parametrize("terminal", [False, True])
def test_no_line_rule_reaches_into_a_block(line: str, terminal: bool) -> None:
    code = f"begin(a, b)\n{line}\nend(a, b)"
    text = f"{PROSE}\n{code}\n{PROSE}"
    lines = C4LinesConfig(require_terminal_punctuation=terminal)
    page = cleaned(text, spans_of(text, code), lines=lines)
    assert page.text == text
    assert page.signals["removed_lines"] == 0


def test_blocks_at_the_ends_keep_their_indentation() -> None:
    first, last = "    a\n  b", "  y\nz \t"
    text = f"{first}\n{PROSE}\n\n{last}"
    page = cleaned(text, ((0, len(first)), (len(text) - len(last), len(text))))
    assert page.text == f"{first}\n{PROSE}\n{last}"
    assert [page.text[start:end] for start, end in page.code] == [first, last]


def test_two_blocks_side_by_side_and_a_blank_one() -> None:
    text = f"{PROSE}\na\nb\n \n\nnav"
    at = len(PROSE) + 1
    page = cleaned(text, ((at, at + 1), (at + 2, at + 3), (at + 4, at + 5)))
    assert page.text == f"{PROSE}\na\nb"
    assert len(page.code) == 2
    with_newline = cleaned(text, ((at, at + 4),))  # a span that takes its last newline along
    assert with_newline.text == f"{PROSE}\na\nb"


def test_a_page_of_code_alone_has_its_lines() -> None:
    page = cleaned(CODE, ((0, len(CODE)),))
    assert page.text is CODE
    assert page.signals["line_count"] == 4
    assert page.signals["sentence_count"] < 5


def test_turned_off_a_block_is_lines_like_others() -> None:
    text = f"{PROSE}\n{CODE}"
    page = cleaned(text, spans_of(text, CODE), lines=C4LinesConfig(spare_code=False))
    assert page.text == cleaned(text).text
    assert page.code == ()


def test_braces_outside_code_and_formulas() -> None:
    formula = "$\\frac{a}{b} = [1]$"
    text = f"{PROSE}\nSo we have {formula} for all of it.\n{CODE}"
    marked = cleaned(text, spans_of(text, CODE), spans_of(text, formula))
    assert marked.signals["curly_bracket_lines"] == 0
    assert marked.signals["curly_bracket_lines_anywhere"] == 2
    assert formula in marked.text  # its "[1]" is no citation
    assert judge(marked.signals, RULES, C4Config()) is None
    strict = C4Config(braces_in_code=True)
    assert judge(marked.signals, rules(strict), strict) == ("max_curly_bracket_lines", 2, 0)
    leaked = f"{text}\nvar a = {{ b: 1 }};"
    page = cleaned(leaked, spans_of(leaked, CODE), spans_of(leaked, formula))
    assert judge(page.signals, RULES, C4Config()) == ("max_curly_bracket_lines", 1, 0)
    beside = f"{PROSE}\nSo {formula} and {{ x."  # one inside and one outside on a line
    page = cleaned(beside, (), spans_of(beside, formula))
    assert page.signals["curly_bracket_lines"] == 1


def test_a_formula_has_its_line_for_itself() -> None:
    display = "$$x^2\n+ y=1$$"
    long = "$" + "x+" * 600 + "1$"
    text = f"{PROSE}\n  {display} \nWhere {long} is long.\nnav"
    page = cleaned(text, (), spans_of(text, display, long))
    assert page.text == f"{PROSE}\n{display}\nWhere {long} is long."
    assert cleaned(text).text == PROSE
    assert page.words == split_words(page.text)


PIECES = [
    *("two words", "x", "", "  ", "this has three words.", "a { b } c", "see [1] and [2] here."),
    *("javascript is a word", "use cookies here now", "z" * 1001, "- x", "word...", "Mr. X is in."),
]


@given(st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from("pppcf")), max_size=14))
@settings(max_examples=400, deadline=None)
def test_a_page_is_judged_as_if_nothing_were_marked(lines: list[tuple[str, str]]) -> None:
    text = "\n".join(line for line, _ in lines)
    marked: dict[str, list[tuple[int, int]]] = {"c": [], "f": [], "p": []}
    at = 0
    for line, kind in lines:
        marked[kind].append((at, at + len(line)))
        at += len(line) + 1
    page = cleaned(text, tuple(marked["c"]), tuple(marked["f"]))
    after, plain = plain_measure(text, SignalsConfig(), ENGLISH)
    kept = {name: value for name, value in page.signals.items() if name not in OWN}
    kept.pop("curly_bracket_lines")
    assert kept == {name: plain[name] for name in kept}
    assert page.words == split_words(page.text)
    blocks = [line for line, kind in lines if kind == "c" and line.strip()]
    assert [page.text[start:end] for start, end in page.code] == blocks
    if not marked["c"] and not marked["f"]:
        assert page.text == after
    outside = [line for line, kind in lines if kind == "p"]
    braces = plain_measure("\n".join(outside), SignalsConfig(), ENGLISH)[1]["curly_bracket_lines"]
    assert page.signals["curly_bracket_lines"] == braces


def test_other_languages_keep_every_line_and_count_brackets_outside() -> None:
    text = f"Titel\n{CODE}\nEin Satz."
    page = cleaned(text, spans_of(text, CODE), language="de")
    assert page.text is text
    assert page.code == spans_of(text, CODE)
    assert page.signals["curly_bracket_lines"] == 0
    assert page.signals["curly_bracket_lines_anywhere"] == 1


@pytest.mark.parametrize("spans", [((0, 99),), ((2, 1),), ((-1, 2),), ((0, 3), (2, 4)), (1, 2)])
def test_spans_of_another_text_are_refused(spans: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        cleaned("some text", spans)
    with pytest.raises((ValueError, TypeError)):
        cleaned("some text", (), spans)
