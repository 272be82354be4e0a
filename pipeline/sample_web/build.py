"""The stage that writes the sample web: WARC files, the ground truth of each page, the facts.

Pages are drafted one after another, each from a generator seeded by its number, the least stated
facts first; then duplicates are derived, everything is given an address, shuffled and written.
"""

import random
from pathlib import Path
from typing import Any, TypedDict

from pipeline.sample_web import articles, forum, leisure
from pipeline.sample_web.config import SampleWebConfig
from pipeline.sample_web.hosts import Host, make_hosts
from pipeline.sample_web.junk import JUNK, junk
from pipeline.sample_web.other_languages import foreign
from pipeline.sample_web.page_builder import Page
from pipeline.sample_web.page_counts import (
    GUARANTEED,
    KEPT,
    UNREADABLE,
    often_entities,
    page_counts,
)
from pipeline.sample_web.planted_duplicates import near_duplicate
from pipeline.sample_web.plants import with_accents, with_personal_data
from pipeline.sample_web.site import PublishedPage, publish, unreadable
from pipeline.sample_web.statements import Ledger
from pipeline.sample_web.warc_writer import write_warc
from pipeline.sample_web.world import World, make_world
from pipeline.stage import Progress, Stage
from storage.errors import UserError
from storage.schemas import FACTS, PII_KINDS, TRUTH
from storage.tables import table, write_table

LEGACY_SHARE = 0.03  # of kept pages: in windows-1252, some of them declared otherwise
TRUNCATED_SHARE = 0.004  # of kept pages: cut off in the footer
_LEISURE = {"story": leisure.story, "recipe": leisure.recipe, "craft": leisure.craft}


class WebStatistics(TypedDict):
    """Of the pages and facts of a sample web."""

    pages: int
    pages_kept: int  # these three: by the ground truth
    pages_dropped: int
    pages_error: int
    words_kept: int
    facts_often: int
    facts_once: int
    facts_never: int
    mentions_of_an_often_fact_min: int
    mentions_of_an_often_fact_mean: float
    planted_personal_data: int


class CrawlStatistics(WebStatistics):
    """Of the sample web's `crawl` artifact."""

    raw_files: list[str]  # files that hold text of pages


def build(
    out: Path,
    inputs: dict[str, list[Path]],
    config: SampleWebConfig,
    progress: Progress,
    scratch: Path,
) -> CrawlStatistics:
    """The `crawl` stage: write the sample web of that config into `out`."""
    counts = page_counts(config)
    hosts = make_hosts(config.seed, config.hosts)
    world = make_world(config.seed, config.entities, often_entities(config))
    ledger = Ledger(world)
    kept = draft_kept(config, counts, ledger, progress)
    published = _publish(config, counts, kept, hosts, progress)
    files = _write(out, config, published)
    write_table(table([row for _, row in files], TRUTH), out / "truth.parquet")
    write_table(table(fact_rows(world, ledger), FACTS), out / "facts.parquet")
    raw = [*sorted(path.name for path in out.glob("*.warc.gz")), "truth.parquet"]
    return {**statistics(world, ledger, kept, published), "raw_files": raw}


def draft_kept(
    config: SampleWebConfig, counts: dict[str, int], ledger: Ledger, progress: Progress
) -> list[Page]:
    """All pages in English that the pipeline should keep, in random order."""
    shuffler = random.Random(f"{config.seed}/order")
    kinds = [kind for kind in KEPT for _ in range(counts[kind])]
    shuffler.shuffle(kinds)
    # so many pages with personal data, the first of them one of each kind
    with_data = shuffler.sample(
        range(len(kinds)), max(len(PII_KINDS), round(config.pii_share * len(kinds)))
    )
    first_kinds = [*PII_KINDS, *[""] * len(with_data)]
    planted = dict(zip(with_data, first_kinds))
    once = [entity for entity in ledger.world.entities if entity.frequency == "once"]
    pages = []
    for number, kind in enumerate(kinds):
        rng = random.Random(f"{config.seed}/page/{number}")
        if kind in articles.PLANS:
            # an entity whose facts are stated once gets a page of its own, the first of its kind
            own = next((entity for entity in once if articles.HOME[entity.kind] == kind), None)
            if own is not None:
                once.remove(own)
            page, _ = articles.article(kind, rng, ledger, own)
        elif kind == "questions":
            page = forum.question_page(rng, ledger)
        elif kind == "homework":
            page = forum.homework(rng, ledger)
        else:
            page = _LEISURE[kind](rng, ledger)
        if number in planted:
            page = with_personal_data(page, rng, planted[number])
        pages.append(page)
        progress.update(number + 1, config.pages, "pages")
    if once:
        raise UserError(
            f"pages = {config.pages} are too few for {config.entities} entities: "
            f"{once[0].name} found no page; use more pages or fewer entities"
        )
    return pages


def _publish(
    config: SampleWebConfig,
    counts: dict[str, int],
    kept: list[Page],
    hosts: dict[str, list[Host]],
    progress: Progress,
) -> list[PublishedPage]:
    """Every page with its address, including duplicates and junk, in crawl order."""
    rng = random.Random(f"{config.seed}/web")
    published: list[PublishedPage] = []

    def add(page: Page, **more: Any) -> PublishedPage:
        number = len(published)
        one = publish(page, number, hosts, random.Random(f"{config.seed}/site/{number}"), **more)
        published.append(one)
        progress.update(number + 1, config.pages, "pages")
        return one

    truncated = max(2, round(len(kept) * TRUNCATED_SHARE))
    legacy = max(4, round(len(kept) * LEGACY_SHARE))
    special = rng.sample(range(len(kept)), truncated + legacy)
    shapes = dict.fromkeys(special[:truncated], "truncated")
    encoded = dict.fromkeys(special[truncated:], True)
    originals = []
    for number, page in enumerate(kept):
        if number in encoded:
            page = with_accents(page, rng)
        one = add(page, legacy=number in encoded, shape=shapes.get(number, "page"))
        if not page.once and number not in shapes and number not in encoded:
            originals.append((page, one.capture.url))
    copies = rng.sample(originals, counts["near_duplicate"] + counts["mirror"])
    for number, (page, url) in enumerate(copies):
        if number < counts["near_duplicate"]:
            copy, similarity = near_duplicate(page, rng)
            add(copy, duplicate_of=url, similarity=similarity)
        else:
            mirror = _as_kind(page, "mirror")
            add(mirror, duplicate_of=url, similarity=1.0)
    for kind in JUNK:
        for number in range(counts[kind]):
            add(junk(kind, random.Random(f"{config.seed}/{kind}/{number}")))
    for kind in counts:
        if kind.startswith("foreign/"):
            language = kind.partition("/")[2]
            for number in range(counts[kind]):
                add(foreign(language, random.Random(f"{config.seed}/{kind}/{number}")))
    for kind in UNREADABLE:
        for number in range(counts[kind]):
            draw = random.Random(f"{config.seed}/{kind}/{number}")
            page = leisure.story(draw, Ledger(World((), ())))
            published.append(unreadable(kind, page, len(published), hosts["news"], draw))
    rng.shuffle(published)
    return published


def _as_kind(page: Page, kind: str) -> Page:
    return Page(kind, page.title, page.blocks, page.language, pii=page.pii)


def _write(
    out: Path, config: SampleWebConfig, published: list[PublishedPage]
) -> list[tuple[str, dict[str, object]]]:
    """The WARC files, and each page's truth with the file it is in."""
    rows = []
    size = -(-len(published) // config.warc_files)
    for number in range(config.warc_files):
        first = number * size
        chunk = published[first : first + size]
        name = f"sample-web-{number:05d}.warc.gz"
        rng = random.Random(f"{config.seed}/warc/{number}")
        write_warc(out / name, [one.capture for one in chunk], rng, first)
        rows += [(name, one.truth | {"warc": name}) for one in chunk]
    return rows


def fact_rows(world: World, ledger: Ledger) -> list[dict[str, object]]:
    """Rows of FACTS."""
    splits = {entity.name: entity.split for entity in world.entities}
    return [
        {
            "entity": fact.entity,
            "kind": fact.kind,
            "attribute": fact.attribute,
            "value": fact.value,
            "frequency": fact.frequency,
            "mentions": ledger.stated[fact.number],
            "prompt": fact.prompt(),
            "question": fact.question(),
            "asked": ledger.asked[fact.number] > 0,
            "split": splits[fact.entity],
        }
        for fact in world.facts
    ]


def statistics(
    world: World, ledger: Ledger, kept: list[Page], published: list[PublishedPage]
) -> WebStatistics:
    """The statistics of the crawl's manifest; UserError if a fact is stated too rarely."""
    often = [ledger.stated[f.number] for f in world.facts if f.frequency == "often"]
    if min(often) < GUARANTEED:
        raise UserError(
            f"a fact is stated only {min(often)} times on these pages, {GUARANTEED} are promised: "
            "use more pages, fewer entities or more mentions"
        )
    expected = [str(one.truth["expected"]) for one in published]
    return {
        "pages": len(published),
        "pages_kept": expected.count("kept"),
        "pages_dropped": expected.count("dropped"),
        "pages_error": expected.count("error"),
        "words_kept": sum(len(page.main_text.split()) for page in kept),
        "facts_often": len(often),
        "facts_once": sum(fact.frequency == "once" for fact in world.facts),
        "facts_never": sum(fact.frequency == "never" for fact in world.facts),
        "mentions_of_an_often_fact_min": min(often),
        "mentions_of_an_often_fact_mean": round(sum(often) / len(often), 2),
        "planted_personal_data": sum(len(page.pii) for page in kept),
    }


STAGE = Stage("crawl", 4, SampleWebConfig, build, data=("unicode",))
