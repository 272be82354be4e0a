"""Each language's own rules: stop words and thresholds, after FineWeb-2 (arXiv 2506.20920).

`rules(language)` gives the filter configs of a language by its lid.176 code. English has exactly
FineWeb's. For the others FineWeb-2 turned off the paragraph rules, duplicate-line characters in
Gopher's rules, the short-line rule and all of C4, and took 0.1 for duplicate-line characters in
FineWeb's own. A language without a row gets the median of all rows and no stop-word rule. If its
words and ours differ (a character of Chinese, a syllable of Vietnamese), thresholds that count
words are converted by the number of our words in one of theirs.
"""

import dataclasses
import functools
import statistics
from collections.abc import Iterable

from pipeline.filters.fineweb import FinewebConfig
from pipeline.filters.gopher_quality import GopherQualityConfig
from pipeline.filters.language_table import ENGLISH_MIN_SCORE, TABLE, Row
from pipeline.filters.repetition import RepetitionConfig

_GOPHER = GopherQualityConfig()  # FineWeb-2 keeps its lengths and its shares of symbols
_RULES_OF = {"yue": "zh", "wuu": "zh"}  # written in the same characters
# datatrove's GopherQualityFilter has them as its default
_ENGLISH_STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")


@dataclasses.dataclass(frozen=True)
class LanguageRules:
    """The rules for pages in one language."""

    language: str  # as lid.176 names it
    stop_words: tuple[str, ...]  # for `stop_word_count`
    min_language_score: float  # 0..1
    repetition: RepetitionConfig
    gopher_quality: GopherQualityConfig
    fineweb: FinewebConfig
    use_c4: bool  # whether C4's rules decide; FineWeb-2 found that they do harm


@functools.cache
def rules(language: str) -> LanguageRules:
    """The rules of a language by its lid.176 code; the default ones if it has no row."""
    if language == "en":
        return LanguageRules(
            language="en",
            stop_words=_ENGLISH_STOP_WORDS,
            min_language_score=ENGLISH_MIN_SCORE,
            repetition=RepetitionConfig(),
            gopher_quality=GopherQualityConfig(),
            fineweb=FinewebConfig(),
            use_c4=True,
        )
    row = TABLE.get(_RULES_OF.get(language, language)) or _middle()
    stop_words = tuple(row.stop_words.split())
    off = 1.0  # no share is above it
    ours = row.words_per_token
    top, again = row.max_top_ngrams, row.max_duplicate_ngrams
    return LanguageRules(
        language=language,
        stop_words=stop_words,
        min_language_score=row.min_language_score,
        repetition=RepetitionConfig(
            max_duplicate_paragraph_fraction=off,
            max_duplicate_paragraph_character_fraction=off,
            max_duplicate_line_fraction=row.max_duplicate_line_fraction,
            max_duplicate_line_character_fraction=off,
            max_top_2_gram_character_fraction=top[0],
            max_top_3_gram_character_fraction=top[1],
            max_top_4_gram_character_fraction=top[2],
            max_duplicate_5_gram_character_fraction=again[0],
            max_duplicate_6_gram_character_fraction=again[1],
            max_duplicate_7_gram_character_fraction=again[2],
            max_duplicate_8_gram_character_fraction=again[3],
            max_duplicate_9_gram_character_fraction=again[4],
            max_duplicate_10_gram_character_fraction=again[5],
        ),
        gopher_quality=dataclasses.replace(
            GopherQualityConfig(),
            min_words=round(_GOPHER.min_words * ours),
            max_words=round(_GOPHER.max_words * ours),
            max_hash_word_ratio=_GOPHER.max_hash_word_ratio / ours,
            max_ellipsis_word_ratio=_GOPHER.max_ellipsis_word_ratio / ours,
            min_mean_word_length=_least_length(row),
            max_mean_word_length=row.max_mean_word_length / min(1.0, ours),
            min_alphabetic_word_fraction=_letters(row),
            min_stop_words=2 if stop_words else 0,
        ),
        fineweb=dataclasses.replace(
            FinewebConfig(),
            min_punctuated_line_fraction=row.min_punctuated_line_fraction,
            max_short_line_fraction=off,
            max_duplicate_line_character_fraction=0.1,
            max_newline_word_ratio=row.max_newline_word_ratio / ours,
        ),
        use_c4=False,
    )


def _least_length(row: Row) -> float:
    """The least word count: converted if our words are shorter, else as published."""
    least = row.min_mean_word_length
    return max(min(1.0, least), least / max(1.0, row.words_per_token))


def _letters(row: Row) -> float:
    """The least share of words with a letter, converted: only such words are split differently."""
    letters = row.min_alphabetic_word_fraction * row.words_per_token
    return round(letters / (letters + 1 - row.min_alphabetic_word_fraction), 4)


@functools.cache
def _middle() -> Row:
    """The median of every column over all languages with a row."""
    rows = list(TABLE.values())

    def middle(values: Iterable[float]) -> float:
        return round(statistics.median(values), 4)

    return Row(
        min_language_score=middle(row.min_language_score for row in rows),
        max_duplicate_line_fraction=middle(row.max_duplicate_line_fraction for row in rows),
        max_top_ngrams=(
            middle(row.max_top_ngrams[0] for row in rows),
            middle(row.max_top_ngrams[1] for row in rows),
            middle(row.max_top_ngrams[2] for row in rows),
        ),
        max_duplicate_ngrams=(
            middle(row.max_duplicate_ngrams[0] for row in rows),
            middle(row.max_duplicate_ngrams[1] for row in rows),
            middle(row.max_duplicate_ngrams[2] for row in rows),
            middle(row.max_duplicate_ngrams[3] for row in rows),
            middle(row.max_duplicate_ngrams[4] for row in rows),
            middle(row.max_duplicate_ngrams[5] for row in rows),
        ),
        min_mean_word_length=1.0,  # scripts without spaces among them
        max_mean_word_length=max(row.max_mean_word_length for row in rows),
        min_alphabetic_word_fraction=middle(row.min_alphabetic_word_fraction for row in rows),
        min_punctuated_line_fraction=0.0,  # not every script's full stop is known
        max_newline_word_ratio=middle(row.max_newline_word_ratio for row in rows),
        stop_words="",
    )
