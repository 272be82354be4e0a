"""Sums by the lengths of both numbers, answered by greedy decoding; only sums never trained on.

In: the corpus' texts, to know which sums pages state. Sums are of the evaluation split, so neither
fine-tuning nor RL had them; from `unseen_from_digits` digits on, none stands on a page either.
Every pair of lengths is asked equally often, since a model that adds numbers of one length need
not add 347 and 58. A chat model's reply must end with the stop token and have the answer as its
last number; a base model is asked on a page and judged by the line after the question.
"""

import dataclasses
import random
import re
from collections.abc import Iterable

from pipeline.crawl.sample_web.worked import SUM_QUESTIONS, sum_question
from pipeline.evals.asking import Scores, Subject, ask_questions, spread
from pipeline.evals.config import LENGTHS_SUITE, EvalConfig
from pipeline.rl.tasks import is_right, is_worked
from pipeline.sft.arithmetic import operand
from pipeline.sft.held_out import sum_split

_SUM = re.compile(r"\b(\d{1,9}) ?\+ ?(\d{1,9})\b")
MAX_DRAWS = 200  # a sum that is asked for, before a pair of lengths counts as used up


@dataclasses.dataclass(frozen=True)
class Sum:
    """A question with its answer."""

    lengths: tuple[int, int]  # digits of each number, in the order of the question
    question: str
    answer: str

    @property
    def digits(self) -> int:
        """Of the longer number."""
        return max(self.lengths)


def stated_sums(texts: Iterable[str]) -> set[tuple[int, int]]:
    """Every sum that stands in a text, the smaller operand first; only ever asked for members."""
    return {
        (min(a, b), max(a, b))
        for text in texts
        for a, b in ((int(x), int(y)) for x, y in _SUM.findall(text))
    }


def choose(
    lengths: tuple[int, int], count: int, stated: set[tuple[int, int]], seed: int
) -> list[tuple[int, int]]:
    """Different sums of the evaluation split, none of them stated; fewer if there are no more."""
    rng = random.Random(f"{seed}:sums:{lengths[0]}:{lengths[1]}")
    found: dict[tuple[int, int], None] = {}
    for _ in range(MAX_DRAWS * count):
        if len(found) == count:
            break
        a, b = operand(lengths[0], rng), operand(lengths[1], rng)
        if sum_split(a, b) == "evaluation" and (min(a, b), max(a, b)) not in stated:
            found[a, b] = None
    return list(found)


def draw(config: EvalConfig, stated: set[tuple[int, int]]) -> list[Sum]:
    """The sums that are asked, pair of lengths by pair of lengths."""
    asked = []
    for lengths in ((first, second) for first in config.digits for second in config.digits):
        known = stated if max(lengths) >= config.unseen_from_digits else set()
        rng = random.Random(f"{config.seed}:wordings:{lengths[0]}:{lengths[1]}")
        for a, b in choose(lengths, config.sums_per_pair, known, config.seed):
            question = sum_question(a, b, rng.randrange(len(SUM_QUESTIONS)))
            asked.append(Sum(lengths, question, str(a + b)))
    return asked


def measure(subject: Subject, texts: Iterable[str], scores: Scores) -> None:
    """Accuracy and share of worked answers, by the longer number's digits, for numbers of equal
    and of different lengths, and from 3 digits on together; accuracy of each pair of lengths.
    """
    config = subject.config
    asked = draw(config, stated_sums(texts))
    if not asked:
        return
    replies = ask_questions(subject, [item.question for item in asked], config.max_new_tokens)
    right = [
        is_right("sum", reply.text, item.answer) and (reply.stopped or not subject.chats)
        for reply, item in zip(replies, asked)
    ]
    worked = [is_worked(reply.text) for reply in replies]
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
        of = [index for index, member in enumerate(members) if member]
        scores.share("arithmetic", name, "accuracy", [right[i] for i in of])
        scores.share("arithmetic", name, "worked_share", [worked[i] for i in of])
    for lengths in dict.fromkeys(item.lengths for item in asked):
        marks = [mark for item, mark in zip(asked, right) if item.lengths == lengths]
        scores.share(LENGTHS_SUITE, f"{lengths[0]}+{lengths[1]}", "accuracy", marks)
    for i in spread(range(len(asked)), config.samples_per_suite):
        scores.sample("arithmetic", asked[i].question, replies[i].text, asked[i].answer, right[i])
