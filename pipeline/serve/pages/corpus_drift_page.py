"""How the shares that rules take moved from one dump to another, or from one corpus to another."""

from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from pipeline.report.rules import RuleShare, drift, funnel_shares, rule_rows
from pipeline.serve.lake_reader import LakeReader
from pipeline.serve.pages.corpus_page import funnel_of
from pipeline.serve.pages.page_frame import WebPage, lake_of, render

PAGE = WebPage("corpus/drift", "Drift", "Do rules take from one crawl what they took from another?")
MOST_CORPORA = 50  # to choose from, the newest
DUMPS = """
    SELECT dump, count(*) AS pages FROM pages GROUP BY dump ORDER BY dump
"""
# A WARC is of one dump; the ledger names the file alone.
COUNTS = """
    SELECT stage, rule, outcome, count(*) AS records, NULL AS words FROM ledger
    WHERE warc IN (SELECT warc FROM pages WHERE dump = ?) GROUP BY ALL
"""
CORPORA = f"""
    SELECT artifact, created FROM artifacts WHERE kind = 'corpus'
    ORDER BY created DESC LIMIT {MOST_CORPORA}
"""
Choice = Annotated[str, Query(max_length=200)]

router = APIRouter(include_in_schema=False)


class Crawl(NamedTuple):
    """What may be held against another."""

    name: str  # "dump:…" or "corpus:…"
    title: str


@router.get(PAGE.path)
def show_drift(request: Request, before: Choice = "", now: Choice = "") -> Response:
    """Two of them, by default the last two dumps, else the last two corpora."""
    lake = lake_of(request)
    crawls = _crawls(lake)
    names = [crawl.name for crawl in crawls]
    chosen = [name if name in names else "" for name in (before, now)]
    if len(crawls) > 1:
        chosen = [name or default for name, default in zip(chosen, names[-2:])]
    rows = drift(*(_shares(lake, name) for name in chosen)) if all(chosen) else []
    widest = max((abs(row["difference"]) for row in rows), default=0.0)
    return render(
        request,
        PAGE,
        crawls=crawls,
        chosen=chosen,
        rows=rows,
        widest=widest or 1.0,
    )


def _crawls(lake: LakeReader) -> list[Crawl]:
    """Oldest first; one of the kind that is compared by default stands last."""
    dumps: list[dict[str, Any]] = lake.rows(DUMPS).to_pylist()
    corpora: list[dict[str, Any]] = lake.rows(CORPORA).to_pylist()[::-1]
    of_dumps = [
        Crawl(f"dump:{row['dump']}", f"{row['dump'] or 'no dump'} ({row['pages']:,} pages)")
        for row in dumps
    ]
    of_corpora = [
        Crawl(
            f"corpus:{row['artifact']}",
            f"corpus {row['artifact'][:8]} of {(row['created'] or '')[:16].replace('T', ' ')}",
        )
        for row in corpora
    ]
    # One alone is the same records as the newest corpus.
    if len(of_dumps) < 2:
        return of_corpora
    return of_corpora * (len(of_corpora) > 1) + of_dumps


def _shares(lake: LakeReader, name: str) -> list[RuleShare]:
    kind, _, which = name.partition(":")
    if kind == "corpus":
        return funnel_shares(funnel_of(lake, which))
    return rule_rows(lake.rows(COUNTS, [which]).to_pylist())
