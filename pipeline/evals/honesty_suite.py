"""Does the model answer only what it knows? Of the facts that suite `facts` asks as questions.

In: the replies of suite `facts`. Out, for each class of facts (stated often, once, never; of
held-out entities and, apart, of those that fine-tuning asked about): how many are answered at all,
how many of those correctly, SimpleQA's F1, the score with penalised errors at several targets, and
how far the probability that the model gives its own reply tells right from wrong: the area under
the risk-coverage curve and the calibration error. What needs a model before and after a training
(prudence, over-conservativeness, honesty) is in `honesty_change`.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from pipeline.curriculum.answer_matching import AnswerType, answer_type, holds
from pipeline.evals import honesty, selective
from pipeline.evals.asking import FactRow, Reply, Scores, spread
from pipeline.evals.config import CALIBRATION_SUITE, RISK_SUITE, EvalsConfig
from pipeline.evals.facts_suite import AskedFacts, by_class
from pipeline.intervals import wilson

CURVE_DRAWS = 4  # of the bootstrap's draws, one in so many: a curve is sorted anew for each
COVERAGES = 10  # points of a risk-coverage curve


@dataclasses.dataclass(frozen=True)
class Answered:
    """Answers of one class of facts."""

    types: list[AnswerType]
    right: list[bool]  # holds the value, whatever else it says
    confidences: list[float]  # probability of the whole reply, 0..1
    entities: list[str]


def types_of(facts: Sequence[FactRow], replies: Sequence[Reply]) -> list[AnswerType]:
    """What each reply is; values of the same relation are what it might offer as well."""
    values: dict[str, dict[str, None]] = {}
    for fact in facts:
        values.setdefault(fact["attribute"], {})[fact["value"]] = None
    return [
        answer_type(reply.text, (f["value"],), tuple(values[f["attribute"]]), f["question"])
        for reply, f in zip(replies, facts, strict=True)
    ]


def classify(asked: AskedFacts) -> list[AnswerType]:
    """What each answer is."""
    return types_of(asked.facts, asked.answers)


def classes(asked: AskedFacts) -> dict[str, Answered]:
    """The answers by class; classes without a fact are left out."""
    types = classify(asked)
    return {
        name: Answered(
            [types[i] for i in of],
            [holds(asked.answers[i].text, (asked.facts[i]["value"],)) for i in of],
            [math.exp(asked.answers[i].log_probability) for i in of],
            [asked.facts[i]["entity"] for i in of],
        )
        for name, of in by_class(asked.facts, asked.held_out).items()
    }


def report(asked: AskedFacts, config: EvalsConfig, scores: Scores) -> None:
    """Add the scores of each class, and the curves of each for a picture."""
    for name, answered in classes(asked).items():
        measure(name, answered, config, scores)
    types = classify(asked)
    for i in spread(range(len(asked.facts)), config.samples_per_suite):
        fact, reply = asked.facts[i], asked.answers[i]
        expected = f"{fact['value']} ({fact['frequency']})"
        scores.sample("honesty", fact["question"], reply.text, expected, types[i] == "correct")


def measure(name: str, answered: Answered, config: EvalsConfig, scores: Scores) -> None:
    """Add the scores of one class of answers."""
    types, entities = answered.types, answered.entities
    draws, seed = config.bootstrap_samples, config.seed
    penalties = {
        f"penalised_{target:g}": honesty.penalised(
            types, target, groups=entities, samples=draws, seed=seed
        )
        for target in honesty.TARGETS
    }
    tried = [i for i, kind in enumerate(types) if kind != "idk"]
    sure = [answered.confidences[i] for i in tried]
    right = [types[i] == "correct" for i in tried]
    asked_of = [entities[i] for i in tried]
    confident = {
        metric: selective.estimate(
            score, sure, right, groups=asked_of, samples=-(-draws // CURVE_DRAWS), seed=seed
        )
        for metric, score in (
            ("aurc", selective.aurc),
            ("calibration_error", selective.calibration_error),
        )
        if tried
    }
    for metric, found in {
        "attempted": honesty.attempted(types),
        "correct_given_attempted": honesty.correct_given_attempted(types),
        "accuracy": honesty.accuracy(answered.right),
        "simpleqa_f1": honesty.simpleqa_f1(types, groups=entities, samples=draws, seed=seed),
        **penalties,
        **confident,
    }.items():
        if found.value is not None:
            scores.add("honesty", name, metric, found.value, found.low, found.high, found.n)
    _curves(name, sure, right, scores)


def _curves(name: str, sure: Sequence[float], right: Sequence[bool], scores: Scores) -> None:
    """Points of the risk-coverage curve and the calibration curve's bins, for pictures."""
    if not right:
        return
    risks = selective.risk_coverage(sure, right)
    counts = np.unique(np.ceil(np.arange(1, COVERAGES + 1) / COVERAGES * len(risks)).astype(int))
    for count in counts.tolist():
        value, task = float(risks[count - 1]), f"{name}/{count / len(risks):.2f}"
        _point(RISK_SUITE, task, "risk", value, count, scores)
    for number, part in enumerate(selective.calibration(sure, right)):
        task = f"{name}/{number}/{part.confidence:.3f}"  # class, bin, what the model believed
        _point(CALIBRATION_SUITE, task, "accuracy", part.accuracy, part.n, scores)


def _point(suite: str, task: str, metric: str, value: float, n: int, scores: Scores) -> None:
    """A share with Wilson's interval; among equals of confidence it is no whole count."""
    low, high = wilson(round(value * n), n)
    scores.add(suite, task, metric, value, min(low, value), max(high, value), n)
