"""Does the model know what the crawl states often, once or never? Asked in wordings it never saw.

In: rows of the sample web's facts.parquet. Every model completes a sentence that no page holds
("Mara Ellison was born in"): right if the completion starts with the value. Every model is asked
the fact's question: right if the answer holds the value. Answers on facts of entities that
fine-tuning asked about and of those it never saw stand apart: the second is knowledge, the first
may be memory.
"""

import random
import re
from collections.abc import Sequence
from typing import Any

from pipeline.evals.asking import Scores, Subject, ask_questions, complete, spread
from pipeline.sft.facts import name_of
from pipeline.sft.held_out import is_held_out

FREQUENCIES = ("often", "once", "never")


def starts_with(text: str, value: str) -> bool:
    """Whether a completion begins with the value as whole words, whatever its case."""
    return bool(re.match(rf"{re.escape(value)}(?!\w)", text.strip(), re.IGNORECASE))


def contains(text: str, value: str) -> bool:
    """Whether an answer holds the value as whole words, whatever its case."""
    return bool(re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text, re.IGNORECASE))


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
        scores.share("facts", f"completion_{frequency}", "recall", [ended[i] for i in of])
        scores.share("facts", f"question_{frequency}", "recall", [known[i] for i in of])
        for name, wanted in (("trained", False), ("held_out", True)):
            part = [known[i] for i in of if held_out[i] == wanted]
            scores.share("facts", f"question_{frequency}_{name}_entities", "recall", part)
    half = config.samples_per_suite // 2
    for i in spread(range(len(chosen)), half):
        fact = chosen[i]
        scores.sample("facts", fact["prompt"], completions[i].text, fact["value"], ended[i])
    for i in spread(range(len(chosen)), config.samples_per_suite - half):
        fact = chosen[i]
        scores.sample("facts", fact["question"], answers[i].text, fact["value"], known[i])
