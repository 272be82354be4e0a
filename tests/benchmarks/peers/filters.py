"""datatrove's four text filters on given texts, rule by rule; runs in the peer's environment.

`python filters.py decide TEXTS.parquet OUT.jsonl`: a line a text: the rules that drop it (each
asked alone, the others off), the first rule of each whole filter, a hash of what C4's line rules
left. `python filters.py explain TEXTS.parquet QUESTIONS.json OUT.json`: for [row, rule] pairs the
value that the rule compares (found by bisecting its threshold, since filters tell only verdicts),
and words, cleaned text and sentences of the row.
"""

import hashlib
import json
import math
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.utils.text import split_into_sentences, split_into_words

Make = Callable[[float], Any]  # a filter, untyped there, of a threshold

FAR = math.inf
NO_REPETITION = dict.fromkeys(
    ("dup_line_frac", "dup_para_frac", "dup_line_char_frac", "dup_para_char_frac")
) | {"top_n_grams": (), "dup_n_grams": ()}
NO_QUALITY = dict.fromkeys(
    (
        *("min_doc_words", "max_doc_words", "min_avg_word_length", "max_avg_word_length"),
        *("max_symbol_word_ratio", "max_bullet_lines_ratio", "max_ellipsis_lines_ratio"),
        *("max_non_alpha_words_ratio", "min_stop_words"),
    )
)
NO_C4 = {
    "filter_no_terminal_punct": False,
    "filter_lorem_ipsum": False,
    "filter_curly_bracket": False,
    "min_num_sentences": -1,
}
NO_FINEWEB = {
    "line_punct_thr": -1,
    "short_line_thr": FAR,
    "char_duplicates_ratio": FAR,
    "new_line_ratio": FAR,
}


def ngrams(name: str, n: int) -> Make:
    return lambda threshold: GopherRepetitionFilter(**NO_REPETITION | {name: ((n, threshold),)})


def rule_of(filter_: Callable[..., Any], others: dict[str, Any], name: str) -> Make:
    return lambda threshold: filter_(**others | {name: threshold})


def repetition(name: str) -> Make:
    return rule_of(GopherRepetitionFilter, NO_REPETITION, name)


def quality(name: str) -> Make:
    return rule_of(GopherQualityFilter, NO_QUALITY, name)


def fineweb(name: str) -> Make:
    return rule_of(FineWebQualityFilter, NO_FINEWEB, name)


# rule -> (how to make the filter with only this rule, its threshold, what drops by it, is minimum);
# the names of rules are this project's
RULES = {
    "max_duplicate_paragraph_fraction": (repetition("dup_para_frac"), 0.3, "dup_para_frac", False),
    "max_duplicate_paragraph_character_fraction": (
        *(repetition("dup_para_char_frac"), 0.2, "dup_para_char_frac", False),
    ),
    "max_duplicate_line_fraction": (repetition("dup_line_frac"), 0.3, "dup_line_frac", False),
    "repetition.max_duplicate_line_character_fraction": (
        *(repetition("dup_line_char_frac"), 0.2, "dup_line_char_frac", False),
    ),
    **{
        f"max_top_{n}_gram_character_fraction": (
            *(ngrams("top_n_grams", n), threshold, f"top_{n}_gram", False),
        )
        for n, threshold in ((2, 0.2), (3, 0.18), (4, 0.16))
    },
    **{
        f"max_duplicate_{n}_gram_character_fraction": (
            *(ngrams("dup_n_grams", n), threshold, f"duplicated_{n}_n_grams", False),
        )
        for n, threshold in ((5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.1))
    },
    "min_words": (quality("min_doc_words"), 50, "gopher_short_doc", True),
    "max_words": (quality("max_doc_words"), 100_000, "gopher_long_doc", False),
    "min_mean_word_length": (
        *(quality("min_avg_word_length"), 3, "gopher_below_avg_threshold", True),
    ),
    "max_mean_word_length": (
        *(quality("max_avg_word_length"), 10, "gopher_above_avg_threshold", False),
    ),
    "max_hash_word_ratio": (
        *(quality("max_symbol_word_ratio"), 0.1, "gopher_too_many_hashes", False),
    ),
    "max_ellipsis_word_ratio": (
        *(quality("max_symbol_word_ratio"), 0.1, "gopher_too_many_ellipsis", False),
    ),
    "max_bullet_line_fraction": (
        *(quality("max_bullet_lines_ratio"), 0.9, "gopher_too_many_bullets", False),
    ),
    "max_ellipsis_line_fraction": (
        *(quality("max_ellipsis_lines_ratio"), 0.3, "gopher_too_many_end_ellipsis", False),
    ),
    "min_alphabetic_word_fraction": (
        *(quality("max_non_alpha_words_ratio"), 0.8, "gopher_below_alpha_threshold", True),
    ),
    "min_stop_words": (quality("min_stop_words"), 2, "gopher_enough_stop_words", True),
    "max_lorem_ipsum_lines": (
        *(
            lambda _: C4QualityFilter(**NO_C4 | {"filter_lorem_ipsum": True}),
            0,
            "lorem_ipsum",
            None,
        ),
    ),
    "max_curly_bracket_lines": (
        lambda _: C4QualityFilter(**NO_C4 | {"filter_curly_bracket": True}),
        0,
        "curly_bracket",
        None,
    ),
    "min_sentences": (
        *(rule_of(C4QualityFilter, NO_C4, "min_num_sentences"), 5, "too_few_sentences", True),
    ),
    "min_punctuated_line_fraction": (fineweb("line_punct_thr"), 0.12, "line_punct_ratio", True),
    "max_short_line_fraction": (fineweb("short_line_thr"), 0.67, "short_line_ratio", False),
    "fineweb.max_duplicate_line_character_fraction": (
        *(fineweb("char_duplicates_ratio"), 0.01, "char_dup_ratio", False),
    ),
    "max_newline_word_ratio": (fineweb("new_line_ratio"), 0.3, "list_ratio", False),
}
ON_CLEANED = set(list(RULES)[-4:])  # FineWeb's look at what C4 left
WHOLE = {
    "repetition": GopherRepetitionFilter,
    "gopher_quality": GopherQualityFilter,
    "c4": lambda: C4QualityFilter(filter_no_terminal_punct=False),
}


def asked(filter_: Any, text: str) -> str:
    """The reason for which the filter drops a text, "" if it keeps it."""
    result = filter_.filter(Document(text=text, id="0"))
    return "" if result is True else result[1]


def cleaned(text: str) -> str:
    """What C4's line rules leave."""
    document = Document(text=text, id="0")
    assert C4QualityFilter(**NO_C4).filter(document) is True
    return document.text


def decide(texts: list[str], out: Path) -> None:
    alone = {rule: make(threshold) for rule, (make, threshold, _, _) in RULES.items()}
    whole = {stage: make() for stage, make in WHOLE.items()}
    with out.open("w") as stream:
        for text in texts:
            after = cleaned(text)
            on = {rule: after if rule in ON_CLEANED else text for rule in RULES}
            reasons = {rule: asked(filter_, on[rule]) for rule, filter_ in alone.items()}
            first = {stage: asked(filter_, text) for stage, filter_ in whole.items()}
            row = {
                "dropped": [rule for rule in RULES if reasons[rule] == RULES[rule][2]],
                "empty": [rule for rule in RULES if reasons[rule] == "empty"],
                "first": first,
                "cleaned": hashlib.sha256(after.encode("utf-8", "surrogatepass")).hexdigest(),
            }
            stream.write(json.dumps(row) + "\n")


def value_of(rule: str, text: str) -> float | None:
    """What the rule measures: where its verdict turns, as its threshold moves."""
    make, _, reason, is_minimum = RULES[rule]
    if is_minimum is None:
        return None
    low, high = 1e-9, 1e7
    for _ in range(80):
        middle = (low + high) / 2
        drops = asked(make(middle), text) == reason
        if drops == is_minimum:
            high = middle
        else:
            low = middle
    return low


def explain(texts: list[str], questions: list[list], out: Path) -> None:
    answers = []
    for row, rule in questions:
        text = texts[row]
        after = cleaned(text)
        on = after if rule in ON_CLEANED else text
        answers.append(
            {
                "row": row,
                "rule": rule,
                "value": value_of(rule, on),
                "words": split_into_words(on),
                "cleaned": after,
                "sentences": [len(split_into_sentences(line)) for line in after.split("\n")],
            }
        )
    out.write_text(json.dumps(answers))


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # means of nothing
    mode, source, *rest = sys.argv[1:]
    pages = pq.read_table(source)["text"].to_pylist()
    if mode == "decide":
        decide(pages, Path(rest[0]))
    else:
        explain(pages, json.loads(Path(rest[0]).read_text()), Path(rest[1]))
