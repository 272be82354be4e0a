"""How much of a page's text is adult or abusive, by its words: for pages whose address is clean.

`signals(words, text, language)` counts; thresholds are applied later on the stored columns. The
words are in `toxicity_words`. Words that innocent pages use too ("sexual", "cock", "naked") count
only on a page with three different unambiguous words, or with four different vulgar ones, so that
law, medicine, scripture and novels pass. Shares are of at least 200 words, so that one word does
not drop a short page.
"""

import dataclasses
import functools
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from pipeline import ranges
from pipeline.filters.decide import Rule
from pipeline.filters.measure import WordSet, word_set
from pipeline.filters.toxicity_words import (
    ADULT_ABROAD,
    ADULT_PHRASES,
    AMBIGUOUS,
    MILD,
    MORE_ADULT,
    MORE_TOXIC,
    TOXIC,
    VULGAR,
)
from pipeline.filters.url_lists import assets_folder, word_list


@dataclasses.dataclass(frozen=True)
class ToxicityConfig:
    """Largest share of a page's words; 1 drops nothing. Ours, from pages of a crawl and made ones.

    Of 12,360 pages of a crawl none is dropped; the most that one has is 0.0025 adult, and 0.0069
    toxic (a chapter of Huckleberry Finn) but for one of 0.015 (a server's settings, full of oaths).
    """

    max_toxic_word_fraction: float = 0.02
    max_adult_word_fraction: float = 0.01

    def __post_init__(self) -> None:
        ranges.check(self)


RULES = (
    Rule("max_toxic_word_fraction", "toxic_word_fraction", "above", "max_toxic_word_fraction"),
    Rule("max_adult_word_fraction", "adult_word_fraction", "above", "max_adult_word_fraction"),
)

_SURE_WORDS = 3  # different unambiguous words, from which on the ambiguous ones count as well
_LEAST_WORDS = 200  # the denominator of shares, if the page has fewer words
_PHRASE_WORDS = 2  # how many words a phrase counts for: characters or syllables are words there
_VULGAR_WORDS = 4  # or so many different vulgar ones
_ADULT, _MAYBE_ADULT, _TOXIC, _MAYBE_TOXIC, _VULGAR = 1, 2, 4, 8, 16


def signals(words: Sequence[str], text: str = "", language: str = "en") -> dict[str, float | int]:
    """The four signals of a page; the text is only needed for languages without word spaces."""
    return signals_of(Counter(words), len(words), text, language)


def signals_of(
    counts: Mapping[str, int], total: int, text: str = "", language: str = "en"
) -> dict[str, float | int]:
    """The same from the counts of the words that `listed` names, of `total` words in all."""
    lexicon = _lexicon(_abroad(language))
    adult = toxic = 0
    kinds = {word: lexicon[word] for word in sorted(counts) if word in lexicon}
    if kinds:
        sure = _different(kinds, _ADULT)
        vulgar = _different(kinds, _VULGAR)
        maybe = _MAYBE_ADULT if len(sure) >= _SURE_WORDS or len(vulgar) >= _VULGAR_WORDS else 0
        adult = sum(counts[word] for word, kind in kinds.items() if kind & (_ADULT | maybe))
        sure = _different(kinds, _TOXIC)
        maybe = _MAYBE_TOXIC if len(sure) >= _SURE_WORDS else 0
        toxic = sum(counts[word] for word, kind in kinds.items() if kind & (_TOXIC | maybe))
    if phrases := _phrases(language):
        adult += _PHRASE_WORDS * len(phrases.findall(text))
    size = max(total, _LEAST_WORDS)
    return {
        "toxic_words": toxic,
        "toxic_word_fraction": toxic / size,
        "adult_words": adult,
        "adult_word_fraction": adult / size,
    }


def listed(language: str) -> WordSet:
    """The words whose counts `signals_of` needs, as measure.py takes them."""
    return _word_set(_abroad(language))


@functools.cache
def _word_set(language: str) -> WordSet:
    return word_set(tuple(_lexicon(language)))


def _abroad(language: str) -> str:
    """The language if it has words of its own here, else "": all others share one lexicon."""
    return language if language in ADULT_ABROAD else ""


def _different(kinds: dict[str, int], wanted: int) -> set[str]:
    return {word.lower() for word, kind in kinds.items() if kind & wanted}


@functools.cache
def _lexicon(language: str) -> dict[str, int]:
    """Word -> kinds, in lower case, capitalised and in capitals; English words count anywhere."""
    folder = assets_folder()
    listed = {*word_list(folder / "banned_words.txt"), *word_list(folder / "soft_banned_words.txt")}
    kinds: dict[str, int] = {}
    for word in sorted(listed | AMBIGUOUS | TOXIC | MORE_ADULT | MORE_TOXIC):
        kind = 0
        if word in TOXIC or word in MORE_TOXIC:
            kind |= _MAYBE_TOXIC if word in MILD else _TOXIC
        if word in AMBIGUOUS:
            kind |= _MAYBE_ADULT | (_VULGAR if word in VULGAR else 0)
        elif word in MORE_ADULT or not kind:
            kind |= _ADULT
        kinds[word] = kind
    for word in sorted(ADULT_ABROAD.get(language, ())):
        kinds[word] = _ADULT
    return {
        form: kind
        for word, kind in kinds.items()
        for form in (word, word.capitalize(), word.upper())
    }


@functools.cache
def _phrases(language: str) -> re.Pattern[str] | None:
    phrases = ADULT_PHRASES.get(language)
    return re.compile("|".join(map(re.escape, phrases))) if phrases else None
