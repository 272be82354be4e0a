"""Sums by number of digits, answered by greedy decoding; only sums that were never trained on.

In: the corpus' texts, to know which sums pages state. Sums are of the evaluation split, so neither
fine-tuning nor RL had them; from `unseen_from_digits` digits on, none stands on a page either. A
chat model's reply must end with the stop token and have the answer as its last number; a base
model is asked on a page and judged by the line after the question.
"""

import random
import re
from collections.abc import Iterable

from pipeline.crawl.sample_web.worked import SUM_QUESTIONS, sum_question
from pipeline.evals.asking import Scores, Subject, ask_questions, spread
from pipeline.rl.tasks import is_right, is_worked
from pipeline.sft.arithmetic import operand
from pipeline.sft.held_out import sum_split

_SUM = re.compile(r"\b(\d{1,9}) ?\+ ?(\d{1,9})\b")
MAX_DRAWS = 200  # a sum that is asked for, before a number of digits counts as used up


def stated_sums(texts: Iterable[str]) -> set[tuple[int, int]]:
    """Every sum that stands in a text, the smaller operand first; only ever asked for members."""
    return {
        (min(a, b), max(a, b))
        for text in texts
        for a, b in ((int(x), int(y)) for x, y in _SUM.findall(text))
    }


def choose(
    digits: int, count: int, stated: set[tuple[int, int]], seed: int
) -> list[tuple[int, int]]:
    """Different sums of the evaluation split, none of them stated; fewer if there are no more."""
    rng = random.Random(f"{seed}:sums:{digits}")
    found: dict[tuple[int, int], None] = {}
    for _ in range(MAX_DRAWS * count):
        if len(found) == count:
            break
        a, b = operand(digits, rng), operand(digits, rng)
        if sum_split(a, b) == "evaluation" and (min(a, b), max(a, b)) not in stated:
            found[a, b] = None
    return list(found)


def measure(subject: Subject, texts: Iterable[str], scores: Scores) -> None:
    """Accuracy and share of worked answers by digits, and accuracy from 3 digits on together."""
    config = subject.config
    stated = stated_sums(texts)
    asked: list[tuple[int, str, str]] = []
    for digits in config.digits:
        known = stated if digits >= config.unseen_from_digits else set()
        rng = random.Random(f"{config.seed}:wordings:{digits}")
        for a, b in choose(digits, config.sums_per_digit, known, config.seed):
            question = sum_question(a, b, rng.randrange(len(SUM_QUESTIONS)))
            asked.append((digits, question, str(a + b)))
    if not asked:
        return
    replies = ask_questions(subject, [question for _, question, _ in asked], config.max_new_tokens)
    right = [
        is_right("sum", reply.text, answer) and (reply.stopped or not subject.chats)
        for reply, (_, _, answer) in zip(replies, asked)
    ]
    worked = [is_worked(reply.text) for reply in replies]
    for digits in config.digits:
        of = [i for i, item in enumerate(asked) if item[0] == digits]
        name = f"{digits}_digits" if digits > 1 else "1_digit"
        scores.share("arithmetic", name, "accuracy", [right[i] for i in of])
        scores.share("arithmetic", name, "worked_share", [worked[i] for i in of])
    large = [i for i, item in enumerate(asked) if item[0] >= 3]
    scores.share("arithmetic", "3_or_more_digits", "accuracy", [right[i] for i in large])
    scores.share("arithmetic", "3_or_more_digits", "worked_share", [worked[i] for i in large])
    for i in spread(range(len(asked)), config.samples_per_suite):
        scores.sample("arithmetic", asked[i][1], replies[i].text, asked[i][2], right[i])
