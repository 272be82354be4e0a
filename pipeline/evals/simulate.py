"""A base model as a simulator of web pages: it continues the beginnings of held-out pages.

In: validation pages. Out: samples (the page's beginning, the model's continuation, the page's own
continuation) and one figure for both: the share of word 4-grams that occurred earlier in the same
continuation. A model that repeats itself has a much larger share than pages have.
"""

from collections.abc import Iterable

import numpy as np

from pipeline.evals.asking import Scores, Subject, spread
from pipeline.evals.page_bits import CorpusPage, choose
from pipeline.intervals import bootstrap_ratio

GRAM = 4  # words
TOP_K = 40  # as `crawl2chat complete` samples; greedy decoding repeats itself
TEMPERATURE = 0.8


def measure(subject: Subject, validation: Iterable[CorpusPage], scores: Scores) -> None:
    """Add continuations of pages that are long enough to be cut, and how much they repeat."""
    config, tokenizer = subject.config, subject.tokenizer
    room = subject.model.config.max_context - 1  # the document token comes first
    prefix = min(config.page_prefix_tokens, room // 2)
    length = min(config.page_tokens, room - prefix)
    pages = choose(validation, None, config.validation_bytes)
    encoded = tokenizer.encode_batch([page.text for page in pages])
    cut = [ids for ids in encoded if len(ids) >= prefix + length][: config.simulated_pages]
    if not cut or length < 1:
        return
    found = subject.engine.generate(
        [[tokenizer.document_token, *ids[:prefix]] for ids in cut],
        max_new_tokens=length,
        temperature=TEMPERATURE,
        top_k=TOP_K,
        stop_tokens=tokenizer.stop_tokens,
        seed=config.seed,
    )
    said = [tokenizer.decode(_unstopped(c.tokens, c.stopped)) for (c,) in found]
    truth = [tokenizer.decode(ids[prefix : prefix + length]) for ids in cut]
    for name, texts in (("model", said), ("held_out_pages", truth)):
        counts = np.array([repeated_grams(text) for text in texts], dtype=float)
        repeated, grams = counts[counts[:, 1] > 0].T
        if not len(grams):
            continue
        low, high = bootstrap_ratio(repeated, grams, config.bootstrap_samples, config.seed)
        value = float(repeated.sum() / grams.sum())
        scores.add("simulator", name, f"repeated_word_{GRAM}_grams", value, low, high, len(grams))
    for i in spread(range(len(cut)), config.samples_per_suite):
        beginning = tokenizer.decode(cut[i][:prefix])
        scores.sample("simulator", beginning, said[i], truth[i], None)


def repeated_grams(text: str) -> tuple[int, int]:
    """The number of word 4-grams that occurred earlier in the text, and of all of them."""
    words = text.split()
    grams = [tuple(words[i : i + GRAM]) for i in range(len(words) - GRAM + 1)]
    return len(grams) - len(frozenset(grams)), len(grams)


def _unstopped(tokens: list[int], stopped: bool) -> list[int]:
    return tokens[:-1] if stopped else tokens
