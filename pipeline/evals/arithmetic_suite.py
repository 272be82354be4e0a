"""Sums by the lengths of both numbers, answered by greedy decoding; only sums never trained on.

In: the corpus' texts, to know which sums pages state. Sums are of the evaluation split, so neither
fine-tuning nor RL had them; those of `unseen_from_digits` digits or more are on no page either.
There are three kinds of questions: sums in wordings that were never trained, plain ones and small
stories; every pair of lengths equally often in the pages' wordings, since a model that adds numbers
of equal length may still fail at 347 + 58; and sums that no stage trains: longer numbers, thousands
with commas, three numbers. A chat model's reply must end with the stop token and have the answer as
its last number; a base model is asked on a page and judged by the line after the question.
"""

import dataclasses
import random
import re
from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.curriculum.held_out import sum_split
from pipeline.curriculum.sums import SUM_QUESTIONS, operand, sum_question
from pipeline.curriculum.tasks import is_right, is_worked
from pipeline.evals import unseen
from pipeline.evals.asking import Reply, Scores, Subject, ask_questions, spread
from pipeline.evals.config import LENGTHS_SUITE, EvalsConfig

_SUM = re.compile(r"\b(\d{1,9}) ?\+ ?(\d{1,9})\b")
MAX_DRAWS = 200  # for each sum that is wanted, before a pair of lengths counts as used up
WORDINGS: dict[str, tuple[str, ...]] = {  # of the others: the pages' own
    "new_wordings": unseen.SUMS,
    "new_stories": unseen.STORIES,
    "three_numbers": unseen.THREE_NUMBERS,
}
NOT_TRAINED_SHARE = 0.5  # of `unseen_wordings`: how many sums of each kind that no stage trains


@dataclasses.dataclass(frozen=True)
class Sum:
    """A question with its answer."""

    lengths: tuple[int, int]  # digits of each number, in the order of the question
    question: str
    answer: str

    @property
    def digits(self) -> int:
        """Digits of the longer number."""
        return max(self.lengths)


def stated_sums(texts: Iterable[str]) -> set[tuple[int, int]]:
    """Every sum (a, b), a <= b, that a text states. Use it for look-ups: its order is arbitrary."""
    return {
        (min(a, b), max(a, b))
        for text in texts
        for a, b in ((int(x), int(y)) for x, y in _SUM.findall(text))
    }


def choose(
    lengths: tuple[int, int], count: int, stated: set[tuple[int, int]], seed: int | str
) -> list[tuple[int, int]]:
    """Different sums of the evaluation split, none of them stated; fewer if there are no more.

    Args:
        lengths: digits of each operand.
        count: how many to choose.
        stated: from `stated_sums`.
        seed: of the draw.
    """
    rng = random.Random(f"{seed}:sums:{lengths[0]}:{lengths[1]}")
    found: dict[tuple[int, int], None] = {}
    for _ in range(MAX_DRAWS * count):
        if len(found) == count:
            break
        a, b = operand(lengths[0], rng), operand(lengths[1], rng)
        if sum_split(a, b) == "evaluation" and (min(a, b), max(a, b)) not in stated:
            found[a, b] = None
    return list(found)


def draw(config: EvalsConfig, stated: set[tuple[int, int]]) -> list[Sum]:
    """The sums that are asked in the pages' wordings, ordered by their pairs of lengths."""
    asked = []
    for lengths in ((first, second) for first in config.digits for second in config.digits):
        known = stated if max(lengths) >= config.unseen_from_digits else set()
        rng = random.Random(f"{config.seed}:wordings:{lengths[0]}:{lengths[1]}")
        for a, b in choose(lengths, config.sums_per_pair, known, config.seed):
            question = sum_question(a, b, rng.randrange(len(SUM_QUESTIONS)))
            asked.append(Sum(lengths, question, str(a + b)))
    return asked


def draw_unseen(config: EvalsConfig, stated: set[tuple[int, int]]) -> dict[str, list[Sum]]:
    """Sums that differ from the trained ones in wording or kind, by the name of the difference.

    Their longer number has 3 digits or more, where `config.digits` has so many.
    """
    count = config.unseen_wordings
    if not count or not config.digits:
        return {}
    rng = random.Random(f"{config.seed}:unseen sums")
    few = max(1, round(NOT_TRAINED_SHARE * count))
    least = min(3, max(config.digits))
    lengths = [(a, b) for a in config.digits for b in config.digits if max(a, b) >= least]
    longer = max(config.digits) + 1
    pairs = {
        name: _pairs(wanted, of, stated, f"{config.seed}:{name}")
        for name, wanted, of in (
            ("new_wordings", count, lengths),
            ("new_stories", count, lengths),
            ("with_commas", few, [(max(4, longer - 1), max(4, longer - 1))]),
            (f"{longer}_digits", few, [(longer, longer), (longer, 2), (3, longer)]),
            ("three_numbers", few, lengths),
        )
    }
    made: dict[str, list[Sum]] = {}
    for name, drawn in pairs.items():
        made[name] = []
        for number, (a, b) in enumerate(drawn):
            c = rng.randrange(10, 1_000) if name == "three_numbers" else 0
            values: dict[str, Any] = {"a": a, "b": b, "c": c}
            if name == "with_commas":
                values = {key: f"{value:,}" for key, value in values.items()}
            wordings = WORDINGS.get(name, SUM_QUESTIONS)
            wording = wordings[number % len(wordings)]
            question = wording.format(things=rng.choice(unseen.THINGS), **values)
            made[name].append(Sum((len(str(a)), len(str(b))), question, str(a + b + c)))
    return made


def _pairs(
    count: int, lengths: Sequence[tuple[int, int]], stated: set[tuple[int, int]], seed: str
) -> list[tuple[int, int]]:
    """`count` sums in random order, every pair of lengths as equally often as possible."""
    each = -(-count // len(lengths))
    pools = [choose(pair, each, stated, seed) for pair in lengths]
    found = [pool[turn] for turn in range(each) for pool in pools if turn < len(pool)]
    random.Random(seed).shuffle(found)
    return found[:count]


@dataclasses.dataclass(frozen=True)
class AskedSums:
    """The sums that a model was asked, and what it said."""

    asked: list[Sum]  # in the pages' wordings
    others: dict[str, list[Sum]]  # by how they differ from the trained ones
    replies: list[Reply]  # to `asked`, then to the others in their order
    right: list[bool]

    @property
    def every(self) -> list[Sum]:
        """All sums, in the order of `replies`."""
        return [*self.asked, *(item for items in self.others.values() for item in items)]

    def places(self) -> dict[str, range]:
        """Where the others stand in `replies`."""
        found, at = {}, len(self.asked)
        for name, items in self.others.items():
            found[name] = range(at, at + len(items))
            at += len(items)
        return found


def ask(subject: Subject, texts: Iterable[str]) -> AskedSums:
    """Ask a model sums that no text of `texts`, which it was trained on, states."""
    config = subject.config
    stated = stated_sums(texts)
    asked = draw(config, stated)
    found = AskedSums(asked, draw_unseen(config, stated) if asked else {}, [], [])
    questions = [item.question for item in found.every]
    replies = ask_questions(subject, questions, config.max_new_tokens)
    right = [
        is_right("sum", reply.text, item.answer) and (reply.stopped or not subject.chats)
        for reply, item in zip(replies, found.every)
    ]
    return dataclasses.replace(found, replies=replies, right=right)


def measure(subject: Subject, texts: Iterable[str], scores: Scores) -> None:
    """Ask, and add accuracies: see `report`."""
    report(ask(subject, texts), subject.config, scores)


def report(found: AskedSums, config: EvalsConfig, scores: Scores) -> None:
    """Add accuracies and shares of worked answers to `scores`.

    They are measured in new wordings, by the longer number's digits, for numbers of equal and of
    different lengths, for 3 digits and more together, and for kinds that are not trained; accuracy
    also for each pair of lengths.
    """
    asked, every, replies, right = found.asked, found.every, found.replies, found.right
    if not asked:
        return
    worked = [is_worked(reply.text) for reply in replies]
    unlike = found.places()

    def share(name: str, of: Sequence[int]) -> None:
        scores.share("arithmetic", name, "accuracy", [right[i] for i in of])
        scores.share("arithmetic", name, "worked_share", [worked[i] for i in of])

    trained_in_kind = ("new_wordings", "new_stories")
    for name in trained_in_kind:
        share(name, unlike.get(name, ()))
    groups = {
        **{
            f"{digits}_digits" if digits > 1 else "1_digit": [
                item.digits == digits for item in asked
            ]
            for digits in config.digits
        },
        "3_or_more_digits": [item.digits >= 3 for item in asked],
        "equal_lengths": [len(set(item.lengths)) == 1 for item in asked],
        "different_lengths": [len(set(item.lengths)) > 1 for item in asked],
    }
    for name, members in groups.items():
        share(name, [index for index, member in enumerate(members) if member])
    for name, of in unlike.items():
        if name not in trained_in_kind:
            share(name, of)
    for lengths in dict.fromkeys(item.lengths for item in asked):
        marks = [mark for item, mark in zip(asked, right) if item.lengths == lengths]
        scores.share(LENGTHS_SUITE, f"{lengths[0]}+{lengths[1]}", "accuracy", marks)
    for i in spread(range(len(every)), config.samples_per_suite):
        scores.sample("arithmetic", every[i].question, replies[i].text, every[i].answer, right[i])
