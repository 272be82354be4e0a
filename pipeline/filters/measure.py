"""Every signal of one page at once: words are split once, and rules decide later (decide.py).

In: the main text as extracted. Out: the text after C4's line rules, its words, and the columns of
storage.schemas.SIGNALS that the filters of text compare with their thresholds. Formulas are those
of datatrove 0.10.1, as each filter's module describes; the counts come from _signals.c. Gopher's
rules look at the text as extracted, FineWeb's at the text that C4's line rules leave, as in its
recipe. Both look at all lines, code included: keeping code blocks changes the text, but no signals
except `line_count` and the counts of removed lines.
"""

import dataclasses
from collections.abc import Collection, Mapping

from pipeline import ranges
from pipeline.filters import _signals
from pipeline.filters.c4 import C4LinesConfig
from pipeline.filters.words import signs_per_ngram_word

Spans = tuple[tuple[int, int], ...]  # of characters: the first, and the one after the last
WordSet = object  # from word_set
word_set = _signals.word_set


@dataclasses.dataclass(frozen=True)
class SignalsConfig:
    """Settings that change a measured value; thresholds, which only judge it, are elsewhere."""

    c4_lines: C4LinesConfig = dataclasses.field(default_factory=C4LinesConfig)
    # a line of at most this length is short; FineWeb (arXiv 2406.17557), section 3.6
    short_line_characters: int = 30

    def __post_init__(self) -> None:
        ranges.check(self)


@dataclasses.dataclass(frozen=True)
class MeasuredPage:
    """A page after C4's line rules, and all its signals."""

    text: str
    signals: dict[str, float | int]
    words: list[
        str
    ]  # of that text, punctuation signs included; none if only `listed` were asked for
    code: Spans = ()  # of its code blocks
    word_total: int = 0  # how many words that text has
    listed: Mapping[str, int] = dataclasses.field(default_factory=dict)  # counts of listed words


def measure(
    text: str,
    language: str,
    config: SignalsConfig,
    stop_words: Collection[str],
    code: Spans = (),
    formulas: Spans = (),
    listed: WordSet | None = None,
) -> MeasuredPage:
    """Measure a page.

    Args:
        text: as extracted.
        language: decides how words are split.
        config: settings of the measurement.
        stop_words: of the language.
        code: spans of the text, in order and disjoint, as the extraction gives them.
        formulas: likewise.
        listed: count only these words, and make no list of all words.
    """
    after, words, counts, code = _signals.measure(
        text,
        signs_per_ngram_word(language),
        tuple(stop_words),
        _line_rules(config, language),
        code,
        formulas,
        listed,
    )
    if listed is None:
        return MeasuredPage(after, _signals_of(counts), words, code, len(words))
    found, total = words
    return MeasuredPage(after, _signals_of(counts), [], code, total, found)


def _line_rules(
    config: SignalsConfig, language: str
) -> tuple[int, int, int, int, int, int, int, int, int]:
    lines = config.c4_lines
    short = config.short_line_characters
    if not lines.enabled or (lines.languages and language not in lines.languages):
        return 0, _NO_LIMIT, 0, 0, 0, 0, 0, 0, short
    return (
        1,
        lines.max_word_length,
        lines.min_words_per_line,
        lines.remove_citations,
        lines.require_terminal_punctuation,
        lines.drop_javascript_lines,
        lines.drop_policy_lines,
        lines.spare_code,
        short,
    )


_NO_LIMIT = 2**31 - 1


def _signals_of(counts: tuple[int, ...]) -> dict[str, float | int]:
    """Counts, in the order of _signals.c, as columns; a share of nothing is 0."""
    (
        characters,
        extracted_lines,
        paragraphs,
        again_paragraphs,
        again_paragraph_characters,
        blocks,
        again_blocks,
        again_block_characters,
        top_2,
        top_3,
        top_4,
        again_5,
        again_6,
        again_7,
        again_8,
        again_9,
        again_10,
        all_words,
        real_words,
        real_characters,
        hashes,
        ellipses,
        bullet_lines,
        ellipsis_lines,
        words_with_letter,
        stop_words,
        long_word,
        unpunctuated,
        short,
        javascript,
        policy,
        citations,
        lorem_ipsum,
        curly_bracket,
        curly_bracket_outside,
        sentences,
        lines,
        punctuated_lines,
        short_lines,
        again_line_characters,
        newlines,
        final_characters,
        final_words,
        lines_left,
    ) = counts
    size = characters or 1
    word_total = all_words or 1
    line_total = extracted_lines or 1
    final_lines = lines or 1
    return {
        "extracted_characters": characters,
        "extracted_lines": extracted_lines,
        "duplicate_line_fraction": again_blocks / (blocks or 1),
        "duplicate_line_character_fraction": again_block_characters / size,
        "duplicate_paragraph_fraction": again_paragraphs / (paragraphs or 1),
        "duplicate_paragraph_character_fraction": again_paragraph_characters / size,
        "top_2_gram_character_fraction": top_2 / size,
        "top_3_gram_character_fraction": top_3 / size,
        "top_4_gram_character_fraction": top_4 / size,
        "duplicate_5_gram_character_fraction": again_5 / size,
        "duplicate_6_gram_character_fraction": again_6 / size,
        "duplicate_7_gram_character_fraction": again_7 / size,
        "duplicate_8_gram_character_fraction": again_8 / size,
        "duplicate_9_gram_character_fraction": again_9 / size,
        "duplicate_10_gram_character_fraction": again_10 / size,
        "word_count": real_words,
        "mean_word_length": real_characters / (real_words or 1),
        "hash_word_ratio": hashes / word_total,
        "ellipsis_word_ratio": ellipses / word_total,
        "bullet_line_fraction": bullet_lines / line_total,
        "ellipsis_line_fraction": ellipsis_lines / line_total,
        "alphabetic_word_fraction": words_with_letter / word_total,
        "stop_word_count": stop_words,
        "removed_lines": long_word + unpunctuated + short + javascript + policy,
        "removed_long_word_lines": long_word,
        "removed_unpunctuated_lines": unpunctuated,
        "removed_short_lines": short,
        "removed_javascript_lines": javascript,
        "removed_policy_lines": policy,
        "removed_citations": citations,
        "lorem_ipsum_lines": lorem_ipsum,
        "curly_bracket_lines": curly_bracket_outside,
        "curly_bracket_lines_anywhere": curly_bracket,
        "sentence_count": sentences,
        "line_count": lines_left,
        "punctuated_line_fraction": punctuated_lines / final_lines,
        "short_line_fraction": short_lines / final_lines,
        "fineweb_duplicate_line_character_fraction": again_line_characters
        / (final_characters or 1),
        "newline_word_ratio": newlines / (final_words or 1),
    }
