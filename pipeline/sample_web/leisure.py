"""Pages without facts of the world: stories told in beats, recipes, craft instructions."""

import random

from pipeline.sample_web import text_stories as text
from pipeline.sample_web.lexicon import LEXICON
from pipeline.sample_web.page_builder import Builder, Page
from pipeline.sample_web.prose import expand
from pipeline.sample_web.statements import Ledger


def story(rng: random.Random, ledger: Ledger) -> Page:
    builder = Builder("story", rng, ledger)
    name, friend = rng.sample(LEXICON["name"], 2)
    slots = {"name": name, "friend": friend}
    slots |= {key: rng.choice(LEXICON[key]) for key in ("animal", "elder", "tool", "colour")}
    return _in_beats(builder, text.STORY_TITLES, text.STORY_BEATS, text.STORY_EXTRAS, slots, 0.45)


def recipe(rng: random.Random, ledger: Ledger) -> Page:
    slots = {key: rng.choice(values) for key, values in text.RECIPE_SLOTS.items()}
    builder = Builder("recipe", rng, ledger)
    return _in_beats(builder, text.RECIPE_TITLES, text.RECIPE_BEATS, text.PROSE_EXTRAS, slots)


def craft(rng: random.Random, ledger: Ledger) -> Page:
    slots = {key: rng.choice(values) for key, values in text.CRAFT_SLOTS.items()}
    builder = Builder("craft", rng, ledger)
    return _in_beats(builder, text.CRAFT_TITLES, text.CRAFT_BEATS, text.PROSE_EXTRAS, slots)


def _in_beats(
    builder: Builder,
    titles: tuple[str, ...],
    beats: tuple[tuple[str, ...], ...],
    extras: tuple[str, ...],
    slots: dict[str, str],
    doubled: float = 0.0,
) -> Page:
    """A page with a sentence a beat (some beats have two), others between, in short paragraphs."""
    rng = builder.rng
    sentences: list[str] = []
    for number, beat in enumerate(beats):
        twice = rng.random() < doubled and 0 < number < len(beats) - 1
        sentences += [builder.draw(beat, slots) for _ in range(2 if twice else 1)]
        if rng.random() < (0.3 if doubled else 0.6):
            sentences.append(builder.draw(extras, slots))
        if len(sentences) >= 3 and rng.random() < 0.6:
            builder.add(*sentences)
            sentences = []
    if sentences:
        builder.add(*sentences)
    return builder.finish(expand(rng.choice(titles), rng, slots))
