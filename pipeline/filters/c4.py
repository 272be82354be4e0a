"""C4's rules: remove unwanted lines from a page, drop pages that are code, filler or too short.

Lines are removed in the pass (measure.py), pages are dropped later, by counts of the lines left.
Follows datatrove 0.10.1 line by line: lines are stripped and joined by one newline; a short line is
skipped before "lorem ipsum" and "{" are looked for, so a "{" alone on its line drops nothing; words
are counted before citations are removed. The paper counts sentences with another splitter (NLTK's);
here, as in datatrove, sentences are those of spaCy's sentencizer.

Two things are ours. FineWeb-2 applies no C4 rule to languages other than English ("we do not apply
the C4 filters", fineweb-2-pipeline.py), so their lines are kept. And text that the extraction marks
as code or as a recovered formula is kept whole and its "{" drops no page: FineWeb's texts have
neither marked. All other counts of a page are those that C4's rules give over all its lines, code
included.
"""

import dataclasses

from pipeline import ranges
from pipeline.filters.decide import Rule


@dataclasses.dataclass(frozen=True)
class C4LinesConfig:
    """Which lines are removed from a page; the rules are applied in this order.

    Source: C4 (arXiv 1910.10683), its code and datatrove's `C4QualityFilter`, without the
    terminal-punctuation rule, as FineWeb's code and paper have it.
    """

    enabled: bool = True  # False leaves the text as it was extracted, blank lines included
    # of the pages whose lines are taken out, as lid.176 names them; () = all. FineWeb-2
    # (arXiv 2506.20920) leaves the lines of all its languages alone.
    languages: tuple[str, ...] = ("en",)
    max_word_length: int = 1000  # characters; a line with a longer word is taken out
    remove_citations: bool = True  # "[12]", "[edit]", "[citation needed]" inside lines
    require_terminal_punctuation: bool = False  # take out lines that do not end in . ? ! " '
    # words between white space, signs where a script has none; shorter lines are taken out
    min_words_per_line: int = 3
    drop_javascript_lines: bool = True
    drop_policy_lines: bool = True  # "privacy policy", "uses cookies", …
    # code blocks stay to the character, formulas with their brackets and lines of their own (ours;
    # trafilatura #553: half a function teaches wrong code). False: rules as for all other lines.
    spare_code: bool = True

    def __post_init__(self) -> None:
        ranges.check(self)


@dataclasses.dataclass(frozen=True)
class C4Config:
    """Which pages are dropped; source as above. A large number turns a maximum off."""

    max_lorem_ipsum_lines: int = 0
    max_curly_bracket_lines: int = 0  # lines with a "{"
    # whether those in code blocks and recovered formulas count: C4's and FineWeb's rule, exactly.
    # Ours is not to: a page on mathematics or programming is no broken script.
    braces_in_code: bool = False
    min_sentences: int = 5  # sentences left in the page after lines were taken out

    def __post_init__(self) -> None:
        ranges.check(self)


_BRACES = Rule("max_curly_bracket_lines", "curly_bracket_lines", "above", "max_curly_bracket_lines")
# datatrove names the one of the first two that comes first on a page; here lorem ipsum is first
RULES = (
    Rule("max_lorem_ipsum_lines", "lorem_ipsum_lines", "above", "max_lorem_ipsum_lines"),
    _BRACES,
    Rule("min_sentences", "sentence_count", "below", "min_sentences"),
)
ANYWHERE = dataclasses.replace(_BRACES, signal="curly_bracket_lines_anywhere")


def rules(config: C4Config) -> tuple[Rule, ...]:
    """The rules; the config chooses which brackets are counted."""
    if not config.braces_in_code:
        return RULES
    return tuple(ANYWHERE if rule is _BRACES else rule for rule in RULES)
