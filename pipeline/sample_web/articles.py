"""Pages that state facts: biographies, towns, rivers, companies, notes, travel, news, chronicles.

Each kind has its own plan; what they share is the portrait: facts of one entity with sentences of
its life between them. About eleven facts a page, so that the crawl states each of them often.
"""

import random
from collections.abc import Callable

from pipeline.sample_web import text_pages as pages
from pipeline.sample_web import text_people as people
from pipeline.sample_web.page_builder import Builder, Page
from pipeline.sample_web.prose import expand
from pipeline.sample_web.statements import Ledger
from pipeline.sample_web.world import Entity

PASSING_SHARE = 0.14  # of fact pages: somebody unknown is mentioned


def biography(builder: Builder, subject: Entity) -> str:
    rng = builder.rng
    builder.add(*builder.portrait(subject, 2, rng.randint(1, 3)))
    builder.add(*builder.portrait(subject, 4, rng.randint(1, 2)))
    for kinds in rng.sample([("town",), ("company",), ("person",), ("river",)], 2):
        _portrait(builder, builder.related(subject, *kinds), 4, 1)
    if rng.random() < 0.6:
        _portrait(builder, builder.related(subject, "person", "company"), 3, 1)
    _end(builder, builder.draw(people.BIOGRAPHY_CLOSING, subject.slots()))
    return rng.choice(("{e}", "The life of {e}", "{e}: a portrait", "Remembering {e}")).format(
        e=subject.name
    )


def place(builder: Builder, subject: Entity) -> str:
    """An article on a town or a river."""
    rng = builder.rng
    opening = [builder.draw(pages.PLACE_OPENING)] if rng.random() < 0.7 else []
    builder.add(*opening, *builder.portrait(subject, 2, 2))
    builder.add(*builder.portrait(subject, 4, rng.randint(1, 3)))
    for kinds in rng.sample([("person",), ("company",), ("river", "town"), ("person",)], 2):
        _portrait(builder, builder.related(subject, *kinds), 4, 1)
    if rng.random() < 0.5:
        _portrait(builder, builder.related(subject), 3, 1)
    _end(builder, builder.draw(pages.PLACE_CLOSING))
    if subject.kind == "river":
        return rng.choice(("The {e}", "Along the {e}", "The {e} and its banks")).format(
            e=subject.name
        )
    return rng.choice(("{e}", "A walk through {e}", "The town of {e}", "Visiting {e}")).format(
        e=subject.name
    )


def company(builder: Builder, subject: Entity) -> str:
    rng = builder.rng
    builder.add(builder.draw(pages.COMPANY_OPENING), *builder.portrait(subject, 2, 1))
    builder.add(*builder.portrait(subject, 4, rng.randint(2, 3)))
    for kinds in rng.sample([("person",), ("town",), ("company",)], 2):
        _portrait(builder, builder.related(subject, *kinds), 4, 1)
    _end(builder, builder.draw(pages.COMPANY_CLOSING))
    return rng.choice(("{e}", "About {e}", "{e}: our story", "Who we are: {e}")).format(
        e=subject.name
    )


def notes(builder: Builder, subject: Entity) -> str:
    """Three or four portraits side by side."""
    rng = builder.rng
    builder.add(builder.draw(people.NOTES_OPENING))
    builder.add(*builder.portrait(subject, 3, rng.randint(1, 2), meet=rng.random() < 0.5))
    for _ in range(rng.randint(2, 3)):
        _portrait(builder, builder.pick("person"), 3, rng.randint(1, 2))
    _end(builder, builder.draw(people.NOTES_CLOSING))
    return expand(
        "[Faces|People|Names] [of the {season}|from {street}|around the table|in our album]", rng
    )


def travel(builder: Builder, subject: Entity) -> str:
    rng = builder.rng
    builder.add(builder.draw(pages.TRAVEL_OPENING), builder.draw(pages.SCENE))
    builder.add(*builder.portrait(subject, 4, 1, meet=True), builder.draw(pages.SCENE))
    for _ in range(2):
        other = builder.related(
            subject, *rng.choice((("person",), ("town", "river"), ("company",)))
        )
        _portrait(builder, other, 4, 0, builder.draw(pages.SCENE))
    _end(builder, builder.draw(pages.SCENE), builder.draw(pages.TRAVEL_CLOSING))
    return expand(
        "[Slow days|A~ {season}|Wet feet|A detour|{small_number} days] in and around {e}",
        rng,
        {"e": ("the " if subject.kind == "river" else "") + subject.name},
    )


def news(builder: Builder, subject: Entity) -> str:
    rng = builder.rng
    builder.add(builder.draw(pages.NEWS_OPENING), builder.draw(pages.NEWS))
    builder.add(*builder.portrait(subject, 4, 0, meet=True), builder.draw(pages.NEWS))
    for kinds in rng.sample([("person",), ("town",), ("company",), ("person",)], 2):
        _portrait(builder, builder.related(subject, *kinds), 3, 1)
    builder.add(builder.draw(pages.NEWS), builder.draw(pages.NEWS))
    _end(builder, builder.draw(pages.NEWS_CLOSING))
    return expand(
        "[{building} {again}|{crowd} at the {building}|News from {e}|{e}: a~ {season} to remember]",
        rng,
        {"e": subject.name, "again": rng.choice(("open again", "is full", "in the news"))},
    )


def chronicle(builder: Builder, subject: Entity) -> str:
    rng = builder.rng
    builder.add(builder.draw(pages.CHRONICLE_OPENING), *builder.portrait(subject, 2, 0))
    builder.add(*_mixed(builder, builder.portrait(subject, 4, 1), pages.CHRONICLE, 2))
    for kinds in rng.sample([("company",), ("person",), ("town",)], 2):
        other = builder.related(subject, *kinds)
        if other:
            builder.add(*builder.portrait(other, 4, 0, meet=True), builder.draw(pages.CHRONICLE))
    _end(builder, builder.draw(pages.CHRONICLE))
    return rng.choice(
        ("Chronicle of {e}", "{e} through the years", "From the books of {e}")
    ).format(e=subject.name)


# kind of page: its plan and the kinds of entity it may be about
PLANS: dict[str, tuple[Callable[[Builder, Entity], str], tuple[str, ...]]] = {
    "biography": (biography, ("person",)),
    "town": (place, ("town",)),
    "river": (place, ("river",)),
    "company": (company, ("company",)),
    "notes": (notes, ("person",)),
    "travel": (travel, ("town", "river")),
    "news": (news, ("town", "company", "person")),
    "chronicle": (chronicle, ("town", "company")),
}
HOME = {"person": "biography", "town": "town", "river": "river", "company": "company"}


def article(
    kind: str, rng: random.Random, ledger: Ledger, subject: Entity | None = None
) -> tuple[Page, Entity]:
    """One page of that kind, about the given entity or the one with the fewest statements."""
    plan, kinds = PLANS[kind]
    builder = Builder(kind, rng, ledger)
    chosen = builder.use(subject) if subject else builder.pick(*kinds)
    if chosen is None:  # a tiny world may state no river often
        chosen = builder.pick()
    assert chosen is not None, "a world has an often-stated entity"
    title = plan(builder, chosen)
    return builder.finish(title[:1].upper() + title[1:]), chosen


def _portrait(
    builder: Builder, entity: Entity | None, facts: int, fillers: int, last: str = ""
) -> None:
    if entity is None:
        return
    sentences = builder.portrait(entity, facts, fillers, meet=builder.rng.random() < 0.75)
    builder.add(*sentences, *([last] if last else []))


def _mixed(builder: Builder, sentences: list[str], bank: tuple[str, ...], count: int) -> list[str]:
    for _ in range(count):
        place = builder.rng.randint(1, len(sentences))
        sentences.insert(place, builder.draw(bank))
    return sentences


def _end(builder: Builder, *sentences: str) -> None:
    somebody = builder.passing() if builder.rng.random() < PASSING_SHARE else None
    builder.add(*([somebody] if somebody else []), *sentences)
