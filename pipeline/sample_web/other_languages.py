"""Pages in other languages: news and travel notes that the language filter should drop."""

import random

from pipeline.sample_web.page_builder import Block, Page
from pipeline.sample_web.prose import expand
from pipeline.sample_web.text_languages import LANGUAGES

# Drawn in this order, the frequent ones first, as on the web.
SHARES = {"de": 0.22, "fr": 0.19, "es": 0.19, "it": 0.12, "pt": 0.12, "ru": 0.09, "ja": 0.07}


def foreign(language: str, rng: random.Random) -> Page:
    """Nine to fourteen different sentences in paragraphs."""
    titles, sentences, lists = LANGUAGES[language]
    chosen = rng.sample(sentences, rng.randint(10, min(15, len(sentences))))
    drawn = [
        expand(sentence, rng, {key: rng.choice(values) for key, values in lists.items()})
        for sentence in chosen
    ]
    blocks = []
    joint = "" if language == "ja" else " "
    while drawn:
        size = rng.randint(3, 5)
        blocks.append(Block("p", joint.join(drawn[:size])))
        drawn = drawn[size:]
    title = expand(rng.choice(titles), rng, {k: rng.choice(v) for k, v in lists.items()})
    return Page("foreign", title, tuple(blocks), language=language)
