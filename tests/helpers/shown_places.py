"""The census of places where a page shows what others wrote: models, tools, the web, people.

A place is a part of a page by its CSS selector; `VISITS` says how each is filled with all of
`INJECTIONS`, and which routes take part. `test_injection_census` makes every visit, looks into
every place for every text, and fails for a route of the pages that no visit asks.
"""

import dataclasses
import re
from collections.abc import Callable
from typing import Literal
from urllib.parse import quote

from explorer_lake import EVIL_URL, HOSTILE
from hostile_reader import LIVE, QUESTION
from hostile_visits import (
    answer_as_hostile,
    ask_of_ones_own,
    chat_of_hostile_words,
    come_too_late,
    correct_and_return,
    play_with_hostile_state,
    split_as_hostile,
    typed_into,
    vote_once,
)
from injection_strings import INJECTIONS
from playwright.sync_api import Page

Server = Literal["hostile", "explorer", "training", "known"]


@dataclasses.dataclass(frozen=True)
class Place:
    """Where such texts stand.

    Args:
        shown: what they are.
        where: CSS; after an @, the attribute; after "kept:", the name of what the act saw.
        most: characters of each text that count.
        texts: that can stand there; by default all.
    """

    shown: str
    where: str
    most: int = 300
    texts: tuple[str, ...] = INJECTIONS


@dataclasses.dataclass(frozen=True)
class Visit:
    """Of one page, or of the pages of a list.

    Args:
        name: of it.
        server: that is asked.
        paths: that are opened one after the other; `{audit}` is the hostile artifact's name.
        places: to look into, after each.
        routes: beside those of the paths, that are asked for meanwhile: "POST /know".
        act: what is done on each page before.
        scripts: whether JavaScript runs.
        refusals: how many answers of the server are refusals, of which the browser tells.
    """

    name: str
    server: Server
    paths: tuple[str, ...]
    places: tuple[Place, ...]
    routes: tuple[str, ...]
    act: Callable[[Page], dict[str, str]] | None = None
    scripts: bool = True
    refusals: bool = False


def names(text: str) -> bool:
    """Whether a rater may be called so."""
    return text.isprintable() and text == text.strip() and len(text) <= 60


RATERS = tuple(filter(names, INJECTIONS))
# Split into single bytes, other letters are shown as hexadecimal digits.
ASCII = tuple(text for text in INJECTIONS if text.isascii() and "\0" not in text)
# JSON has them as they are.
IN_JSON = tuple(text for text in INJECTIONS if not re.search(r"[\x00-\x1f\"\\]", text))
# What no file can be called, no query can hold.
WITHOUT_NUL = tuple(text for text in INJECTIONS if "\0" not in text)
# A tag of XML can't hold them, nor can a header of WARC: HTML's parser leaves others as they are.
ON_THE_WEB = tuple(
    text for text in INJECTIONS if text.isprintable() and "\u0301" not in text and "&" not in text
)
RECORDS = tuple(f"/corpus/records?kind=all&page={number}" for number in (1, 2))
FACTS = tuple(f"/know?page={number}" for number in range(1, 5))
SUITE = tuple(f"/training/samples?suite=facts&page={number}" for number in range(1, 8))
MODELS = "models' names"

VISITS = (
    Visit(
        "overview",
        "hostile",
        ("/",),
        (Place(MODELS, ".models code", texts=WITHOUT_NUL),),
        ("GET /",),
    ),
    Visit(
        "chat",
        "hostile",
        ("/chat",),
        (
            Place(MODELS, "label.check", texts=WITHOUT_NUL),
            Place(f"{MODELS}, of boxes", "[name=model]@value", texts=WITHOUT_NUL),
            Place("a person's message", ".message.user .said"),
            Place("tokens", "kept:tok"),
            Place("other tokens", "kept:alternatives"),
            Place("a model's words", ".assistant .said"),
            Place("tools' names", ".assistant .call code"),
            Place("tools' arguments", ".assistant .call pre:not(.output)"),
            Place("tools' output", ".assistant .call pre.output"),
            Place("errors", "kept:errors"),
            Place(f"{MODELS}, of columns", "kept:columns", texts=WITHOUT_NUL),
            Place("exported JSON", "kept:json"),
            Place("exported command", "kept:command"),
        ),
        ("GET /chat", "POST /chat/branch"),
        chat_of_hostile_words,
        refusals=True,
    ),
    Visit(
        "playground",
        "hostile",
        ("/playground?model=plain",),
        (
            Place(f"{MODELS}, of a choice", "#model option", texts=WITHOUT_NUL),
            Place("the document", "#text"),
            Place("tokens", "#document .tok"),
            Place("tokens that may come", "#next .mono"),
            Place("tokens of the logit lens", "#lens .mono"),
            Place("tokens that heads look at", "#heads .mono"),
            Place("tokens over the map", "#map .name"),
            Place("tokens of the map's cells", "#map td@aria-label"),
            Place("errors", "#problem"),
        ),
        ("GET /playground", "POST /playground/state"),
        play_with_hostile_state,
        refusals=True,
    ),
    Visit(
        "playground without scripts",
        "hostile",
        ("/playground?model=vocabulary&ids=" + ".".join(["0", *map(str, range(258, 317))]),),
        (
            Place("tokens", "#document .tok"),
            Place("tokens that may come", "#next .mono"),
            Place("tokens of the logit lens", "#lens .mono"),
            Place("tokens that heads look at", "#heads .mono"),
        ),
        ("GET /playground",),
        scripts=False,
    ),
    Visit(
        "tokenizer",
        "hostile",
        ("/tokenizer?with=plain",),
        (
            Place(f"{MODELS}, of boxes", "[name=with]@value", texts=WITHOUT_NUL),
            Place("sources of conversations", "#source option"),
            Place("a conversation", "#talk .tokens", texts=ASCII),
            Place("tokens", "#panels .token"),
            Place("names of tokenizers", "#panels h2"),
            Place("facts of a text", "#panels .facts"),
            Place("pieces of a merge", "#made .piece"),
            Place("the token that was made", "#made .token"),
            Place("errors", "#problem"),
        ),
        ("GET /tokenizer", "POST /tokenizer/tokens", "POST /tokenizer/merges"),
        split_as_hostile,
        refusals=True,
    ),
    Visit(
        "corpus",
        "hostile",
        ("/corpus",),
        (Place("rules", ".funnel td a"),),
        ("GET /corpus",),
    ),
    Visit(
        "records",
        "hostile",
        RECORDS,
        (
            Place("addresses", "td.url a"),
            Place("languages", "#language option"),
            Place("rules to choose from", "#rule option"),
            Place("rules", "tbody td:nth-child(3)"),
        ),
        ("GET /corpus/records",),
    ),
    Visit(
        "search",
        "hostile",
        ("/corpus/search?q=needle",),
        (Place("passages", ".passage"), Place("addresses", ".found a.url")),
        ("GET /corpus/search",),
    ),
    Visit(
        "search by address",
        "hostile",
        ("/corpus/search?by=address&q=harbour",),
        (Place("addresses", "td.url a"), Place("rules", "tbody td:nth-child(3)")),
        ("GET /corpus/search",),
    ),
    Visit(
        "a search that was typed",
        "hostile",
        ("/corpus/search",),
        (Place("the query", "kept:typed"),),
        ("GET /corpus/search",),
        typed_into("#q", 900),
    ),
    Visit(
        "document",
        "hostile",
        ("/corpus/document?url=before", "/corpus/document?url=after"),
        (
            Place("the address", "main > p.url strong"),
            Place("its text before", ".text del"),
            Place("its text after", ".text ins"),
            Place("what was changed", ".changes"),
            Place("its host", "dd a[href*='host=']"),
            Place("the WARC's name and kinds of personal data", "dl.facts dd"),
        ),
        ("GET /corpus/document",),
    ),
    Visit(
        "the original, block by block",
        "explorer",
        tuple(f"/corpus/document?url={url}" for url in HOSTILE),
        (
            Place("blocks", ".blocks", texts=ON_THE_WEB),
            Place("titles", "#blocks ~ p", texts=INJECTIONS[:4]),
        ),
        ("GET /corpus/document",),
    ),
    Visit(
        "an address of a crawl",
        "explorer",
        (f"/corpus/document?url={quote(EVIL_URL)}",),
        (),
        ("GET /corpus/document",),
    ),
    Visit(
        "compare",
        "hostile",
        ("/corpus/compare?left={left}&right={right}",),
        (Place("addresses", "h2.url"), Place("texts", ".text")),
        ("GET /corpus/compare",),
    ),
    Visit(
        "drift",
        "hostile",
        ("/corpus/drift",),
        (Place("dumps", "#before option"),),
        ("GET /corpus/drift",),
    ),
    Visit(
        "SQL",
        "hostile",
        ("/corpus/sql?q={query}",),
        (
            Place("the query", "textarea#q", texts=WITHOUT_NUL),
            Place("cells", "tbody td", texts=WITHOUT_NUL),
            Place("columns", "thead th"),
        ),
        ("GET /corpus/sql",),
    ),
    Visit(
        "SQL that is wrong",
        "hostile",
        ("/corpus/sql?q=SELECT",),
        (Place("errors", "kept:typed", most=150, texts=WITHOUT_NUL),),
        ("GET /corpus/sql",),
        typed_into("#q", 240, "SELECT error($q${}$q$)", "[role=alert]"),
    ),
    Visit(
        "lineage",
        "hostile",
        ("/lineage?kind={all}&of={all}",),
        (),
        ("GET /lineage",),
    ),
    Visit(
        "the way of a page",
        "hostile",
        ("/lineage/document?url=x",),
        (
            Place("the address", "p.url strong"),
            Place("the WARC's name", ".way li:first-child code"),
            Place("the split", ".way"),
        ),
        ("GET /lineage/document",),
    ),
    Visit(
        "artifact",
        "hostile",
        ("/lineage/audit/{audit}",),
        (
            Place("names and files of inputs", "td.branch"),
            Place(
                "recipe and statistics",
                "details pre",
                texts=IN_JSON,
            ),
            Place("host, machine, command, run", "#how ~ dl, .facts"),
            Place("how energy was found", "#cost ~ .facts .muted"),
            Place("packages", "details p.small.muted"),
        ),
        ("GET /lineage/{kind}/{digest}",),
    ),
    Visit(
        "training",
        "hostile",
        (f"/training?run={LIVE}",),
        (
            Place("titles of runs", "tr.live .muted"),
            Place("names of settings", ".settings th"),
            Place("values of settings", ".settings td"),
        ),
        ("GET /training",),
    ),
    Visit(
        "scores",
        "training",
        ("/training/scores?suite={all_suite}",),
        (
            Place("suites", ".chips a"),
            Place("tasks", ".scores td:nth-child(1)"),
            Place("metrics", ".scores td:nth-child(2)"),
            Place("models", ".scores th"),
        ),
        ("GET /training/scores",),
    ),
    Visit(
        "samples",
        "training",
        SUITE,
        (
            Place("suites", ".chips a"),
            Place("questions", ".asked h3"),
            Place("what was expected", ".asked p .answer"),
            Place("models", ".asked dt"),
            Place("answers", ".asked dd"),
        ),
        ("GET /training/samples",),
    ),
    Visit(
        "answers during RL",
        "training",
        ("/training/samples?run={rl}",),
        (
            Place("tasks", "tbody td:nth-child(1)"),
            Place("prompts", "td.answer:nth-child(2)"),
            Place("answers", "td.answer:nth-child(3)"),
        ),
        ("GET /training/samples",),
    ),
    Visit("scaling", "training", ("/training/scaling",), (), ("GET /training/scaling",)),
    Visit(
        "facts",
        "known",
        FACTS,
        (
            Place("questions", "tbody td:nth-child(1) a"),
            Place("right answers", "tbody td:nth-child(2)"),
        ),
        ("GET /know",),
    ),
    Visit(
        "a fact",
        "hostile",
        (f"/know?fact={QUESTION}",),
        (
            Place("the right answer", "strong.value"),
            Place("the subject", "#ask@data-subject"),
            Place("questions of the interrogation", "#records-title ~ .table td:first-child"),
            Place("what pages state", "#records-title ~ .table td:nth-child(2)"),
            Place("labels", "#records-title ~ .table td:nth-child(3)"),
            Place("the commonest answer", "#records-title ~ .table td:nth-child(5)"),
            Place("models that were measured", ".by-class td"),
            Place(f"{MODELS}, of boxes", "#ask [name=model]@value", texts=WITHOUT_NUL),
            Place("a model's greedy answer", ".told .said"),
            Place("samples", ".told .samples"),
            Place("how likely", ".told .probabilities dd", texts=INJECTIONS[:2]),
            Place("verdict", ".told@aria-label"),
            Place("errors", ".told .error"),
        ),
        ("GET /know", "POST /know/answers"),
        answer_as_hostile,
        refusals=True,
    ),
    Visit(
        "pages that name something",
        "known",
        ("/know?fact=Who%20is%20Edda%20Farrow%3F",),
        (Place("a page's words", ".mentions .said", texts=INJECTIONS[:5]),),
        ("GET /know",),
    ),
    Visit(
        "a question of one's own",
        "known",
        ("/know",),
        (Place("question, name and answer", "kept:typed"),),
        ("POST /know",),
        ask_of_ones_own,
        scripts=False,
    ),
    Visit(
        "recited",
        "hostile",
        ("/know/recite",),
        (
            Place("passages", ".pages li a:not(.url)"),
            Place("models of passages", ".pages li .muted"),
            Place("addresses", ".pages a.url"),
            Place("models that were measured", "#figures-title ~ .table td:first-child"),
            Place(f"{MODELS}, of a choice", "#model option", texts=WITHOUT_NUL),
        ),
        ("GET /know/recite",),
    ),
    Visit(
        "a page that is recited",
        "hostile",
        ("/know/recite?id={left}",),
        (Place("its address", "form a.url"), Place("its text", ".passage", texts=ON_THE_WEB[:12])),
        ("GET /know/recite",),
    ),
    Visit(
        "a text that is recited",
        "known",
        ("/know/recite?model=base",),
        (Place("the text and what it is held against", "kept:typed"),),
        ("POST /know/recite",),
        typed_into("#text", 7_000, reads="textarea, .passage", press="form button.primary"),
    ),
    Visit(
        "labeling",
        "hostile",
        ("/labeling",),
        (
            Place("raters", "kept:raters", texts=RATERS),
            Place("messages", "kept:compare .talk .words"),
            Place("answers to compare", "kept:compare .sides .words"),
            Place("tools", "kept:compare details .words", texts=IN_JSON),
            Place("calls of tools", "kept:compare .talk .mono", texts=IN_JSON),
            Place("an answer to correct", "[aria-labelledby=given]"),
            Place("an earlier answer", "[aria-labelledby=earlier]"),
            Place("the field", "#text"),
        ),
        ("GET /labeling", "POST /rater", "POST /labeling/answer"),
        correct_and_return,
    ),
    Visit(
        "what came too late",
        "hostile",
        ("/labeling",),
        (Place("what a rater had written", "kept:lost"),),
        ("POST /labeling/answer", "POST /labeling/leave"),
        come_too_late,
        refusals=True,
    ),
    Visit(
        "agreement",
        "hostile",
        ("/labeling/agreement",),
        (Place("raters", "#raters ~ .table th", texts=RATERS),),
        ("GET /labeling/agreement",),
    ),
    Visit(
        "arena",
        "hostile",
        ("/arena",),
        (
            Place(f"{MODELS} and a question that was typed", "kept:asked"),
            Place("the question", "kept:battle .talk .words"),
            Place("answers", "kept:battle .sides .words"),
            Place("models that are told", "kept:told #told strong"),
            Place("answers that are told", "kept:told .told .sides .words"),
            Place("the question that is told", "kept:told .told .talk .words"),
        ),
        ("GET /arena", "POST /rater", "POST /arena/ask", "POST /arena/vote", "POST /arena/leave"),
        vote_once,
        refusals=True,
    ),
    Visit(
        "leaderboard",
        "hostile",
        ("/arena/board?style=on",),
        (
            Place(MODELS, "tbody th", texts=WITHOUT_NUL),
            Place("names in the picture", ".ratings text", most=25),
        ),
        ("GET /arena/board",),
    ),
    Visit(
        "log in",
        "hostile",
        ("/login?next=/{path}",),
        (Place("where it leads", "[name=next]@value", texts=ASCII),),
        ("GET /login",),
    ),
    Visit(
        "what went wrong",
        "hostile",
        ("/tokenizer_info?model={piece}",),
        (Place(f"the model that is asked for, {MODELS}", ".question", texts=WITHOUT_NUL),),
        (),
        refusals=True,
    ),
)
# No page shows these: what they answer is no HTML, and browsers are told not to guess.
DATA = {
    "GET /training/curves": "application/json",
    "GET /training/scaling.png": "image/png",
    "GET /static/{name:path}": "text/",
}
