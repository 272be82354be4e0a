"""Splits text into words and counts sentences, as datatrove's filters do, in C.

`split_words` follows the rules of spaCy's blank English tokenizer (MIT), which datatrove uses:
punctuation split off ("end." -> "end", "."), contractions ("do", "n't"), hyphens between letters.
Those words are English's. In every other language English contractions are no exceptions ("im" is
one word), any script's full stop is a word of its own, and scripts without spaces have a word a
sign, whatever the page's language (unspaced.py): datatrove takes a dictionary there, and
languages.py converts the thresholds that were found with it.
`sentence_count` follows spaCy's sentencizer: a sentence ends at a terminal sign that is a word of
its own, so "Mr. Smith" is not cut, "Smith.Jones" neither. The rules are in words.h; what they need
to know about characters and exceptions is told to it here, once a process.
"""

import re
import unicodedata

import numpy as np

from pipeline import unspaced
from pipeline.filters import _signals
from pipeline.filters.english_exceptions import EXCEPTIONS
from pipeline.filters.punctuation import PUNCTUATION, SENTENCE_ENDS, TERMINAL_PUNCTUATION

# what a line of a list begins with, besides Gopher's "•" and "-"; no dash, which opens speech
_BULLETS = "‣⁃▪◦●○■□◆◇・·－※★☆►▶"
_ETHIOPIC_WORD_SPACE = "\u1361"
_TIBETAN_STOPS = "།༎"
ENGLISH = "en"  # as lid.176 names it
_CASED_BLOCKS = "A-\u052f\u1e00-\u1fff"  # Latin, Greek and Cyrillic; other letters have no case
_QUOTES = "'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉⟦⟧"
_SIGNS = "…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪"
_PREFIXES = "§%=—–"
_CURRENCIES = "$£€¥฿₠-₿﷼"
_UNITS = (  # split off after a digit
    "km km² km³ m m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg g mg µg t lb oz m/s"
    " km/h kmh mph hPa Pa mbar mb MB kb KB gb GB tb TB T G M K % км км² км³ м м² м³ дм дм² дм³ см"
    " см² см³ мм мм² мм³ нм кг г мг м/с км/ч кПа Па мбар Кб КБ кб Мб МБ мб Гб ГБ гб Тб ТБ"
)


def _characters(ranges: str) -> str:
    """ "a-cx" as "abcx"."""
    spans = re.findall(r"(.)-(.)|(.)", ranges, re.DOTALL)
    return "".join(
        single or "".join(map(chr, range(ord(low), ord(high) + 1))) for low, high, single in spans
    )


_UPPER = "".join(filter(str.isupper, _characters(_CASED_BLOCKS)))
# after Diego Perini's pattern (MIT), as spaCy has it: a URL, or a bare host name, stays whole
_URL = re.compile(
    r"(?:[\w+\-.]{2,}://)?(?:\S+(?::\S*)?@)?(?:"
    r"(?!(?:10|127)(?:\.\d{1,3}){3})(?!(?:169\.254|192\.168)(?:\.\d{1,3}){2})"
    r"(?!172\.(?:1[6-9]|2\d|3[0-1])(?:\.\d{1,3}){2})"
    r"(?:[1-9]\d?|1\d\d|2[01]\d|22[0-3])(?:\.(?:1?\d{1,2}|2[0-4]\d|25[0-5])){2}"
    r"(?:\.(?:[1-9]\d?|1\d\d|2[0-4]\d|25[0-4]))"
    r"|(?:(?:[A-Za-z0-9\u00a1-\uffff][A-Za-z0-9\u00a1-\uffff_-]{0,62})?[A-Za-z0-9\u00a1-\uffff]\.)+"
    rf"(?:(?![{_UPPER}])[^\W\d_]){{2,63}})(?::\d{{2,5}})?(?:[/?#]\S*)?"
)


def split_words(text: str, language: str = "en") -> list[str]:
    """The words and punctuation signs of a text, in order, without white space."""
    return _signals.split(text, language != ENGLISH)


def sentence_count(line: str) -> int:
    """How many sentences spaCy's sentencizer would cut the line into; at least 1."""
    return _signals.count_sentences(line)


def _join_exceptions(words: list[str]) -> list[str]:
    """Join exceptions that the rules have split (":", ")" -> ":)"), the longest first."""
    candidates = [start for start, word in enumerate(words) if word in _FIRST_PARTS]
    if not candidates:
        return words
    joined: dict[int, tuple[int, tuple[str, ...]]] = {}
    taken: set[int] = set()
    for length in range(_MOST_PARTS, 1, -1):
        for start in candidates:
            if start + length > len(words):
                break
            parts = tuple(words[start : start + length])
            span = range(start, start + length)
            if parts in _TAKEN_APART:
                if span[0] not in taken and span[-1] not in taken:
                    joined[start] = (start + length, EXCEPTIONS["".join(parts)])
                taken.update(span)
    result: list[str] = []
    position = 0
    while position < len(words):
        position, parts = joined.get(position, (position + 1, (words[position],)))
        result += parts
    return result


def signs_per_ngram_word(language: str) -> int:
    """How many characters of the language's script are a word in n-grams; 0: English words."""
    return 0 if language == ENGLISH else unspaced.SIGNS_PER_NGRAM_WORD.get(language, 1)


def _beyond_ascii(sign: str) -> bool:
    return not sign.isascii()


def _character_classes() -> dict[str, str]:
    """The characters of every class that words.h uses, by its name."""
    points = np.arange(0x20, 0x1FB00)
    categories = "".join(map(unicodedata.category, unspaced.text_of(points)))
    kinds = np.frombuffer(categories.encode(), "S2")
    first_letters = kinds.view("S1")[::2]
    return {
        "upper": _UPPER,
        "lower": "".join(filter(str.islower, _characters(_CASED_BLOCKS))),
        "sign": _SIGNS,
        "quote": _QUOTES,
        "prefix": _PREFIXES,
        "currency": _characters(_CURRENCIES),
        "icon": unspaced.text_of(points[kinds == b"So"]),
        "category_p": unspaced.text_of(points[first_letters == b"P"]),
        "punctuation": PUNCTUATION + TERMINAL_PUNCTUATION,
        "terminal": TERMINAL_PUNCTUATION,
        "sentence_end": "".join(sorted(SENTENCE_ENDS)),
        "unspaced": unspaced.characters(),
        "mark": unspaced.marks(),
        "leading": unspaced.LEADING,
        "syllable_end": unspaced.SYLLABLE_ENDS,
        "stop": "".join(filter(_beyond_ascii, TERMINAL_PUNCTUATION))
        + _ETHIOPIC_WORD_SPACE
        + _TIBETAN_STOPS,
        "bullet": _BULLETS,
    }


def _taken_apart() -> dict[tuple[str, ...], None]:
    """The exceptions that contain an affix or infix, as the rules alone split them."""
    _signals.configure(_CLASSES, {}, _UNITS.split(), [], _URL.fullmatch, _join_exceptions)
    split = (tuple(split_words(exception)) for exception in EXCEPTIONS)
    return dict.fromkeys(words for words in split if len(words) > 1)


_CLASSES = _character_classes()
_TAKEN_APART = _taken_apart()
_MOST_PARTS = max(map(len, _TAKEN_APART))
_FIRST_PARTS = frozenset(parts[0] for parts in _TAKEN_APART)
_signals.configure(
    _CLASSES,
    EXCEPTIONS,
    _UNITS.split(),
    [words[:2] for words in _TAKEN_APART],
    _URL.fullmatch,
    _join_exceptions,
)
