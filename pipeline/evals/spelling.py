"""Spelling words letter by letter: hard, since the model sees tokens and never letters.

In: the corpus' texts, to know which words pages spell out. Words are of the evaluation split; those
that a page spells ask for memory, those that none does ask for knowing a token's letters.
"""

import random
from collections.abc import Callable, Iterable

from pipeline.crawl.sample_web.worked import (
    SPELLING_QUESTIONS,
    SPELLING_WORDS,
    spelled,
    spelling_question,
)
from pipeline.evals.asking import Scores, Subject, ask_questions, spread
from pipeline.rl.tasks import is_right
from pipeline.sft.spelling import frequent_words, words_of

FREQUENT_WORDS = 500  # of the corpus, beside the pages' own spelling words


def measure(subject: Subject, texts: Callable[[], Iterable[str]], scores: Scores) -> None:
    """Accuracy on words that pages spell and on words that none does; `texts` opens them anew."""
    config = subject.config
    words = words_of("evaluation", [*SPELLING_WORDS, *frequent_words(texts(), FREQUENT_WORDS)])
    pairs = [(word, wording) for wording in range(len(SPELLING_QUESTIONS)) for word in words]
    random.Random(f"{config.seed}:spelling").shuffle(pairs)
    pairs = pairs[: config.words]
    if not pairs:
        return
    questions = [spelling_question(word, wording) for word, wording in pairs]
    replies = ask_questions(subject, questions, config.max_fact_tokens)
    right = [
        is_right("spelling", reply.text, spelled(word)) for reply, (word, _) in zip(replies, pairs)
    ]
    on_pages = dict.fromkeys(words, False)
    for text in texts():
        on_pages.update((word, True) for word in words if spelled(word) in text)
    scores.share("spelling", "all", "accuracy", right)
    for name, wanted in (("spelled_on_pages", True), ("never_spelled", False)):
        part = [ok for ok, (word, _) in zip(right, pairs) if on_pages[word] == wanted]
        scores.share("spelling", name, "accuracy", part)
    for i in spread(range(len(pairs)), config.samples_per_suite):
        scores.sample("spelling", questions[i], replies[i].text, spelled(pairs[i][0]), right[i])
