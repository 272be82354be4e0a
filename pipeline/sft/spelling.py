"""Conversations that spell a word: `harbour` is `h-a-r-b-o-u-r.`

In: documents of the corpus, for the words people really use there. Out: question and answer pairs
in the wordings of the sample web's pages (more of them only thin out what each teaches: 8% of new
words in place of 13%, and 1% in new wordings either way, n = 100). Words of the other splits (RL,
evaluation) are left out.
"""

import random
from collections.abc import Iterable

from pipeline.chat.conversation import Message, assistant, user
from pipeline.curriculum.spelled_words import (
    SPELLING_QUESTIONS,
    SPELLING_WORDS,
    frequent_words,
    spelling_answer,
    words_of,
)


def conversations(
    texts: Iterable[str], *, count: int, words: int, rng: random.Random
) -> list[tuple[list[Message], str]]:
    """Words of the corpus spelled out, in several wordings.

    Args:
        texts: of the corpus.
        count: conversations, at most.
        words: different words, the most frequent.
        rng: the random generator.

    Returns:
        Each conversation with its word.
    """
    known = words_of("sft", [*SPELLING_WORDS, *frequent_words(texts, words)])
    pairs = [(word, wording) for wording in SPELLING_QUESTIONS for word in known]
    rng.shuffle(pairs)
    return [
        ([user(wording.format(word=word)), assistant(spelling_answer(word))], word)
        for word, wording in pairs[:count]
    ]
