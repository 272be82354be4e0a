"""What a person opens and does on the pages: addresses, clicks and keys, by what the lake holds."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from playwright.sync_api import Page

from flows.cli.served_lake import ServedLake
from pipeline.serve.pages import ready_queries
from pipeline.serve.pages.addresses import MOST_PAGES
from pipeline.serve.pages.corpus_records_page import SIZE
from storage import Lake
from tests.benchmarks.page_timing import Interaction

RATER = "mara"
ONE_ROW = "SELECT url, outcome FROM ledger WHERE stage = 'c4' LIMIT 5"
NOWHERE = "nobody-has-this-address"
# JavaScript: whether another page's content has taken the place of this one's.
REPLACED = """(() => {
  const before = document.querySelector("main");
  return () => document.querySelector("main") !== before;
})()"""


@dataclasses.dataclass(frozen=True)
class Subjects:
    """Things of a lake that are looked at: from its middle, where there is one."""

    url: str  # of a page that was kept
    words: str  # four in a row of it
    copy: str  # the URL of a page that is a copy
    pair: tuple[str, str]  # ids of two copies
    host: str  # of the page
    language: str  # the commonest
    base: str  # digest of the base model
    fact: str  # a question
    late: int  # page of the list of records, not far from its end


def subjects(lake: Lake) -> Subjects:
    """What this lake has."""
    shown = ServedLake(lake)
    try:

        def one(sql: str) -> dict[str, Any]:
            return dict(shown.rows(sql).to_pylist()[0])

        middle = "(SELECT count(*) // 2 FROM corpus)"
        kept = one(f"SELECT url, text FROM corpus LIMIT 1 OFFSET {middle}")
        copies = one(
            "SELECT min(id) AS one, max(id) AS other FROM clusters GROUP BY cluster"
            " ORDER BY cluster LIMIT 1"
        )
        copy = one("SELECT url FROM ledger WHERE stage = 'dedup' LIMIT 1")
        languages = "SELECT language FROM pages GROUP BY language ORDER BY count(*) DESC LIMIT 1"
        pages = one("SELECT count(*) AS n FROM ledger WHERE record_type = 'response'")
        fact = one("SELECT question FROM facts WHERE frequency = 'often' LIMIT 1")
        return Subjects(
            kept["url"],
            " ".join(kept["text"].split()[40:44]),
            copy["url"],
            (copies["one"], copies["other"]),
            kept["url"].split("/")[2],
            one(languages)["language"],
            lake.heads()["base"],
            fact["question"],
            min(pages["n"] // SIZE - 1, MOST_PAGES - 1),
        )
    finally:
        shown.close()


def addresses(of: Subjects) -> dict[str, str]:
    """Every page, by what the table calls it."""
    left, right = of.pair
    ready = {f"SQL, ready: {q.title}": f"/corpus/sql?ready={q.name}" for q in ready_queries.READY}
    return {
        "Overview": "/",
        "Chat": "/chat",
        "Playground": "/playground",
        "Tokenizer": "/tokenizer",
        "Corpus, funnel": "/corpus",
        "Corpus, search": f"/corpus/search?q={quote(of.words)}",
        "Corpus, all records": "/corpus/records",
        "Corpus, a page": f"/corpus/document?url={quote(of.url)}",
        "Corpus, a copy": f"/corpus/document?url={quote(of.copy)}",
        "Corpus, a page by its id": f"/corpus/document?id={right}",
        "Corpus, side by side": f"/corpus/compare?left={left}&right={right}",
        "Corpus, drift": "/corpus/drift",
        "Corpus, SQL": "/corpus/sql",
        **ready,
        "Training, runs": "/training",
        "Training, scores": "/training/scores",
        "Training, samples": "/training/samples",
        "Training, scaling law": "/training/scaling",
        "Knowledge": "/know",
        "Knowledge, a fact": f"/know?fact={quote(of.fact)}",
        "Knowledge, recited": "/know/recite",
        "Knowledge, a page to recite": f"/know/recite?id={left}",
        "Labeling": "/labeling",
        "Labeling, agreement": "/labeling/agreement",
        "Arena": "/arena",
        "Arena, leaderboard": "/arena/board",
        "Lineage": "/lineage",
        "Lineage, an artifact": f"/lineage/base/{of.base}",
        "Lineage, the way of a page": f"/lineage/document?url={quote(of.url)}",
    }


def interactions(
    of: Subjects, battle: Callable[[], object], voted: Callable[[], object]
) -> Sequence[Interaction]:
    """What is done on them.

    Args:
        of: what the lake has.
        battle: gives the rater a battle to vote on, if they have none in hand.
        voted: takes the one in hand away.
    """
    records, sql, play = "/corpus/records", "/corpus/sql", "/playground"
    section = (  # whose pages take each other's place
        ("Records: by a rule", records, _chosen("rule", index=1)),
        ("Records: by language", records, _chosen("language", value=of.language)),
        ("Records: by host", records, _filled("#host", of.host)),
        ("Records: by a host that isn't there", records, _filled("#host", NOWHERE)),
        ("Records: next page", records, _click("a[rel=next]")),
        ("Records: a late page", f"{records}?page={of.late}", _click("a[rel=next]")),
        ("Records: open a page", f"{records}?outcome=kept", _click("td.url a")),
        ("Search: words", "/corpus/search", _filled("#q", of.words)),
        ("Search: a piece of an address", *_by_address(of.host.split(".")[0])),
        ("Search: an address that isn't there", *_by_address(NOWHERE)),
        ("SQL: a query of one's own", sql, _filled("#q", ONE_ROW)),
        ("Training: another suite", "/training/scores", _click(".chips li:last-child a")),
        ("Knowledge: find a fact", "/know", _filled("#q", "where")),
        ("Knowledge: open a fact", "/know", _click("td a")),
        ("Lineage: of one kind", "/lineage", _click(".chips li:nth-child(2) a")),
        ("Lineage: trace a page", "/lineage", _filled("#url", of.url)),
    )
    return (
        *_typing(play),
        *(Interaction(*act, shown=REPLACED) for act in section),
        Interaction("Labeling: an answer", "/labeling", _click("[data-key='1']")),
        Interaction("Arena: a vote", "/arena", _click("[data-key='1']"), prepare=battle),
        *_answers(of, voted),
    )


def _typing(play: str) -> tuple[Interaction, ...]:
    """Where a script shows the result."""
    facts, reads = _changed("#panels .facts"), "reads the document"
    return (
        Interaction("Tokenizer: type a letter", "/tokenizer", _press("#text", "x"), facts),
        Interaction(
            "Tokenizer: how a token was made",
            "/tokenizer",
            _click("#panels .token"),
            _changed("#made"),
        ),
        Interaction(
            "Playground: pick a token", play, _click("#next a"), _changed("#document"), model=reads
        ),
        Interaction(
            "Playground: look at a token",
            play,
            _click("#document a:nth-of-type(2)"),
            _changed("#open"),
            model=reads,
        ),
        Interaction(
            "Playground: type a letter",
            play,
            _press("#text", "x"),
            _changed("#document"),
            model=reads,
        ),
        Interaction(
            "Playground: turn a dial",
            play,
            _press("#temperature", "ArrowLeft"),
            _changed("#open"),
            model=reads,
        ),
    )


def _answers(of: Subjects, voted: Callable[[], object]) -> tuple[Interaction, ...]:
    """Where models generate before there is anything to show."""
    return (
        Interaction(
            "Chat: first words of all three replies",
            "/chat",
            _filled("#prompt", "What is 3 + 4?", "#send"),
            "() => [...document.querySelectorAll('#columns .column')].every("
            "(one) => one.querySelector('.assistant .said')?.textContent)",
            model="three models begin to answer",
        ),
        Interaction(
            "Knowledge: ask the models",
            f"/know?fact={quote(of.fact)}",
            _click("#ask button"),
            "() => document.querySelector('#told .said') !== null",
            model="the first model's greedy answer and eight drawn",
        ),
        Interaction(
            "Knowledge: let a model recite",
            f"/know/recite?id={of.pair[0]}",
            _click("main form[method=post] button"),
            model="128 tokens",
        ),
        Interaction(
            "Arena: a question to two models",
            "/arena",
            _filled("#prompt", "What is 3 + 4?", "[value=typed]"),
            prepare=voted,
            model="two whole answers",
        ),
    )


def _click(selector: str) -> Callable[[Page], object]:
    return lambda page: page.locator(selector).first.click()


def _press(selector: str, key: str) -> Callable[[Page], object]:
    return lambda page: page.locator(selector).press(key)


def _filled(selector: str, text: str, button: str = "") -> Callable[[Page], object]:
    """A field of a form, which is then sent by a button, by default its first one."""

    def act(page: Page) -> None:
        page.locator(f"main {selector}").first.fill(text)
        form = page.locator("main form").filter(has=page.locator(selector))
        form.locator(button or "button").first.click()

    return act


def _chosen(name: str, **which: str | int) -> Callable[[Page], object]:
    """Of a list, by value or index; then the form is sent."""

    def act(page: Page) -> None:
        field = f"[name={name}]"
        page.locator(f"main {field}").select_option(**which)  # type: ignore[arg-type]
        form = page.locator("main form").filter(has=page.locator(field))
        form.locator("button").first.click()

    return act


def _by_address(piece: str) -> tuple[str, Callable[[Page], object]]:
    def act(page: Page) -> None:
        page.locator("[name=by][value=address]").check()
        _filled("#q", piece)(page)

    return "/corpus/search", act


def _changed(selector: str) -> str:
    """JavaScript: whether the text of an element is another than it was."""
    text = f"document.querySelector({selector!r}).textContent"
    return f"(() => {{ const before = {text}; return () => {text} !== before; }})()"
