"""Is an answer one of the right ones? By normalised text and by number, without a judge.

In: an answer and the right answer with its aliases. Out: whether it is exactly one of them, holds
one, or holds one and no other candidate. Texts are compared as TriviaQA's evaluation compares them
(mandarjoshi90/triviaqa, evaluation/triviaqa_evaluation.py: case, punctuation, articles, white
space), and, as Unicode has several ways to write one letter, without marks on letters and in
compatible forms; marks of Han, kana, Thai, Lao, Khmer and Burmese stay, since they make another
word there. Two deviations: a value must be held as whole words ("ham" is not in "Hamburg"), where
a script has no spaces as `word_borders` tells, and numbers are compared by value, in the forms of
`numerals` and in English words up to ninety-nine. An answer that offers several candidates is
wrong, as SimpleQA's grader has it. Which ones it offers is read in scripts without spaces from the
left, the longest first (forward maximum matching, the plainest way to find words by a list): 東京都
offers 東京, and not 京都.
"""

import re
import unicodedata
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from pipeline.curriculum import numerals, word_borders
from pipeline.curriculum.dont_know import says_so
from pipeline.unspaced import character_set

AnswerType = Literal["correct", "wrong", "idk"]

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
# Letters that no Unicode form takes apart, as people type them without their keys.
_PLAIN = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}
)
_SPACE = r"\s"  # what parts words that are normalised
# Marks on them tell words apart: kana's voice, Thai tones, Khmer and Burmese letters below others.
_MARKED = frozenset("\u3099\u309a")
_SIGN = re.compile(f"[{character_set()}]")
_APOSTROPHES = str.maketrans(dict.fromkeys("'’‘ʼ´`", "'"))
_UNITS = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen
"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
WORDS = {word: value for value, word in enumerate(_UNITS.split())}
WORDS |= {ten: 10 * value for value, ten in enumerate(_TENS.split(), 2)}
WORDS |= {
    f"{ten} {unit}": 10 * tens + ones
    for tens, ten in enumerate(_TENS.split(), 2)
    for ones, unit in enumerate(_UNITS.split()[1:10], 1)
}


# Candidates of a relation are held against answer after answer.
@lru_cache(maxsize=1 << 16)
def normalise(text: str) -> str:
    """Lower case, without marks, punctuation, articles and doubled white space."""
    text = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES).casefold())
    text = "".join(c for c in text if not unicodedata.combining(c) or _tells(c)).translate(_PLAIN)
    text = re.sub(r"(?<=\w)'(?=\w)(?!s\b)", "", text)  # O'Brien is OBrien, Hale's holds Hale
    text = "".join(c if unicodedata.category(c)[0] in "LNM" else " " for c in text)
    return unicodedata.normalize("NFC", " ".join(_ARTICLES.sub(" ", text).split()))


def number_of(text: str) -> Fraction | None:
    """The value of a text that is one number and no more, in digits or words; else None."""
    stripped = text.strip().rstrip(".!")
    found = numerals.whole(stripped)
    if found is not None:
        return found
    word = WORDS.get(normalise(stripped))
    return None if word is None else Fraction(word)


def holds(answer: str, golds: Sequence[str]) -> bool:
    """Whether an answer holds one of the right ones as whole words, or a number of that value."""
    return any(_spans(answer, gold) for gold in golds)


def holds_alone(answer: str, golds: Sequence[str], others: Sequence[str] = ()) -> bool:
    """Whether an answer holds a right one, and beside it no other candidate.

    Args:
        answer: the model's.
        golds: the right answer and its aliases.
        others: wrong answers that the model might offer as well. Those within a right one
            ("Hale" beside "Port Hale") count where they stand apart from it.
    """
    if not holds(answer, golds):
        return False
    if any(number_of(gold) is not None for gold in golds):
        return not any(_spans(answer, other) for other in others if not holds(other, golds))
    text = normalise(answer)
    rights = [normalise(gold) for gold in golds]
    rivals = [normalise(other) for other in others]
    if word_borders.has_other_borders(text):
        return _offered(text, {*rights, *rivals}) <= {*rights}
    rest = f" {text} "
    for gold in sorted(rights, key=len, reverse=True):
        rest = rest.replace(f" {gold} ", " | ")
    return not any(f" {rival} " in rest for rival in rivals if rival)


def answer_type(
    answer: str, golds: Sequence[str], others: Sequence[str] = (), question: str = ""
) -> AnswerType:
    """What an answer is: "I don't know" if it says so, whatever else it holds; correct or wrong.

    Args:
        answer: the model's.
        golds: the right answer and its aliases.
        others: see `holds_alone`; candidates that the question itself names don't count.
        question: tells an echo of it from an answer.
    """
    if says_so(answer, question):
        return "idk"
    asked = normalise(question)
    rivals = [other for other in others if not _stands_in(asked, normalise(other))]
    return "correct" if holds_alone(answer, golds, rivals) else "wrong"


def _spans(answer: str, gold: str) -> bool:
    wanted = number_of(gold)
    if wanted is None:
        return _stands_in(normalise(answer), normalise(gold))
    if any(found.value == wanted for found in numerals.scan(answer)):
        return True
    word = next((word for word, value in WORDS.items() if value == wanted), None)
    # "one" is a pronoun as well: in words only an answer that is nothing but the number counts.
    return word is not None and number_of(answer) == wanted


def _stands_in(text: str, words: str) -> bool:
    """Whether a normalised text holds normalised words."""
    if f" {words} " in f" {text} ":
        return bool(words)
    # Most candidates are nowhere in a text, and need no pattern.
    return (
        bool(words)
        and words in text
        and word_borders.has_other_borders(text)
        and re.search(_pattern(words, text), text) is not None
    )


def _offered(text: str, candidates: set[str]) -> set[str]:
    """Which candidates a normalised text offers: from the left, of several the longest."""
    there = sorted((each for each in candidates if each and each in text), key=len, reverse=True)
    whole = "|".join(_pattern(each, text) for each in there)
    return set(re.findall(whole, text)) if there else set()


def _pattern(words: str, text: str) -> str:
    """Finds normalised words in a normalised text, where only spaces part words."""
    start = word_borders.before(words, text, _SPACE)
    return f"{start}{re.escape(words)}{word_borders.after(words, text, _SPACE)}"


def _tells(mark: str) -> bool:
    """Whether a mark on a letter makes another letter of it, rather than another way to say it."""
    return mark in _MARKED or _SIGN.match(mark) is not None
