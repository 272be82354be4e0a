"""Spelling words letter by letter: hard, because the model sees tokens and never letters.

In: the corpus' texts, to know which words pages use and which they spell out. Words are of the
evaluation split, of the frequent words that fine-tuning takes its own from, each asked once; those
that a page spells ask for memory, those that none does ask for knowing a token's letters. The same
words are asked in wordings that were never trained, and made-up words that no page holds.
"""

import dataclasses
import random
from collections.abc import Callable, Iterable, Sequence

from pipeline.curriculum.spelled_words import (
    SPELLING_QUESTIONS,
    SPELLING_WORDS,
    frequent_words,
    spelled,
    words_of,
)
from pipeline.curriculum.tasks import is_right
from pipeline.evals import unseen
from pipeline.evals.asking import Reply, Scores, Subject, ask_questions, spread
from pipeline.evals.config import EvalsConfig
from pipeline.evals.few_shot import made_up_words
from pipeline.sft.config import ConversationsConfig

FREQUENT_WORDS = ConversationsConfig().spelling_words  # of the corpus, beside the pages' own
COMMON_WORDS = 500  # the most frequent of them


@dataclasses.dataclass(frozen=True)
class AskedWords:
    """The words that a model was asked to spell, and what it said."""

    frequent: list[str]  # of the corpus, the most frequent first
    words: list[str]  # asked in the pages' wordings, and so many of them as `again` in new ones
    again: int
    asked: list[tuple[str, str]]  # question and word: `words`, those again, made-up ones
    replies: list[Reply]
    right: list[bool]

    @property
    def right_again(self) -> list[bool]:
        """Marks of the new wordings."""
        return self.right[len(self.words) : len(self.words) + self.again]


def ask(subject: Subject, texts: Callable[[], Iterable[str]]) -> AskedWords:
    """Ask a model to spell words of the corpus that `texts` opens."""
    config = subject.config
    frequent = frequent_words(texts(), FREQUENT_WORDS)
    words = words_of("evaluation", [*SPELLING_WORDS, *frequent])
    random.Random(f"{config.seed}:spelling").shuffle(words)
    words = words[: config.words]
    again = words[: config.unseen_wordings]
    invented = made_up_words(config.unseen_wordings // 2, config.seed) if words else []
    asked = [
        *_questions(words, SPELLING_QUESTIONS),
        *_questions(again, unseen.SPELLING),
        *_questions([word for word, _ in invented], SPELLING_QUESTIONS),
    ]
    replies = ask_questions(subject, [question for question, _ in asked], config.max_fact_tokens)
    right = [
        is_right("spelling", reply.text, spelled(word)) for reply, (_, word) in zip(replies, asked)
    ]
    return AskedWords(frequent, words, len(again), asked, replies, right)


def measure(subject: Subject, texts: Callable[[], Iterable[str]], scores: Scores) -> None:
    """Ask, and add accuracies: see `report`."""
    report(ask(subject, texts), texts, subject.config, scores)


def report(
    found: AskedWords,
    texts: Callable[[], Iterable[str]],
    config: EvalsConfig,
    scores: Scores,
) -> None:
    """Add accuracies.

    They are measured in new wordings, in the pages' wordings, by whether pages spell the word, by
    its length and frequency, and for made-up words. Each call of `texts` opens the corpus again.
    """
    words, asked, replies, right = found.words, found.asked, found.replies, found.right
    if not words:
        return
    on_pages = dict.fromkeys(words, False)
    for text in texts():
        on_pages.update((word, True) for word in words if spelled(word) in text)
    first = {word: place for place, word in enumerate(found.frequent)}
    after = len(words) + found.again
    scores.share("spelling", "new_wordings", "accuracy", found.right_again)
    scores.share("spelling", "all", "accuracy", right[: len(words)])
    for name, wanted in (
        ("never_spelled", lambda word: not on_pages[word]),
        ("spelled_on_pages", lambda word: on_pages[word]),
        ("6_letters_or_more", lambda word: len(word) > 5),
        ("3_to_5_letters", lambda word: len(word) <= 5),
        ("rarer_words", lambda word: first.get(word, FREQUENT_WORDS) >= COMMON_WORDS),
        (
            f"{COMMON_WORDS}_commonest_words",
            lambda word: first.get(word, FREQUENT_WORDS) < COMMON_WORDS,
        ),
    ):
        part = [ok for ok, word in zip(right, words) if wanted(word)]
        scores.share("spelling", name, "accuracy", part)
    scores.share("spelling", "made_up_words", "accuracy", right[after:])
    for i in spread(range(len(asked)), config.samples_per_suite):
        scores.sample("spelling", asked[i][0], replies[i].text, spelled(asked[i][1]), right[i])


def _questions(words: Sequence[str], wordings: Sequence[str]) -> list[tuple[str, str]]:
    """Each word with its question; the wordings take turns."""
    return [
        (wordings[number % len(wordings)].format(word=word), word)
        for number, word in enumerate(words)
    ]
