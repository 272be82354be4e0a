"""Scripts that are written without spaces between words, and what counts as a word in them.

One table for everything that counts or compares words: the filters' signals (words.h), MinHash and
passages (dedup/fold.py), n-grams of evaluation sets (_ngrams.c). In Han and kana each character is
a word. In Thai, Lao, Khmer and Burmese each letter is one, with the vowels, tone marks and
subscripts around it: about half a real word or less. Tibetan needs no list: a mark separates its
syllables.
"""

import functools
import re
import unicodedata
from collections.abc import Iterable

import numpy as np

Ranges = tuple[tuple[int, int], ...]

_HAN_AND_KANA: Ranges = (
    (0x3005, 0x3007),  # signs of repetition, zero
    (0x303B, 0x303B),
    (0x3041, 0x3096),
    (0x309D, 0x309F),
    (0x30A1, 0x30FA),
    (0x30FC, 0x30FF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),
    (0x20000, 0x323AF),
)
_SOUTH_EAST_ASIAN: Ranges = (
    (0x0E01, 0x0E3A),  # Thai; its digits and signs of money are words as elsewhere
    (0x0E40, 0x0E4E),
    (0x0E81, 0x0ECE),  # Lao
    (0x0EDC, 0x0EDF),
    (0x1000, 0x103F),  # Burmese, with Mon, Shan and Karen
    (0x1050, 0x108F),
    (0x109A, 0x109D),
    (0x1780, 0x17D3),  # Khmer
    (0x17D7, 0x17D7),
    (0x17DC, 0x17DD),
    (0xA9E0, 0xA9EF),
    (0xA9FA, 0xA9FE),
    (0xAA60, 0xAA7F),
)
RANGES: Ranges = tuple(sorted((*_HAN_AND_KANA, *_SOUTH_EAST_ASIAN)))

# Vowels and signs after their letter that Unicode calls letters; it calls the others marks.
_FOLLOWING = "ะาำๅๆฯະາຳຽໆຯ\uff9e\uff9f"
# Thai and Lao vowels that are written before their letter, and the sign for a letter below
LEADING = "เแโใไເແໂໃໄ\u17d2\u1039"
ASAT = "\u103a"  # Burmese: the letter under it ends the syllable before
SYLLABLE_ENDS = "་༌"  # Tibetan: each belongs to the syllable that it ends
# Languages whose signs are so small that the filters' n-grams take two where others take a word.
# On 71 Thai pages of a crawl each n-gram rule then agrees on 80 to 93% of pages with what it says
# of pythainlp's words, and all of them together on 97%; with single signs on 68 to 80% and 82%.
SIGNS_PER_NGRAM_WORD = {"th": 2, "lo": 2, "km": 2, "my": 2}


def characters(ranges: Iterable[tuple[int, int]] = RANGES) -> str:
    """All characters of the ranges."""
    return "".join(text_of(np.arange(low, high + 1)) for low, high in ranges)


def text_of(points: np.ndarray) -> str:
    """The characters of code points; chr() is too slow for the hundred thousand at start-up."""
    return points.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


def marks() -> str:
    """The characters of these scripts that belong to the letter before them."""
    own = characters(_SOUTH_EAST_ASIAN)
    return _FOLLOWING + "".join(sign for sign in own if unicodedata.category(sign) in ("Mn", "Mc"))


def character_set(ranges: Ranges = RANGES) -> str:
    """The ranges as they stand in the brackets of a regular expression."""
    return "".join(f"{chr(low)}-{chr(high)}" for low, high in ranges)


def count_words(text: str) -> int:
    """The number of words; in these scripts each character with its marks is one."""
    if text.isascii() or not _sign().search(text):
        return len(text.split())
    return sum(1 for _ in _beginning().finditer(text))


def has_small_signs(text: str) -> bool:
    """Whether most letters of a text are of scripts whose characters are far less than a word."""
    if text.isascii():
        return False
    letters = sum(map(str.isalpha, text))
    return 2 * len(_small_letter().findall(text)) > letters > 0


@functools.cache
def _sign() -> re.Pattern[str]:
    return re.compile(f"[{character_set()}{SYLLABLE_ENDS}]")


@functools.cache
def _small_letter() -> re.Pattern[str]:
    return re.compile(f"(?![{re.escape(marks())}])[{character_set(_SOUTH_EAST_ASIAN)}]")


@functools.cache
def _beginning() -> re.Pattern[str]:
    """A pattern for the beginnings of words, as words.h splits them."""
    sign, mark = f"[{character_set()}]", f"[{re.escape(marks())}]"
    aside, letter = f"[^\\w\\s{character_set()}]", f"[^\\W{character_set()}]"
    return re.compile(
        f"(?<![{LEADING}])(?:(?<!{sign}){sign}|(?<={sign})(?!{mark}){sign}(?!{ASAT}))"
        f"|(?<=[{character_set()}{SYLLABLE_ENDS}]){aside}*{letter}"
        f"|(?<!\\S)(?:{aside}*{letter}|{aside}+(?!\\S))"
    )
