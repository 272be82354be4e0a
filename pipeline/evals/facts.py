"""Does the model know what the crawl states often, once or never? Asked in wordings it never saw.

In: rows of the sample web's facts.parquet. Every model completes a sentence that no page holds
("Mara Ellison was born in"): right if the completion starts with the value. Every model is asked
the fact's question: right if the answer holds the value. The scores are of entities that
fine-tuning never asked about: what a model knows of them it read on pages. Of the others half the
questions stand word for word in fine-tuning's conversations; their scores, which may be memory of
those, stand apart (`…_trained_entities`).
"""

import random
import re
from collections.abc import Sequence
from typing import Any

from pipeline.evals.asking import Scores, Subject, ask_questions, complete, spread
from pipeline.rl import numerals
from pipeline.sft.facts import name_of
from pipeline.sft.held_out import is_held_out

FREQUENCIES = ("often", "once", "never")


def starts_with(text: str, value: str) -> bool:
    """Whether a completion begins with the value as whole words, whatever its case.

    A number is compared by what it is worth: 12 is not the beginning of 12,400.
    """
    number = numerals.whole(value)
    if number is not None:
        found = numerals.scan(text.strip())
        return bool(found) and found[0].start == 0 and found[0].value == number
    return bool(re.match(rf"{_exactly(value)}", text.strip(), re.IGNORECASE))


def contains(text: str, value: str) -> bool:
    """Whether an answer holds the value as whole words, whatever its case."""
    number = numerals.whole(value)
    if number is not None:
        return any(found.value == number for found in numerals.scan(text))
    return bool(re.search(rf"(?<!\w){_exactly(value)}", text, re.IGNORECASE))


def _exactly(value: str) -> str:
    """A pattern that begins and ends where the value's words and numbers do."""
    before = r"(?<!\d[.,])(?<![-\u2212])" if value[:1].isdigit() else ""
    after = r"(?![.,]\d)" if value[-1:].isdigit() else ""
    return rf"{before}{re.escape(value)}(?!\w){after}"


def choose(facts: Sequence[dict[str, Any]], per_frequency: int, seed: int) -> list[dict[str, Any]]:
    """At most so many facts of each frequency, the same for every model."""
    chosen: list[dict[str, Any]] = []
    for frequency in FREQUENCIES:
        group = [fact for fact in facts if fact["frequency"] == frequency]
        if len(group) > per_frequency:
            group = random.Random(f"{seed}:facts:{frequency}").sample(group, per_frequency)
        chosen += group
    return chosen


def measure(subject: Subject, facts: Sequence[dict[str, Any]], scores: Scores) -> None:
    """Both ways of asking, by frequency."""
    config = subject.config
    chosen = choose(facts, config.facts_per_frequency, config.seed)
    if not chosen:
        return
    completions = complete(
        subject, [fact["prompt"] for fact in chosen], config.max_completion_tokens
    )
    answers = ask_questions(subject, [fact["question"] for fact in chosen], config.max_fact_tokens)
    ended = [starts_with(r.text, fact["value"]) for r, fact in zip(completions, chosen)]
    known = [contains(r.text, fact["value"]) for r, fact in zip(answers, chosen)]
    held_out = [is_held_out(name_of(f["entity"]), config.held_out_fraction) for f in chosen]
    for frequency in FREQUENCIES:
        of = [index for index, fact in enumerate(chosen) if fact["frequency"] == frequency]
        for asked, marks in (("completion", ended), ("question", known)):
            name = f"{asked}_{frequency}"
            scores.share("facts", name, "recall", [marks[i] for i in of if held_out[i]])
            trained = [marks[i] for i in of if not held_out[i]]
            scores.share("facts", f"{name}_trained_entities", "recall", trained)
    half = config.samples_per_suite // 2
    for i in spread(range(len(chosen)), half):
        fact = chosen[i]
        scores.sample("facts", fact["prompt"], completions[i].text, fact["value"], ended[i])
    for i in spread(range(len(chosen)), config.samples_per_suite - half):
        fact = chosen[i]
        scores.sample("facts", fact["question"], answers[i].text, fact["value"], known[i])
