"""C4's rules: take unwanted lines out of a page, drop pages that are code, filler or too short.

Lines are taken out in the pass (measure.py), pages are dropped later, by counts of the lines left.
Follows datatrove 0.10.1 line by line: lines are stripped and joined by one newline; a short line is
passed over before "lorem ipsum" and "{" are looked for, so a "{" alone on its line drops nothing;
words are counted before citations are cut out. The paper counts sentences by another splitter
(NLTK's); here, as there, a sentence is what spaCy's sentencizer makes of it.
"""

import dataclasses

from pipeline.filters.decide import Rule


@dataclasses.dataclass(frozen=True)
class C4LinesConfig:
    """Which lines are taken out of a page, in the order in which a line meets the rules.

    Source: C4 (arXiv 1910.10683), its code and datatrove's `C4QualityFilter`, without the
    terminal-punctuation rule, as FineWeb's code and paper have it.
    """

    enabled: bool = True  # False leaves the text as it was extracted, blank lines included
    max_word_length: int = 1000  # characters; a line with a longer word is taken out
    remove_citations: bool = True  # "[12]", "[edit]", "[citation needed]" inside lines
    require_terminal_punctuation: bool = False  # take out lines that do not end in . ? ! " '
    min_words_per_line: int = 3  # words between white space; shorter lines are taken out
    drop_javascript_lines: bool = True
    drop_policy_lines: bool = True  # "privacy policy", "uses cookies", …


@dataclasses.dataclass(frozen=True)
class C4Config:
    """Which pages are dropped; source as above. A large number turns a maximum off."""

    max_lorem_ipsum_lines: int = 0
    max_curly_bracket_lines: int = 0  # lines with a "{"
    min_sentences: int = 5  # sentences left in the page after lines were taken out


# datatrove names whichever of the first two it meets first on a page; here lorem ipsum is first
RULES = (
    Rule("max_lorem_ipsum_lines", "lorem_ipsum_lines", "above", "max_lorem_ipsum_lines"),
    Rule("max_curly_bracket_lines", "curly_bracket_lines", "above", "max_curly_bracket_lines"),
    Rule("min_sentences", "sentence_count", "below", "min_sentences"),
)
