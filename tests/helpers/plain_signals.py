"""Every signal of a page in plain Python, formula by formula as datatrove 0.10.1 has them.

What pipeline/filters/measure.py is held against. Slow and without any cleverness.
"""

import re
from collections import Counter

from plain_words import sentence_count, split_words

from pipeline.filters.measure import SignalsConfig
from pipeline.filters.punctuation import PUNCTUATION, TERMINAL_PUNCTUATION

PUNCTUATION_SET = set(PUNCTUATION) | set(TERMINAL_PUNCTUATION)
CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")
POLICY = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)
Signals = dict[str, float | int]


def plain_measure(
    text: str, config: SignalsConfig, stop_words: tuple[str, ...]
) -> tuple[str, Signals]:
    """The text after C4's line rules and every column."""
    words = split_words(text)
    after, lines = c4_lines(text, config)
    return after, {
        "extracted_characters": len(text),
        "extracted_lines": len(text.splitlines()),
        **repetition(text, words),
        **quality(text, words, stop_words),
        **lines,
        **fineweb(after, split_words(after), config),
    }


def duplicates(parts: list[str]) -> tuple[int, int]:
    seen: set[str] = set()
    count = characters = 0
    for part in parts:
        if part in seen:
            count += 1
            characters += len(part)
        seen.add(part)
    return count, characters


def repetition(text: str, words: list[str]) -> Signals:
    size = len(text) or 1
    paragraphs = re.split(r"\n{2,}", text.strip())
    lines = re.split(r"\n+", text)
    measured: Signals = {}
    for name, parts in (("paragraph", paragraphs), ("line", lines)):
        again, characters = duplicates(parts)
        measured[f"duplicate_{name}_fraction"] = again / len(parts)
        measured[f"duplicate_{name}_character_fraction"] = characters / size
    for n in (2, 3, 4):
        ngrams = [" ".join(words[i : i + n]) for i in range(len(words) - n + 1)]
        top, times = Counter(ngrams).most_common(1)[0] if ngrams else ("", 0)
        measured[f"top_{n}_gram_character_fraction"] = len(top) * times / size
    for n in range(5, 11):
        characters = duplicate_ngram_characters(words, n)
        measured[f"duplicate_{n}_gram_character_fraction"] = characters / size
    return measured


def duplicate_ngram_characters(words: list[str], n: int) -> int:
    seen, total, place = set(), 0, 0
    while place < len(words) - n + 1:
        ngram = "".join(words[place : place + n])
        if ngram in seen:
            total += len(ngram)
            place += n
        else:
            seen.add(ngram)
            place += 1
    return total


def quality(text: str, words: list[str], stop_words: tuple[str, ...]) -> Signals:
    real = [word for word in words if any(sign not in PUNCTUATION_SET for sign in word)]
    lines = text.splitlines()
    bullets = sum(line.lstrip().startswith(("•", "-")) for line in lines)
    trailing_off = sum(line.rstrip().endswith(("...", "…")) for line in lines)
    letters = sum(any(sign.isalpha() for sign in word) for word in words)
    return {
        "word_count": len(real),
        "mean_word_length": sum(map(len, real)) / max(1, len(real)),
        "hash_word_ratio": text.count("#") / max(1, len(words)),
        "ellipsis_word_ratio": (text.count("...") + text.count("…")) / max(1, len(words)),
        "bullet_line_fraction": bullets / max(1, len(lines)),
        "ellipsis_line_fraction": trailing_off / max(1, len(lines)),
        "alphabetic_word_fraction": letters / max(1, len(words)),
        "stop_word_count": len(set(stop_words) & set(words)),
    }


def c4_lines(text: str, config: SignalsConfig) -> tuple[str, Signals]:
    rules = config.c4_lines
    removed = dict.fromkeys(("long_word", "unpunctuated", "short", "javascript", "policy"), 0)
    citations = lorem_ipsum = curly_bracket = sentences = 0
    kept = []
    for raw_line in text.splitlines():
        line = raw_line.strip()
        words = line.split()
        if rules.enabled and any(len(word) > rules.max_word_length for word in words):
            removed["long_word"] += 1
            continue
        found = 0
        if rules.enabled and rules.remove_citations:
            line, found = CITATION.subn("", line)
        if rules.enabled and rules.require_terminal_punctuation:
            ended = line.endswith((".", "?", "!", '"', "'")) and not line.endswith("...")
            if not ended:
                removed["unpunctuated"] += 1
                continue
        if rules.enabled and len(words) < rules.min_words_per_line:
            removed["short"] += 1
            continue
        lower = line.lower()
        lorem_ipsum += "lorem ipsum" in lower
        if rules.enabled and rules.drop_javascript_lines and "javascript" in lower:
            removed["javascript"] += 1
            continue
        curly_bracket += "{" in line
        if rules.enabled and rules.drop_policy_lines and any(map(lower.__contains__, POLICY)):
            removed["policy"] += 1
            continue
        citations += found
        sentences += sentence_count(line)
        kept.append(line)
    counts = {f"removed_{kind}_lines": count for kind, count in removed.items()}
    return "\n".join(kept).strip() if rules.enabled else text, {
        "removed_lines": sum(removed.values()),
        **counts,
        "removed_citations": citations,
        "lorem_ipsum_lines": lorem_ipsum,
        "curly_bracket_lines": curly_bracket,  # no text here has marked code
        "curly_bracket_lines_anywhere": curly_bracket,
        "sentence_count": sentences,
    }


def fineweb(text: str, words: list[str], config: SignalsConfig) -> Signals:
    lines = [line for line in text.split("\n") if line.strip()]
    count = max(1, len(lines))
    newlines = text.count("\n")
    punctuated = sum(line.endswith(tuple(TERMINAL_PUNCTUATION)) for line in lines)
    short = sum(len(line) <= config.short_line_characters for line in lines)
    return {
        "line_count": len(lines),
        "punctuated_line_fraction": punctuated / count,
        "short_line_fraction": short / count,
        "fineweb_duplicate_line_character_fraction": duplicates(lines)[1]
        / max(1, len(text) - newlines),
        "newline_word_ratio": newlines / max(1, len(words)),
    }
