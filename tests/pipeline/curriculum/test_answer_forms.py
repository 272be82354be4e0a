"""Instructions about an answer's form, judged on hand-written answers.

The cases are IFEval's definitions and its own tests (arXiv 2311.07911; google-research's
instructions_test.py), and what users of its checkers report: substrings counted as keywords
(modelscope/evalscope#1755), contractions and hyphens as two words (fossasia/eventyay#2591,
Kirozen/vsce-wordcounter#20 and #23), bold titles as bullets (allenai/open-instruct#1765,
LiveBench#468), more bullets than asked for (thinking-machines-lab/tinker-cookbook#911), fences
around JSON (mlcommons/mobile_app_open#1093), case and quotation marks at the end
(allenai/open-instruct#1770), a loose score below the strict one (allenai/olmo-eval#296).
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curriculum.answer_forms import (
    KINDS,
    Instruction,
    bullets,
    forms,
    loose,
    strict,
    times,
    words,
)

END = Instruction("end_phrase", text="Any other questions?")
THREE_WORDS = Instruction("word_count", count=3)
LOWER = Instruction("lower_case")
NO_COMMAS = Instruction("no_commas")
ART_TWICE = Instruction("keyword_count", text="art", count=2)
JSON = Instruction("json_object")
TWO_POINTS = Instruction("bullet_count", count=2)
QUOTED = Instruction("quotation")

ANSWERS = [
    # IFEval's own test, then case, white space, quotation marks, more words, a longer word
    (END, "The answer is 7. Any other questions?", True),
    (END, "\n  The answer is 7. Any other questions?\n  ", True),
    (END, "The answer is 7. ANY OTHER QUESTIONS?", True),
    (END, '"The answer is 7. Any other questions?"', True),
    (END, "“The answer is 7. Any other questions?”", True),
    (END, "Any other questions? No.", False),
    (END, "Any other questions", False),
    (END, "Any other questions? Thanks!", False),
    (END, "Many other questions?", False),
    (END, "Any other\nquestions?", False),
    # words
    (THREE_WORDS, "Three short words.", True),
    (THREE_WORDS, "I don't know", True),
    (THREE_WORDS, "I don’t know", True),
    (THREE_WORDS, "A well-known town", True),
    (THREE_WORDS, "state-of-the-art mills there", True),
    (THREE_WORDS, "Item 06: 87,334.67", True),
    (THREE_WORDS, "one - two ; three", True),
    (THREE_WORDS, "about 3.14 metres", True),
    (THREE_WORDS, "See https://example.com/test-case now", True),
    (THREE_WORDS, "one\ntwo\n\nthree", True),
    (THREE_WORDS, "Zwei größere Städte!", True),
    (THREE_WORDS, "only two", False),
    (THREE_WORDS, "these are four words", False),
    (THREE_WORDS, "one two . . .", False),
    # lower case: IFEval's own pair, then no letter at all, names, other scripts
    (LOWER, "every letter is lowercase.", True),
    (LOWER, "Almost every letter is lowercase.", False),
    (LOWER, "it has 3 mills & a bridge!", True),
    (LOWER, "she lives in paris, not in Rome.", False),
    (LOWER, "USA", False),
    (LOWER, "12 + 7 = 19", False),
    (LOWER, "là-bas, été", True),
    (LOWER, "à l'École", False),
    (LOWER, "привет Мир", False),
    # commas: IFEval's own pair, then numbers and other scripts' commas
    (NO_COMMAS, "Every sentence is short. There is no need for a comma.", True),
    (NO_COMMAS, "Since the start of time, people have always found a way to punctuate.", False),
    (NO_COMMAS, "It has 12,400 inhabitants.", False),
    (NO_COMMAS, "It has 12.400 inhabitants; they say.", True),
    (NO_COMMAS, "你好，世界", False),
    (NO_COMMAS, "一、二", False),
    (NO_COMMAS, "نعم، لا", False),
    # a word so many times
    (ART_TWICE, "Art is long. I like art.", True),
    (ART_TWICE, "art, ART", True),
    (ART_TWICE, '"Art" and (art)!', True),
    (ART_TWICE, "smart people start art", False),
    (ART_TWICE, "Art is art is art.", False),
    (ART_TWICE, "The arts are not an art.", False),
    (ART_TWICE, "**art** and _the_ art", True),
    (ART_TWICE, "artart", False),
    # JSON
    (JSON, '{"town": "Hale"}', True),
    (JSON, '  {"town": "Hale", "mills": [1, 2]}\n', True),
    (JSON, '```json\n{"town": "Hale"}\n```', True),
    (JSON, '```JSON\n{"town": "Hale"}\n```', True),
    (JSON, '```\n{"town": "Hale"}\n```', True),
    (JSON, "{}", True),
    (JSON, '["Hale"]', False),
    (JSON, "7", False),
    (JSON, '"Hale"', False),
    (JSON, "null", False),
    (JSON, "{'town': 'Hale'}", False),
    (JSON, '{"town": "Hale",}', False),
    (JSON, '{"length": NaN}', False),
    (JSON, '{"town": "Hale"} I hope this helps.', False),
    (JSON, '{"town": "Hale"', False),
    (JSON, "[" * 100_000, False),
    (JSON, '{"n": ' + "1" * 5_000 + "}", False),
    # points of a list: IFEval's own messages 1 to 5, shortened
    (TWO_POINTS, "Start each line with an asterisk (*):\n* One.\n*(no space required)Two.", True),
    (TWO_POINTS, "inline asterisk (*), *, will not count:\n  * One.\n  * Two.\n  . no", True),
    (TWO_POINTS, "Here:\n- One, also known as first.\n-Two, the second.", True),
    (TWO_POINTS, "Paragraph 1\n***\nParagraph 2\n***\n* only one bullet point", False),
    (TWO_POINTS, "**Title**\n- One\n- Two", True),
    (TWO_POINTS, "**Bold** start\n**Bold** again", False),
    (TWO_POINTS, "*Note* this\n*and* that", False),
    (TWO_POINTS, "---\n- One\n- Two\n---", True),
    (TWO_POINTS, "* * *\n* One\n* Two\n- - -", True),
    (TWO_POINTS, "+ One\n+ Two", True),
    (TWO_POINTS, "1. One\n2. Two", False),
    (TWO_POINTS, "- One\n- Two\n- Three", False),
    (TWO_POINTS, "- One\n  - Two", True),
    (TWO_POINTS, "It was\n-5 degrees and\n-7 at night", False),
    (TWO_POINTS, "- One - with a dash\nand - no point", False),
    (TWO_POINTS, "- One\n-\n- Two", True),
    # quotation marks: IFEval's own pair, then one mark, single ones, typographic ones
    (QUOTED, '\n  "This entire message is wrapped in double quotation marks."\n', True),
    (QUOTED, '"This message is wrapped in double quotation marks." But not everything.', False),
    (QUOTED, '"', False),
    (QUOTED, '""', False),
    (QUOTED, "'It is Hale.'", False),
    (QUOTED, "“It is Hale.”", True),
    (QUOTED, "„Es ist Hale.“", True),
    (QUOTED, '"She said "Hale"."', True),
    (QUOTED, 'It is "Hale"', False),
    (QUOTED, '"It is Hale. \n"', True),
]


def test_the_table_is_large_enough_and_has_both_verdicts_of_every_kind():
    assert len(ANSWERS) >= 60
    verdicts = {(instruction.kind, followed) for instruction, _, followed in ANSWERS}
    assert verdicts == {(kind, followed) for kind in KINDS for followed in (True, False)}


@pytest.mark.parametrize(("instruction", "answer", "followed"), ANSWERS)
def test_an_answer_is_judged_as_the_words_say(instruction, answer, followed):
    assert strict(instruction, answer) is followed


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_answer_follows_nothing(kind):
    instruction = Instruction(kind, text="", count=0)
    for answer in ("", "  \n ", "\n\n"):
        assert not strict(instruction, answer)
        assert not loose(instruction, answer)


# first line, last line, both, asterisks: the paper's reasons for its eight forms
@pytest.mark.parametrize(
    ("instruction", "answer"),
    [
        (JSON, 'Sure, here it is:\n{"town": "Hale"}'),
        (JSON, '{"town": "Hale"}\nI hope this helps!'),
        (JSON, 'Sure!\n{"town": "Hale"}\nI hope this helps!'),
        (END, "It is Hale. **Any other questions?**"),
        (QUOTED, '**"It is Hale."**'),
        (THREE_WORDS, "Here is my answer\nThree short words."),
        (LOWER, "Sure:\nit is hale."),
        (NO_COMMAS, "Yes, of course:\nIt is Hale."),
        (TWO_POINTS, "- a list\n- One\n- Two"),
    ],
)
def test_what_is_followed_but_for_a_frame_is_followed_loosely(instruction, answer):
    assert not strict(instruction, answer)
    assert loose(instruction, answer)


def test_what_is_not_followed_in_any_form():
    assert not loose(JSON, 'Sure!\nReally:\n{"town": "Hale"}')
    assert not loose(LOWER, "It is Hale.")


def test_the_eight_forms_are_the_papers():
    assert forms("*a*\nb*\nc") == [
        "*a*\nb*\nc",
        "b*\nc",
        "*a*\nb*",
        "b*",
        "a\nb\nc",
        "b\nc",
        "a\nb",
        "b",
    ]
    assert forms("one") == ["one", "", "", "", "one", "", "", ""]


@given(
    st.sampled_from(KINDS),
    st.text(alphabet='aB ,.*"-\n{}1', max_size=30),
    st.integers(0, 3),
    st.sampled_from(["a", "ba"]),
)
def test_strict_implies_loose(kind, answer, count, text):
    instruction = Instruction(kind, text=text, count=count)
    assert loose(instruction, answer) >= strict(instruction, answer)


@given(st.lists(st.sampled_from(["hill", "don't", "well-known", "12,400", "été"]), max_size=12))
def test_words_are_counted_one_by_one(found):
    assert words("  ".join(found)) == len(found)
    assert times("hill", " ".join(found)) == found.count("hill")
    assert bullets("\n".join(f"* {word}" for word in found)) == len(found)


def test_an_unknown_kind_is_an_error():
    with pytest.raises(ValueError, match="unknown instruction 'rhyme'"):
        strict(Instruction("rhyme"), "anything")
