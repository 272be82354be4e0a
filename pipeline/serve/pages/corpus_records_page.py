"""Every record of the newest corpus, kept or not, by what became of it; some at a time."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from pipeline.serve.lake_reader import LakeReader
from pipeline.serve.pages.addresses import MOST_PAGES, address, paged
from pipeline.serve.pages.corpus_page import funnel_of
from pipeline.serve.pages.file_parts import parts_of, within
from pipeline.serve.pages.page_frame import WebPage, lake_of, render

PAGE = WebPage("corpus/records", "All records", "What became of each record, and why?")
SIZE = 50  # records of a page
MOST_LANGUAGES = 40  # to choose from
SCHEMES = ("http", "https")
OUTCOMES = ("kept", "dropped", "error")
COLUMNS = (
    "url",
    "id",
    "warc",
    '"offset"',
    "record_type",
    "outcome",
    "stage",
    "rule",
    "value",
    "threshold",
    "detail",
)
LANGUAGES = f"""
    SELECT language, count(*) AS pages FROM pages GROUP BY language
    ORDER BY pages DESC, language LIMIT {MOST_LANGUAGES}
"""
Field = Annotated[str, Query(max_length=200)]

router = APIRouter(include_in_schema=False)


class Wanted(NamedTuple):
    """By what records are chosen; "" is any."""

    outcome: str
    rule: str  # "stage/rule"
    host: str
    language: str
    kind: Literal["", "all"]  # "": pages alone

    def condition(self) -> tuple[str, list[object]]:
        """In SQL, over the ledger; and its parameters."""
        parts = [] if self.kind else ["record_type IN ('response', 'conversion')"]
        values: list[object] = []
        if self.outcome:
            parts.append("outcome = ?")
            values.append(self.outcome)
        if self.rule:
            stage, _, rule = self.rule.partition("/")
            parts.append("stage = ? AND rule = ?")
            values += [stage, rule]
        if self.host:
            # Beginnings, since every page's address is looked at.
            starts = [f"{scheme}://{self.host}{end}" for scheme in SCHEMES for end in "/:?"]
            parts.append(f"({' OR '.join(['starts_with(url, ?)'] * len(starts))})")
            values += starts
        if self.language:
            parts.append("id IN (SELECT id FROM pages WHERE language = ?)")
            values.append(self.language)
        return " AND ".join(parts) or "true", values


@router.get(PAGE.path)
def records(
    request: Request,
    outcome: Field = "",
    rule: Field = "",
    host: Field = "",
    language: Field = "",
    kind: Literal["", "all"] = "",
    page: Annotated[int, Query(ge=1, le=MOST_PAGES)] = 1,
) -> Response:
    """A page of the list."""
    lake = lake_of(request)
    wanted = Wanted(outcome, rule, host.strip().lower(), language, kind)
    condition, values = wanted.condition()
    found = lake.rows(
        f"SELECT {', '.join(COLUMNS)} FROM ledger WHERE {condition}"
        f" LIMIT {SIZE + 1} OFFSET {(page - 1) * SIZE}",
        values,
    ).to_pylist()
    shown, piece = paged(found, SIZE, page, PAGE.path, **wanted._asdict())
    digest = lake.heads().get("corpus")
    taken = funnel_of(lake, digest) if digest else []
    return render(
        request,
        PAGE,
        wanted=wanted,
        records=shown,
        piece=piece,
        languages_of=_languages_of(lake, [row for row in shown if row["id"]]),
        outcomes=OUTCOMES,
        rules=[row for row in taken if row["outcome"] != "kept"],
        languages=lake.rows(LANGUAGES).to_pylist(),
        total=_total(taken, wanted),
        address=address,
    )


def _languages_of(lake: LakeReader, shown: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """By id, of some rows of the ledger."""
    if not shown:
        return {}
    parts, ids = parts_of(lake, [row["warc"] for row in shown]), [row["id"] for row in shown]
    marks = ", ".join("?" * len(ids))
    asked = f"SELECT id, language FROM pages WHERE {within(parts)} AND id IN ({marks})"
    found = lake.rows(asked, [*parts, *ids])
    return dict(zip(found["id"].to_pylist(), found["language"].to_pylist()))


def _total(taken: list[dict[str, Any]], wanted: Wanted) -> int | None:
    """How many there are, where the funnel says so: what is no page is taken by the first stage."""
    stage = wanted.rule.partition("/")[0]
    pages_alone = wanted.outcome == "kept" or stage not in ("", "read")
    if wanted.host or wanted.language or not (wanted.kind or pages_alone):
        return None
    chosen: list[int] = [
        row["count"]
        for row in taken
        if wanted.outcome in ("", row["outcome"])
        and wanted.rule in ("", f"{row['stage']}/{row['rule']}")
    ]
    return sum(chosen)
