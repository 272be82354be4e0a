"""C4's rules: which lines go, which pages go, and what is left."""

import dataclasses
from typing import Any

import pytest
from judged import ENGLISH, Dropped, judge

from pipeline.filters.c4 import RULES, C4Config, C4LinesConfig
from pipeline.filters.measure import MeasuredPage, SignalsConfig, measure

LINES = C4LinesConfig()
CONFIG = C4Config()
PROSE = "One is here. Two is here.\nThree is here. Four is here.\nFive is at the end."


def cleaned(text: str, lines: C4LinesConfig = LINES) -> MeasuredPage:
    return measure(text, "en", SignalsConfig(lines), ENGLISH)


def verdict(text: str, config: C4Config = CONFIG, lines: C4LinesConfig = LINES) -> Dropped | None:
    return judge(cleaned(text, lines).signals, RULES, config)


def test_prose_passes_unchanged() -> None:
    page = cleaned(PROSE)
    assert page.text is PROSE
    assert page.signals["sentence_count"] == 5
    assert page.signals["removed_lines"] == 0
    assert verdict(PROSE) is None


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("two words", "short"),
        ("", "short"),
        ("Please enable JavaScript to see this.", "javascript"),
        ("Read our Privacy Policy and more.", "policy"),
        ("This site uses cookies, as all do.", "policy"),
        ("This site uses coo\u212aies, as all do.", "policy"),  # the Kelvin sign is a k
        ("By going on you accept the terms of use here.", "policy"),
        ("a very long " + "x" * 1001 + " word.", "long_word"),
    ],
)
def test_line_is_taken_out(line: str, kind: str) -> None:
    first, rest = PROSE.split("\n", 1)
    page = cleaned(f"{first}\n{line}\n{rest}")
    assert page.text == PROSE
    assert page.words == cleaned(PROSE).words
    assert page.signals["removed_lines"] == page.signals[f"removed_{kind}_lines"] == 1


def test_lines_that_stay() -> None:
    for line in ["now three words", "it has no terminal sign", "a word of " + "x" * 1000]:
        assert cleaned(f"{PROSE}\n{line}").text == f"{PROSE}\n{line}"


def test_lines_are_stripped_and_citations_cut() -> None:
    text = f"{PROSE}\n\n  It was so [12] then[edit], they say [citation needed]. "
    page = cleaned(text)
    assert page.text == f"{PROSE}\nIt was so  then, they say ."
    assert page.words[-8:] == ["It", "was", "so", "then", ",", "they", "say", "."]
    assert page.signals["removed_citations"] == 3
    kept = cleaned(f"{PROSE}\nIt was so [12].", dataclasses.replace(LINES, remove_citations=False))
    assert kept.text.endswith("[12].")


@pytest.mark.parametrize(
    ("addition", "rule"),
    [
        ("Here is Lorem Ipsum dolor sit amet.", "max_lorem_ipsum_lines"),
        ("function call() { return 1; }", "max_curly_bracket_lines"),
    ],
)
def test_pages_dropped_for_a_line(addition: str, rule: str) -> None:
    page = f"{PROSE}\n{addition}"
    assert cleaned(page).text == page
    assert verdict(page) == (rule, 1, 0)
    one: dict[str, Any] = {rule: 1}
    assert verdict(page, dataclasses.replace(CONFIG, **one)) is None


def test_order_of_rules_within_a_line() -> None:
    # a bracket on a line that goes anyway drops nothing; on a policy line it does, as in datatrove
    assert verdict(PROSE + "\nx {") is None
    assert verdict(PROSE + "\nvar javascript = { a }") is None
    policy = verdict(PROSE + "\nour privacy policy { a }")
    assert policy is not None
    assert policy.rule == "max_curly_bracket_lines"


def test_sentences() -> None:
    four = PROSE.rsplit("\n", 1)[0]
    assert cleaned(four).signals["sentence_count"] == 4
    assert verdict(four) == ("min_sentences", 4, 5)
    assert verdict(four, dataclasses.replace(CONFIG, min_sentences=4)) is None
    assert verdict(" \n \n") == ("min_sentences", 0, 5)


def test_terminal_punctuation_when_asked() -> None:
    lines = dataclasses.replace(LINES, require_terminal_punctuation=True)
    page = cleaned(f"{PROSE}\nno sign at all\ntrails off at the end...", lines)
    assert page.text == PROSE
    assert page.signals["removed_unpunctuated_lines"] == 2


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Überschrift\n\n Ein Satz steht hier.[1] \nNoch einer."),  # short headings stay
        ("zh", "灯塔的历史\n灯塔最早建于十二世纪。\n" + "塔" * 1500),
        ("ja", "灯台の歴史\n昨日の午後、講演会が開かれました。"),
        ("th", "ประวัติ\nเมื่อวานตอนบ่ายที่ห้องสมุด"),
        ("und", "x\ny"),
    ],
)
def test_lines_are_taken_out_of_english_alone(language: str, text: str) -> None:
    page = measure(text, language, SignalsConfig(), ENGLISH)
    assert page.text is text
    assert page.signals["removed_lines"] == page.signals["removed_citations"] == 0
    one = SignalsConfig(C4LinesConfig(languages=(language,)))
    assert measure(f"nav\n{PROSE}", "en", one, ENGLISH).text == f"nav\n{PROSE}"


@pytest.mark.parametrize(
    ("line", "stays"),
    [
        ("灯塔的历史", True),  # five signs are five words
        ("灯塔", False),
        ("2024年 灯", True),  # a number and two signs
        ("ประวัติ", True),
        ("塔" * 1500, True),  # and no word of 1,500 characters
        ("塔" + "x" * 1001 + "塔 塔", False),
        ("zwei Wörter", False),
        ("drei kurze Wörter", True),
        ("học sinh giỏi", True),  # syllables
        ("한국어 두", False),  # spaces
        ("", False),
    ],
)
def test_what_a_word_is_where_all_languages_are_asked_for(line: str, stays: bool) -> None:
    every = SignalsConfig(C4LinesConfig(languages=()))
    page = measure(f"第一行有很多字。\n{line}", "zh", every, ENGLISH)
    assert page.text == (f"第一行有很多字。\n{line}" if stays else "第一行有很多字。")


@pytest.mark.parametrize(
    ("line", "language", "stays"),
    [
        *[(f"one two three{end}", "en", True) for end in (".", "?", "!", '"', "'")],
        *[(f"one two three{end}", "en", False) for end in ("", "。", "...", "…", ".)")],
        *[(f"一二三{end}", "zh", True) for end in ("。", "！", "？", "。」", "！”", "?", "。）")],
        *[(f"一二三{end}", "zh", False) for end in ("", "，", "、", "……", "。。。", "...")],
        ("यह एक वाक्य है।", "hi", True),
        ("یہ ایک جملہ ہے۔", "ur", True),
        ("هل هذا صحيح حقا؟", "ar", True),
        ("សួស្តី ពិភព លោក។", "km", True),
        ("မင်္ဂလာပါ ကမ္ဘာ လောက။", "my", True),
        ("Сказал он тихо: «Да, конечно!»", "ru", True),
        ("Und das war noch", "de", False),
        ("เมื่อวานตอนบ่าย", "th", True),  # Thai has no full stop
        ("เมื่อวานตอนบ่าย ฯลฯ ...", "th", False),
    ],
)
def test_terminal_punctuation_of_every_script(line: str, language: str, stays: bool) -> None:
    lines = C4LinesConfig(languages=(), require_terminal_punctuation=True)
    page = measure(line, language, SignalsConfig(lines), ENGLISH)
    assert page.text == (line if stays else "")


def test_turned_off_the_text_stays_and_lines_are_counted() -> None:
    text = f"\n{PROSE}\n\n two {{ \nRead our privacy policy.\n"
    page = cleaned(text, dataclasses.replace(LINES, enabled=False))
    assert page.text is text
    assert page.signals["removed_lines"] == 0
    assert page.signals["curly_bracket_lines"] == 1
    assert page.signals["line_count"] == 5
