"""The hosts of the sample web: topics, languages, layouts, and the planted hosts on blocklists.

Names are made up, except the blocked ones, which are on the public list that FineWeb uses. A host
keeps its layout, its furniture and the style of its URLs; a topic's first hosts have most pages.
"""

import dataclasses
import random
import re
import unicodedata

from storage.errors import UserError

TOPICS: dict[str, tuple[str, ...]] = {
    "biography": (
        "veylandlives.org",
        "portraits-of-veyland.net",
        "familybooks-veyland.info",
        "www.oldparishbooks.org",
        "peopleofthefivevalleys.org",
        "whoiswho-veyland.com",
    ),
    "places": (
        "townsofveyland.org",
        "www.veylandatlas.net",
        "veylandrivers.org",
        "oldmapsofveyland.net",
        "gatesandtowers-veyland.com",
        "chronicle.veylandheritage.org",
    ),
    "news": (
        "www.veylandgazette.com",
        "fivevalleyspost.net",
        "morningcourier-veyland.com",
        "weeklylantern-veyland.com",
        "news.marketsquareherald.net",
        "ferrymansjournal.com",
    ),
    "travel": (
        "slowroadsdiary.net",
        "twopairsofboots-blog.com",
        "walkingveyland.org",
        "thegreenrucksack-diary.net",
    ),
    "company": (
        "tradesofveyland.com",
        "www.madeinveyland.net",
        "workshopregister-veyland.org",
        "guildhalldirectory-veyland.com",
    ),
    "notes": (
        "readingcircle-notes.org",
        "benchbytheinn.net",
        "lettersfromveyland.org",
        "valleydiary.veylandblogs.net",
        "choirpages-veyland.info",
    ),
    "questions": (
        "askveyland.org",
        "quizcards-veyland.net",
        "localknowledge-veyland.info",
        "questionbox-veyland.com",
    ),
    "homework": (
        "homeworkcircle-veyland.org",
        "forum.sumsandspelling.net",
        "kitchentableschool.net",
        "carrytheonehelp.org",
        "afterschoolboard.net",
    ),
    "leisure": (
        "storiesundertheoldoak.org",
        "papershiptales.net",
        "grandmothersovenbook.net",
        "stringandgluebook.net",
        "onespoonmore.org",
    ),
    "de": ("www.kaltenbrueck-aktuell.de", "talgeschichten-ilgen.de"),
    "fr": ("www.journal-vaumarele.fr", "carnets-de-clairbois.fr"),
    "es": ("www.valdenora-hoy.es", "cuadernos-penarruz.es"),
    "pt": ("www.folha-de-penamoes.pt", "diario-carvalhaes.com"),
    "it": ("www.corriere-montalzano.it", "quaderni-borgolieto.it"),
    "ru": ("www.ozerki-vestnik.ru", "lipovka-pisma.ru"),
    "ja": ("www.hoshimidai-dayori.jp", "aoyagi-machi.jp"),
    "junk": (
        "bestdealscatalogue-online.com",
        "free-article-pool.net",
        "autotext-archive.info",
        "pagesandpages-archive.net",
        "portal.listofeverything-web.com",
    ),
    "mirror": ("mirror.textcopies-veyland.net", "archive-of-copies.org"),
    # the first four are on FineWeb's list of domains, the last is blocked as a host
    "blocked": (
        "gardenpulp.com",
        "darkgarden.com",
        "www.evesgarden.com",
        "darrensatomicgarden.com",
        "aceofart.blogspot.com",
    ),
}
# Topics that give up hosts, one after another, when fewer are asked for.
SHRINKING = ("biography", "places", "news", "homework", "notes", "leisure", "travel", "questions")
MINIMUM = 48


@dataclasses.dataclass(frozen=True)
class Host:
    name: str
    topic: str
    layout: int
    style: int  # of its URLs
    year: int
    title: str


def make_hosts(seed: int, count: int) -> dict[str, list[Host]]:
    """`count` hosts, by topic; UserError if the sample web can't have so many or so few."""
    total = sum(len(names) for names in TOPICS.values())
    if not MINIMUM <= count <= total:
        raise UserError(f"hosts = {count}: the sample web has {MINIMUM} to {total} hosts")
    kept = {topic: list(names) for topic, names in TOPICS.items()}
    turn = 0
    while sum(len(names) for names in kept.values()) > count:
        names = kept[SHRINKING[turn % len(SHRINKING)]]
        if len(names) > 2:
            names.pop()
        turn += 1
    rng = random.Random(f"{seed}/hosts")
    return {
        topic: [
            Host(
                name=name,
                topic=topic,
                layout=rng.randrange(6),
                style=rng.randrange(4),
                year=rng.randint(2016, 2023),
                title=_title(name),
            )
            for name in names
        ]
        for topic, names in kept.items()
    }


def choose(hosts: list[Host], rng: random.Random) -> Host:
    """A random host; the first ones of a topic more often, since sites differ in size."""
    return rng.choices(hosts, weights=[1 / (place + 4) for place in range(len(hosts))])[0]


def url_for(host: Host, title: str, number: int, rng: random.Random) -> str:
    """A URL in the host's style; its number makes it unique."""
    slug = slugify(title) or "page"
    year, month, day = host.year, rng.randint(1, 12), rng.randint(1, 28)
    path = (
        f"{year}/{month:02d}/{day:02d}/{slug}-{number}",
        f"{slug}-{number}.html",
        f"pages/{slug}/{number}",
        f"index.php?id={number}&t={slug}",
    )[host.style]
    scheme = "http" if host.layout == 0 else "https"
    return f"{scheme}://{host.name}/{path}"


def slugify(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def _title(name: str) -> str:
    stem = name.removeprefix("www.").rsplit(".", 1)[0]
    return re.sub(r"[-.]", " ", stem).title()
