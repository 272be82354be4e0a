"""Does the model know what the crawl states often, once or never?

In: rows of the sample web's facts.parquet. Every model completes a sentence that no page has
("Mara Ellison was born in"): right if the completion starts with the value. Every model is also
asked the fact's question, in a wording that no page uses for this fact, and in one that neither
pages nor conversations use for any fact (`…_new_wordings`): right if the answer contains the value.

The scores are for entities that fine-tuning never asked about: what a model knows of them it read
on pages. For the other entities half of the questions are word for word in fine-tuning's
conversations, so that their scores may be memory of those; they are separate rows
(`…_trained_entities`). Of held-out facts that are stated often, those that no page asks for in any
wording are a row of their own too (`question_often_no_page_asks`). For comparison, `guessing_…` is
the score of always giving the most common value of the same relation.
"""

import dataclasses
import random
import re
from collections import Counter
from collections.abc import Sequence

from pipeline.curriculum import numerals, word_borders
from pipeline.curriculum.held_out import is_held_out
from pipeline.evals import unseen
from pipeline.evals.asking import (
    FactRow,
    Reply,
    Scores,
    Subject,
    ask_questions,
    complete,
    spread,
)
from pipeline.evals.config import RELATIONS_SUITE, EvalsConfig
from pipeline.sft.facts import name_of

FREQUENCIES = ("often", "once", "never")


def starts_with(text: str, value: str) -> bool:
    """Whether a completion begins with the value as whole words, in any case.

    Numbers are compared by value: 12 is not the beginning of 12,400.
    """
    number = numerals.whole(value)
    if number is not None:
        found = numerals.scan(text.strip())
        return bool(found) and found[0].start == 0 and found[0].value == number
    return bool(re.match(_exactly(value, text), text.strip()))


def contains(text: str, value: str) -> bool:
    """Whether an answer contains the value as whole words, in any case; numbers by value."""
    number = numerals.whole(value)
    if number is not None:
        return any(found.value == number for found in numerals.scan(text))
    return bool(re.search(f"{word_borders.before(value, text)}{_exactly(value, text)}", text))


def _exactly(value: str, text: str) -> str:
    """A pattern that matches no beginning of a longer word and no part of a number in a text."""
    before = r"(?<!\d[.,])(?<![-\u2212])" if value[:1].isdigit() else ""
    after = r"(?![.,]\d)" if value[-1:].isdigit() else ""
    return f"{before}(?i:{re.escape(value)}){word_borders.after(value, text)}{after}"


def choose(
    facts: Sequence[FactRow], per_frequency: int, fraction: float, seed: int
) -> list[FactRow]:
    """At most `per_frequency` facts of each frequency, the same for every model.

    At most half of them are of held-out entities, unless there are too few others.

    Args:
        facts: rows of facts.parquet.
        per_frequency: how many of each of FREQUENCIES.
        fraction: of entities that are held out, by a hash of the name.
        seed: of the draw.
    """
    chosen: list[FactRow] = []
    for frequency in FREQUENCIES:
        group = [fact for fact in facts if fact["frequency"] == frequency]
        random.Random(f"{seed}:facts:{frequency}").shuffle(group)
        hidden = [fact for fact in group if is_held_out(name_of(fact["entity"]), fraction)]
        others = [fact for fact in group if not is_held_out(name_of(fact["entity"]), fraction)]
        half = max(per_frequency // 2, per_frequency - len(others))
        hidden = hidden[:half]
        chosen += [*hidden, *others[: per_frequency - len(hidden)]]
    return chosen


def held_out(facts: Sequence[FactRow], fraction: float) -> list[bool]:
    """Of each fact, whether its entity is in no conversation of fine-tuning."""
    return [is_held_out(name_of(fact["entity"]), fraction) for fact in facts]


def by_class(facts: Sequence[FactRow], hidden: Sequence[bool]) -> dict[str, list[int]]:
    """Indices of facts by class: often, once, never, and each with `_trained_entities`.

    Classes without a fact are left out.

    Args:
        facts: rows of facts.parquet.
        hidden: of each, whether its entity is held out.
    """
    found: dict[str, list[int]] = {}
    for suffix, wanted in (("", True), ("_trained_entities", False)):
        for frequency in FREQUENCIES:
            of = [
                i
                for i, fact in enumerate(facts)
                if fact["frequency"] == frequency and hidden[i] == wanted
            ]
            if of:
                found[frequency + suffix] = of
    return found


def guesses(facts: Sequence[FactRow]) -> list[str]:
    """For each fact the most common value, on pages, of the same relation."""
    counts: dict[str, Counter[str]] = {}
    for fact in facts:
        if fact["frequency"] != "never":
            counts.setdefault(fact["attribute"], Counter())[fact["value"]] += 1
    best = {name: max(sorted(of), key=of.__getitem__) for name, of in counts.items()}
    return [best.get(fact["attribute"], "") for fact in facts]


def kind_of(value: str) -> str:
    """`numbers`, `names` or `words`, by how a value is written: guessing works for words only."""
    if numerals.whole(value) is not None:
        return "numbers"
    return "names" if value[:1].isupper() else "words"


@dataclasses.dataclass(frozen=True)
class AskedFacts:
    """The facts that a model was asked, and what it said."""

    facts: list[FactRow]
    held_out: list[bool]  # of each: its entity is in no conversation of fine-tuning
    completions: list[Reply]
    answers: list[Reply]
    reworded: dict[int, Reply]  # to new wordings, by the fact's index
    guessed: list[bool]  # whether the relation's commonest value is right
    ended: list[bool]  # whether the completion is
    known: list[bool]  # whether the answer is
    again: dict[int, bool]  # whether the answer to the new wording is


def ask(subject: Subject, facts: Sequence[FactRow]) -> AskedFacts:
    """Ask a model the facts that are chosen for every model."""
    config = subject.config
    chosen = choose(facts, config.facts_per_frequency, config.held_out_fraction, config.seed)
    guess = {id(fact): value for fact, value in zip(facts, guesses(facts))}
    hidden = held_out(chosen, config.held_out_fraction)
    rng = random.Random(f"{config.seed}:new wordings of facts")
    reworded = {
        i: rng.choice(unseen.FACTS[fact["attribute"]]).format(e=fact["entity"])
        for i, fact in enumerate(chosen)
        if hidden[i] and fact["attribute"] in unseen.FACTS
    }
    completions = complete(
        subject, [fact["prompt"] for fact in chosen], config.max_completion_tokens
    )
    questions = [*(fact["question"] for fact in chosen), *reworded.values()]
    answers = ask_questions(subject, questions, config.max_fact_tokens)
    replies = dict(zip(reworded, answers[len(chosen) :]))
    return AskedFacts(
        facts=chosen,
        held_out=hidden,
        completions=completions,
        answers=answers[: len(chosen)],
        reworded=replies,
        guessed=[guess[id(fact)] == fact["value"] for fact in chosen],
        ended=[starts_with(r.text, fact["value"]) for r, fact in zip(completions, chosen)],
        known=[contains(r.text, fact["value"]) for r, fact in zip(answers, chosen)],
        again={i: contains(r.text, chosen[i]["value"]) for i, r in replies.items()},
    )


def measure(subject: Subject, facts: Sequence[FactRow], scores: Scores) -> None:
    """Ask, and add recall: see `report`."""
    report(ask(subject, facts), subject.config, scores)


def report(asked: AskedFacts, config: EvalsConfig, scores: Scores) -> None:
    """Add recall by way of asking and by frequency.

    For facts that are stated often also by kind of value and by relation.
    """
    chosen, apart, known, ended = asked.facts, asked.held_out, asked.known, asked.ended
    again, guessed = asked.again, asked.guessed

    def share(name: str, marks: Sequence[bool], of: Sequence[int]) -> None:
        scores.share("facts", name, "recall", [marks[i] for i in of])

    for frequency in FREQUENCIES:
        of = [index for index, fact in enumerate(chosen) if fact["frequency"] == frequency]
        hidden = [i for i in of if apart[i]]
        others = [i for i in of if not apart[i]]
        new = [again[i] for i in hidden if i in again]
        scores.share("facts", f"question_{frequency}_new_wordings", "recall", new)
        share(f"question_{frequency}", known, hidden)
        share(f"completion_{frequency}", ended, hidden)
        share(f"guessing_{frequency}", guessed, hidden)
        share(f"question_{frequency}_trained_entities", known, others)
        share(f"completion_{frequency}_trained_entities", ended, others)
    often = [i for i, fact in enumerate(chosen) if fact["frequency"] == "often"]
    unasked = [i for i in often if apart[i] and not chosen[i]["asked"]]
    share("question_often_no_page_asks", known, unasked)
    for kind in ("names", "words", "numbers"):
        of = [i for i in often if apart[i] and kind_of(chosen[i]["value"]) == kind]
        share(f"question_often_{kind}", known, of)
        share(f"guessing_often_{kind}", guessed, of)
    for relation in sorted({chosen[i]["attribute"] for i in often}):
        of = [i for i in often if chosen[i]["attribute"] == relation]
        scores.share(RELATIONS_SUITE, relation, "recall", [known[i] for i in of])
        scores.share(RELATIONS_SUITE, relation, "guessing", [guessed[i] for i in of])
    half = config.samples_per_suite // 2
    for i in spread(range(len(chosen)), half):
        fact = chosen[i]
        scores.sample("facts", fact["prompt"], asked.completions[i].text, fact["value"], ended[i])
    for i in spread(range(len(chosen)), config.samples_per_suite - half):
        fact = chosen[i]
        scores.sample("facts", fact["question"], asked.answers[i].text, fact["value"], known[i])
