"""Every place of every page that shows what others wrote gets every text that would be markup."""

from urllib.parse import quote, urlsplit

import pytest
from hostile_reader import HostileServer
from hostile_visits import READ
from injection_strings import (
    ALL,
    INJECTIONS,
    joined,
    not_shown,
    strange_elements,
)
from pages_browser import OpenBrowser, Visits
from playwright.sync_api import Page, Request
from shown_places import DATA, VISITS, Place, Visit
from starlette.routing import Route
from training_lake import EVIL

from pipeline.serve.pages import forward_view, page_list
from storage import Lake

LEAST_TEXTS = 40  # the issue's
# Where a link, a form or a picture of a page may lead.
OWN = """own => [...document.querySelectorAll('[href], [src], [action], [formaction], [data]')]
    .flatMap(node => ['href', 'src', 'action', 'formaction', 'data']
        .filter(name => node.hasAttribute(name))
        .map(name => [node.tagName, new URL(node.getAttribute(name), document.baseURI)]))
    .filter(([tag, url]) => !(url.origin === own || (tag === 'A' && url.protocol === 'http:'
        && url.host === '127.0.0.1:4200' && url.pathname.startsWith('/'))))
    .map(([tag, url]) => `${tag} ${url}`)"""


def of_pages() -> list[Route]:
    """All routes of the pages' routers."""
    return [r for router in page_list.ROUTERS for r in router.routes if isinstance(r, Route)]


def name_of(method: str, path: str) -> str:
    """The route that answers, as "GET /lineage/{kind}/{digest}"; "": none of the pages'."""
    for route in of_pages():
        if method in (route.methods or ()) and route.path_regex.match(path):
            return f"{method} {route.path}"
    return ""


NAMES = {f"{method} {r.path}" for r in of_pages() for method in r.methods or () if method != "HEAD"}


def test_there_are_texts_enough_and_each_has_its_page() -> None:
    assert len(INJECTIONS) >= LEAST_TEXTS
    assert not_shown(ALL) == []
    assert not_shown("\n".join(joined(100)), most=100) == []
    for piece in joined(100):
        assert len(piece) <= 100
    # What the censor finds: most of them are markup in one place of a page or another.
    frames = (
        "<p>{}</p>",
        '<p title="{}">',
        "<p title='{}'>",
        "<textarea>{}</textarea>",
        '<a href="{}">',
    )
    found = [t for t in INJECTIONS if any(strange_elements(f.replace("{}", t)) for f in frames)]
    assert len(found) >= LEAST_TEXTS


def test_no_route_of_the_pages_is_forgotten() -> None:
    """A new page has a visit here, and each visit sends all texts to each of its places."""
    visited = {name for visit in VISITS for name in visit.routes}
    others = {"POST /login", "POST /logout"}  # test_login_page: a key is never shown
    assert NAMES - visited - set(DATA) - others == set()
    assert visited <= NAMES
    assert len({visit.name for visit in VISITS}) == len(VISITS)
    for visit in VISITS:
        assert len({place.shown for place in visit.places}) == len(visit.places), visit.name


@pytest.fixture(scope="module")
def links(
    hostile_server: HostileServer, explorer_lake: Lake, training_lake: Lake
) -> dict[str, str]:
    """What stands in braces in addresses."""
    from flows.cli.served_lake import ServedLake

    shown = ServedLake(explorer_lake)
    ids = shown.rows("SELECT id FROM corpus ORDER BY id LIMIT 2")["id"].to_pylist()
    shown.close()
    values = ", ".join(
        "('" + text.replace("'", "''") + "')" for text in INJECTIONS if "\0" not in text
    )
    column = '"' + ALL.replace('"', '""').replace("\0", "") + '"'
    query = f"SELECT x AS url, x AS {column}, x FROM (VALUES {values}) t(x)"
    # As a login leads: a path of this server, percent-encoded.
    return {
        "audit": hostile_server.audit,
        "left": ids[0],
        "right": ids[1],
        "query": quote(query),
        "all": quote(ALL[:50]),
        "piece": quote(f"no {INJECTIONS[0]}"),
        "path": quote("".join(c for c in ALL if 0x21 <= ord(c) < 0x7F and c != "\\")),
        "all_suite": quote(f"suite {EVIL}"),
        "rl": training_lake.heads()["rl"][:16],
    }


@pytest.fixture(scope="module")
def roots(
    hostile_server: HostileServer, explorer_server: str, training_server: str, known_server: str
) -> dict[str, str]:
    return {
        "hostile": hostile_server.root,
        "explorer": explorer_server,
        "training": training_server,
        "known": known_server,
    }


@pytest.mark.parametrize("visit", VISITS, ids=lambda visit: visit.name)
def test_what_others_wrote_stays_text(
    visit: Visit,
    chromium: OpenBrowser,
    roots: dict[str, str],
    links: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Lists that end with the likeliest few show all tokens.
    for name, count in (("NEXT_SHOWN", 999), ("LENS_SHOWN", 999), ("STRONGEST", 99)):
        if "scripts" in visit.name:
            monkeypatch.setattr(forward_view, name, count)
    visits = Visits(chromium, roots[visit.server])
    asked: set[str] = set()

    def note(request: Request) -> None:
        asked.add(name_of(request.method, urlsplit(request.url).path))

    seen = {place.shown: "" for place in visit.places}
    with visits("/static/icon.svg", scripts=visit.scripts) as page:
        page.on("request", note)
        for path in visit.paths:
            page.goto(visits.root + path.format(**links))
            kept = visit.act(page) if visit.act else {}
            for place in visit.places:
                seen[place.shown] += "\n" + _read(page, place, kept)
            assert page.evaluate(OWN, visits.root) == []
            if visit.refusals:
                visits.problems[:] = [p for p in visits.problems if "Failed to load" not in p]
            visits.check(page, axe=False)
    for place in visit.places:
        missing = not_shown(seen[place.shown], place.texts, place.most)
        assert missing == [], f"{place.shown} ({place.where}) lacks {len(missing)}: {missing[:9]}"
    assert set(visit.routes) <= asked


def _read(page: Page, place: Place, kept: dict[str, str]) -> str:
    if place.where.startswith("kept:"):
        return kept[place.where.removeprefix("kept:")]
    where, _, attribute = place.where.partition("@")
    return str(page.locator(where).evaluate_all(READ, attribute))
