"""What holds for every page: nobody is kept out by it, and nobody is let in who has no key.

Pages and forms come from the routers: a new one is tested here without being named, but for an
address at which a page shows something (`ADDRESSES`).
"""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from asgi_calls import AsgiCalls, calls
from fastapi.routing import APIRoute
from hostile_people import make_hostile_work
from injection_strings import ALL, INJECTIONS, joined, strange_elements
from model_server import make_served, tiny_folder
from pages_browser import OpenBrowser, Visits
from starlette.routing import Route

from flows.cli.served_lake import ServedLake
from pipeline.serve.app import ROUTES
from pipeline.serve.login_sessions import COOKIE
from pipeline.serve.pages import page_list
from pipeline.serve.security import LOGIN, OPEN_FILES, OPEN_ROUTES, Access, key_digest
from storage import Lake

KEY = "a-key-of-ours"
HTML = {"accept": "text/html"}
OWN = {"origin": "http://localhost"}
# Where a page needs more than its path, by route: which server, and the rest of the address.
FIRST = quote("http://harbour.example/first")
ADDRESSES = {
    "/corpus/search": "/corpus/search?q=harbour+keeper",
    "/corpus/document": f"/corpus/document?url={FIRST}",
    "/corpus/compare": "/corpus/compare?left={left}&right={right}",
    "/corpus/sql": "/corpus/sql?ready={ready}",
    "/lineage/document": f"/lineage/document?url={FIRST}",
    "/lineage/{kind}/{digest}": "/lineage/corpus/{corpus}",
    "/static/{name:path}": "/static/site.css",
    "/tokenizer": "/tokenizer?with=tiny&text=The+old+keeper",
}
DATA = ("/static/{name:path}", "/training/curves", "/training/scaling.png")  # no pages
SHOWN = sorted(
    {
        route.path
        for router in page_list.ROUTERS
        for route in router.routes
        if isinstance(route, Route) and "GET" in (route.methods or ()) and route.path not in DATA
    }
)
GETS = sorted({r.path for r in ROUTES if isinstance(r, Route) and "GET" in (r.methods or ())})
POSTS = sorted({r.path for r in ROUTES if isinstance(r, Route) and "POST" in (r.methods or ())})
ASKED = [r for r in ROUTES if isinstance(r, APIRoute) and "GET" in (r.methods or ())]
ASKED = [route for route in ASKED if route.dependant.query_params]
# Each thing that can be used, whether Tab comes to it, and whether one sees that it did.
KEYBOARD = """() => {
    const seen = node => node.checkVisibility({checkVisibilityCSS: true})
        && !node.closest('details:not([open]) > :not(summary)');
    const usable = [...document.querySelectorAll(
        'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]')]
        .filter(node => seen(node) && !node.disabled);
    const wrong = [];
    for (const node of usable) {
        const name = node.outerHTML.slice(0, 120);
        if (node.tabIndex > 0) wrong.push(`out of order: ${name}`);
        if (node.tabIndex < 0) {
            // Of a group in which arrow keys move, one is where Tab comes to.
            const group = node.closest('[role=group], [role=grid]');
            const isTarget = node.matches('main, section');
            if (!isTarget && !group?.querySelector('[tabindex="0"]'))
                wrong.push(`out of reach: ${name}`);
            continue;
        }
        node.focus();
        if (document.activeElement !== node) { wrong.push(`takes no focus: ${name}`); continue; }
        const style = getComputedStyle(node);
        if (style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 1)
            wrong.push(`no sign of focus: ${name}`);
    }
    return {count: usable.length, wrong};
}"""


@pytest.fixture(scope="module")
def addresses(explorer_lake: Lake) -> dict[str, str]:
    """Of each page, where it shows something."""
    from pipeline.serve.pages.ready_queries import READY

    shown = ServedLake(explorer_lake)
    ids = shown.rows("SELECT id FROM corpus ORDER BY id LIMIT 2")["id"].to_pylist()
    shown.close()
    names = {"left": ids[0], "right": ids[1], "ready": READY[0].name}
    names["corpus"] = explorer_lake.heads()["corpus"][:16]
    return {path: ADDRESSES.get(path, path).format(**names) for path in (*SHOWN, *DATA)}


@pytest.fixture
def sites(
    chromium: OpenBrowser, explorer_server: str, training_server: str, known_server: str
) -> dict[str, Visits]:
    """The servers that have something to show, by the sections that they show."""
    roots = {"training": training_server, "know": known_server, "": explorer_server}
    return {section: Visits(chromium, root) for section, root in roots.items()}


@pytest.mark.parametrize("path", SHOWN)
def test_nobody_is_kept_out(path: str, sites: dict[str, Visits], addresses: dict[str, str]) -> None:
    """axe finds nothing in either theme at either width, nothing scrolls sideways, Tab comes to
    whatever can be used, and one sees where it is.
    """
    visits = sites.get(path.split("/")[1], sites[""])
    with visits(addresses[path]) as page:
        assert page.locator("h1").count() == 1
        page.keyboard.press("Tab")  # from now on a sign of focus is wanted
        first = "Log in" if path == LOGIN else "Skip to the content"  # there the key has the focus
        assert page.evaluate("document.activeElement.textContent") == first
        visits.check(page)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
            found = page.evaluate(KEYBOARD)
            assert found["wrong"] == []
            assert found["count"] > 10
        assert visits.problems == []


@pytest.fixture(scope="module")
def locked(
    explorer_lake: Lake, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[AsgiCalls, AsgiCalls]]:
    """A server without keys, and one like it with some."""
    root = tmp_path_factory.mktemp("locked")
    model, work = tiny_folder(root / "tiny"), make_hostile_work(root)
    shown = ServedLake(explorer_lake)
    who = Access(keys=(key_digest(KEY),))
    made = [make_served(model, lake=shown, work=work, access=access) for access in (None, who)]
    with calls(made[0].app) as open_, calls(made[1].app) as locked:
        yield open_, locked
    shown.close()


@pytest.fixture
def cookie(locked: tuple[AsgiCalls, AsgiCalls]) -> dict[str, str]:
    """Of a browser that logged in."""
    _, asked = locked
    form = {"content-type": "application/x-www-form-urlencoded", **OWN}
    sent = asked.send("POST", "/login", content=f"key={KEY}", headers=form)
    token = sent.cookies[COOKIE]
    asked.client.cookies.clear()
    return {"cookie": f"{COOKIE}={token}"}


def filled_in(path: str, addresses: dict[str, str]) -> str:
    """An address of a route."""
    return addresses.get(path, path).replace("{", "x").replace("}", "x").replace(":", "x")


@pytest.mark.parametrize("path", GETS)
def test_a_key_opens_every_page_and_nothing_else_does(
    path: str,
    locked: tuple[AsgiCalls, AsgiCalls],
    cookie: dict[str, str],
    addresses: dict[str, str],
) -> None:
    open_, asked = locked
    at = addresses.get(path) or filled_in(path, addresses)
    plain = open_.send("GET", at, headers=HTML)
    shut = asked.send("GET", at, headers=HTML)
    if path in OPEN_ROUTES or path == LOGIN or path.startswith(OPEN_FILES):
        assert shut.status_code == plain.status_code
        return
    assert (shut.status_code, shut.headers["location"]) == (
        303,
        f"{LOGIN}?next={quote(at, safe='/')}",
    )
    assert asked.send("GET", at).status_code == 401
    wrong = {"cookie": f"{COOKIE}=x"}
    assert asked.send("GET", at, headers=HTML | wrong).status_code == 303
    assert asked.send("GET", at, headers={"authorization": "Bearer x"}).status_code == 401
    opened = asked.send("GET", at, headers=HTML | cookie)
    assert opened.status_code == plain.status_code
    if path in SHOWN:
        assert opened.status_code == 200
        assert "Log out" in opened.text
        assert opened.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("route", ASKED, ids=lambda route: route.path)
def test_what_an_address_says_stays_text(
    route: APIRoute, locked: tuple[AsgiCalls, AsgiCalls], addresses: dict[str, str]
) -> None:
    """Every field of every route, whether it is taken, refused or quoted."""
    open_, _ = locked
    names = [field.alias for field in route.dependant.query_params]
    queries = [{name: text} for name in names for text in (ALL, INJECTIONS[1])]
    queries += [dict.fromkeys(names, text) for text in joined(190)]  # most fields take 200
    for query in queries:
        answer = open_.run(open_.client.get(route.path, params=query, headers=HTML))
        assert answer.status_code < 500, query
        assert answer.headers["x-content-type-options"] == "nosniff"
        if answer.headers["content-type"].startswith("text/html"):
            assert strange_elements(answer.text) == [], query


@pytest.mark.parametrize("path", POSTS)
def test_nothing_is_changed_by_another_origin(
    path: str, locked: tuple[AsgiCalls, AsgiCalls], cookie: dict[str, str]
) -> None:
    """Neither with the cookie of who has logged in, nor on a server without keys."""
    at = path.replace("{", "x").replace("}", "x")
    kinds = ("application/json", "application/x-www-form-urlencoded", "text/plain")
    others = (
        "http://evil.invalid",
        "http://localhost:81",
        "null",
        "https://localhost.evil.invalid",
    )
    for asked, known in zip(locked, ({}, cookie)):
        for origin in others:
            for kind in kinds:
                headers = {**known, "origin": origin, "content-type": kind}
                sent = asked.send("POST", at, content="{}", headers=headers)
                assert sent.status_code == 403, (origin, kind)
                assert sent.json()["error"]["code"] == "origin"
    _, shut = locked
    # A browser that names no origin, as some did once, is no program: it has the cookie.
    assert shut.send("POST", at, content="{}", headers=cookie).status_code == 403
    if path != LOGIN:  # with neither cookie nor key
        sent = shut.send("POST", at, content="{}", headers=OWN)
        assert sent.status_code == 401
    with_all = shut.send(
        "POST", at, content="{}", headers={**cookie, **OWN, "content-type": "application/json"}
    )
    assert with_all.status_code not in (401, 403) or path == LOGIN
