"""Small changes to finished pages: planted personal data, characters outside ASCII.

Both add a sentence to a paragraph and leave the rest of the page alone.
"""

import dataclasses
import random

from pipeline.sample_web import planted_pii
from pipeline.sample_web.page_builder import Block, Page
from pipeline.sample_web.prose import expand

# Sentences with characters that a wrong charset spoils.
ACCENTS = (
    "The café on {street} serves crème brûlée and, on {weekday}, a soup with jalapeños.",
    "“{food}?” asked the waiter of the café, and we said “yes” – what else?",
    "A naïve question, I know, but my {relative}’s résumé of the evening was: “too much {food}”.",
    "The façade of the {building} is older than the rest – so says the guide, a Señor Muñoz.",
    "At the Café Zürich one meets the whole jury of the {season} fair – and Mr. Brontë’s {animal}.",
)


def with_personal_data(page: Page, rng: random.Random, first_kind: str = "") -> Page:
    """One to three values planted in sentences of their own, the first of a given kind."""
    planted = []
    for number in range(rng.choice((1, 1, 1, 2, 3))):
        kind = rng.choices(list(planted_pii.SHARES), weights=list(planted_pii.SHARES.values()))[0]
        kind = first_kind if first_kind and not number else kind
        value = planted_pii.value(kind, rng)
        planted.append((kind, value))
        page = with_sentence(page, planted_pii.sentence(kind, value, rng), rng)
    return dataclasses.replace(page, pii=(*page.pii, *planted))


def with_accents(page: Page, rng: random.Random) -> Page:
    return with_sentence(page, expand(rng.choice(ACCENTS), rng), rng)


def with_sentence(page: Page, sentence: str, rng: random.Random) -> Page:
    """A sentence at the end of one of the page's paragraphs."""
    places = [i for i, block in enumerate(page.blocks) if block.tag == "p"]
    if not places:
        return page
    place = rng.choice(places)
    block = page.blocks[place]
    changed = Block(block.tag, f"{block.text} {sentence}")
    blocks = (*page.blocks[:place], changed, *page.blocks[place + 1 :])
    return dataclasses.replace(page, blocks=blocks)
