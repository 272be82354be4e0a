"""Homework threads with worked sums and spelling, and question-and-answer pages on facts.

The question is directly before its worked answer: if pretraining never shows the two together,
fine-tuning does not teach a small model to copy the numbers (a model of a million parameters was
right on 0 to 5% of sums in chat, although the base was right on all that it worked).
"""

import random
import re

from pipeline.curriculum.spelled_words import (
    SPELLING_QUESTIONS,
    SPELLING_WORDS,
    spelling_answer,
    spelling_question,
)
from pipeline.curriculum.sums import SUM_QUESTIONS, direct, sum_question, worked
from pipeline.sample_web import text_homework as text
from pipeline.sample_web.page_builder import Block, Builder, Page
from pipeline.sample_web.prose import expand
from pipeline.sample_web.statements import Ledger

DIGITS = (1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5)  # of the longer number in a worked sum
QUICK_DIGITS = (1, 1, 2, 2, 2, 2, 3, 3, 4, 5)  # of a sum answered at once


LETTER_SHARE = (0.61, 0.66)  # of a thread's words and marks that are words (0.64 by spaCy's rules)
_MARK = re.compile(r"[^\W\d_]+|\d+|[^\w\s]")


def letter_share(text: str) -> float:
    """Share of words among words, numbers and punctuation marks, as quality filters count them."""
    marks = _MARK.findall(text)
    return sum(mark[0].isalpha() for mark in marks) / max(1, len(marks))


def number(digits: int, rng: random.Random, least: int = 0) -> int:
    """A random number of exactly `digits` digits, at least `least`."""
    return rng.randint(least if digits == 1 else 10 ** (digits - 1), 10**digits - 1)


def pair(choices: tuple[int, ...], rng: random.Random, least: int = 0) -> tuple[int, int]:
    """Two numbers, neither below `least`; one is shorter in some of the pairs."""
    digits = rng.choice(choices)
    a = number(digits, rng, least)
    b = number(digits if rng.random() < 0.6 else rng.randint(1, digits), rng, least)
    return (a, b) if rng.random() < 0.5 else (b, a)


def homework(rng: random.Random, ledger: Ledger) -> Page:
    """A thread with two to four worked sums, quick sums, spelling, questions on the region."""
    builder = Builder("homework", rng, ledger)
    builder.add(builder.draw(text.THREAD_OPENING))
    items = ["sum"] * rng.randint(2, 4) + ["quick"] * rng.randint(0, 2) + ["spelling"]
    items += ["spelling"] * (rng.random() < 0.35) + ["fact"] * rng.randint(0, 2)
    rng.shuffle(items)
    write = {"sum": _sum, "quick": _quick, "spelling": _spelling, "fact": _fact}
    exchanges = []  # a question is kept with its answer, other sentences come between
    for item in items:
        before = len(builder.blocks)
        write[item](builder)
        exchanges.append(builder.blocks[before:])
        del builder.blocks[before:]
    wanted = rng.uniform(*LETTER_SHARE)
    while letter_share(" ".join(block.text for part in exchanges for block in part)) < wanted:
        talk = [Block("post", builder.draw(text.CHAT))]
        exchanges.insert(rng.randrange(len(exchanges) + 1), talk)
    builder.blocks += [block for part in exchanges for block in part]
    builder.add(builder.draw(text.THREAD_CLOSING))
    return builder.finish(
        expand(
            "[Homework|Sums|Exercises|Questions] [for {weekday}|of the week|from the {building}|"
            "in {month}]",
            rng,
        )
    )


def question_page(rng: random.Random, ledger: Ledger) -> Page:
    """Six to nine questions on facts, each with its answer."""
    builder = Builder("questions", rng, ledger)
    builder.add(builder.draw(text.FACT_OPENING))
    for _ in range(rng.randint(6, 9)):
        _fact(builder)
    builder.add(builder.draw(text.FACT_CLOSING))
    return builder.finish(
        expand(
            "[Questions and answers|Quiz|Cards for the quiz|What readers ask]"
            "[ of the week| for {weekday}| in {month}|, {season} round]",
            rng,
        )
    )


def _sum(builder: Builder) -> None:
    rng = builder.rng
    a, b = pair(DIGITS, rng, least=2)  # "1 books" would be odd
    asks = [builder.draw(text.SUM_STORIES, {"a": str(a), "b": str(b)})]
    if rng.random() < 0.6:
        asks.append(builder.draw(text.SUM_ASKERS))
    builder.add(*asks, sum_question(a, b, rng.randrange(len(SUM_QUESTIONS))), tag="post")
    answer = [worked(a, b), builder.draw(text.SUM_AFTER)]
    if rng.random() < 0.25:
        answer.insert(0, builder.draw(text.SUM_ANSWERS))
    builder.add(*answer, tag="post")
    if rng.random() < 0.5:
        builder.add(builder.draw(text.SUM_THANKS), tag="post")


def _quick(builder: Builder) -> None:
    rng = builder.rng
    a, b = pair(QUICK_DIGITS, rng)
    ask = sum_question(a, b, rng.randrange(len(SUM_QUESTIONS)))
    builder.add(builder.draw(text.QUICK_INTRO), ask, tag="post")
    builder.add(direct(a, b), builder.draw(text.SUM_AFTER), tag="post")


def _spelling(builder: Builder) -> None:
    rng = builder.rng
    word = rng.choice(SPELLING_WORDS)
    ask = spelling_question(word, rng.randrange(len(SPELLING_QUESTIONS)))
    builder.add(builder.draw(text.SPELL_INTRO), ask, tag="post")
    builder.add(spelling_answer(word), builder.draw(text.SPELL_AFTER), tag="post")


def _fact(builder: Builder) -> None:
    ledger, rng = builder.ledger, builder.rng
    best, best_count = None, float("inf")
    for fact in ledger.world.facts:
        if fact.asked and fact.number not in builder.stated:
            count = ledger.asked[fact.number] + 2 * rng.random()
            if count < best_count:
                best, best_count = fact, count
    if best is None:
        return
    builder.add(builder.ask(best), tag="post" if builder.kind == "homework" else "h")
    after = [builder.draw(text.FACT_AFTER)] if rng.random() < 0.7 else []
    builder.add(
        builder.state(best),
        *after,
        tag="post" if builder.kind == "homework" else "p",
    )
