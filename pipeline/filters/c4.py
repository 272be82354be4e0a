"""C4's rules: take unwanted lines out of a page, drop pages that are code, filler or too short.

`clean(text, config)` gives the shortened text and a verdict (with the text as it was, if dropped).
Follows datatrove 0.10.1 line by line: lines are stripped and joined by one newline; a short line is
passed over before "lorem ipsum" and "{" are looked for, so a "{" alone on its line drops nothing;
words are counted before citations are cut out. The paper counts sentences by another splitter
(NLTK's); here, as there, a sentence is what spaCy's sentencizer makes of it.
"""

import dataclasses
import re
from collections.abc import Mapping

from pipeline.filters.verdict import Verdict
from pipeline.filters.words import sentence_count


@dataclasses.dataclass(frozen=True)
class C4Config:
    """Which lines are taken out of a page, and which pages are dropped.

    Source: C4 (arXiv 1910.10683), its code and datatrove's `C4QualityFilter`, without the
    terminal-punctuation rule, as FineWeb's code and paper have it.
    """

    max_word_length: int = 1000  # characters; a line with a longer word is taken out
    min_words_per_line: int = 3  # words between white space; shorter lines are taken out
    remove_citations: bool = True  # "[12]", "[edit]", "[citation needed]" inside lines
    require_terminal_punctuation: bool = False  # take out lines that do not end in . ? ! " '
    drop_lorem_ipsum: bool = True  # the page
    drop_javascript_lines: bool = True
    drop_curly_bracket: bool = True  # the page, on "{"
    drop_policy_lines: bool = True  # "privacy policy", "uses cookies", …
    min_sentences: int = 5  # sentences left in the page after lines were taken out


_CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")
_LINE_ENDS = (".", "?", "!", '"', "'")
_POLICY_PHRASES = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)
_DETAIL_CHARACTERS = 80


def clean(text: str, config: C4Config) -> tuple[str, Verdict | None]:
    """The page without the lines C4 takes out, and the rule that drops it, if one does."""
    shortened, _, verdict = clean_and_measure(text, config)
    return shortened, verdict


def clean_and_measure(text: str, config: C4Config) -> tuple[str, dict[str, int], Verdict | None]:
    """As `clean`, with the signals: none where a line dropped the page before the count."""
    kept = []
    for raw_line in text.splitlines():
        line = raw_line.strip()
        words = line.split()
        if len(line) > config.max_word_length and max(map(len, words)) > config.max_word_length:
            continue
        if config.remove_citations and "[" in line:
            line = _CITATION.sub("", line)
        if config.require_terminal_punctuation and (
            not line.endswith(_LINE_ENDS) or line.endswith("...")
        ):
            continue
        if len(words) < config.min_words_per_line:
            continue
        lower = line.lower()
        if config.drop_lorem_ipsum and "lorem ipsum" in lower:
            return text, {}, Verdict("lorem_ipsum", detail=line[:_DETAIL_CHARACTERS])
        if config.drop_javascript_lines and "javascript" in lower:
            continue
        if config.drop_curly_bracket and "{" in line:
            return text, {}, Verdict("curly_bracket", detail=line[:_DETAIL_CHARACTERS])
        if config.drop_policy_lines and any(phrase in lower for phrase in _POLICY_PHRASES):
            continue
        kept.append(line)
    measured = {"sentence_count": sum(map(sentence_count, kept))}
    verdict = check(measured, config)
    return (text if verdict else "\n".join(kept).strip()), measured, verdict


def check(measured: Mapping[str, float | int], config: C4Config) -> Verdict | None:
    """Whether too few sentences are left."""
    sentences = measured["sentence_count"]
    if sentences < config.min_sentences:
        return Verdict("min_sentences", sentences, config.min_sentences)
    return None
