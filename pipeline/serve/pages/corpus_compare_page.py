"""Two pages side by side, with the words that only one of them has."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from pipeline.serve.api_errors import ApiError
from pipeline.serve.lake_reader import LakeReader
from pipeline.serve.pages.addresses import address
from pipeline.serve.pages.file_parts import parts_of, within
from pipeline.serve.pages.page_frame import WebPage, lake_of, render
from pipeline.serve.pages.word_difference import difference

# Not `id IN (?, ?)`: the database would unpack all texts and then look at the ids.
WARCS = "SELECT warc FROM ledger WHERE id = ? UNION ALL SELECT warc FROM ledger WHERE id = ?"
PAGE = WebPage("corpus/compare", "Side by side", "How do two pages differ?")
MOST_CHARACTERS = 60_000  # of a text

router = APIRouter(include_in_schema=False)
Id = Annotated[str, Query(max_length=32)]


@router.get(PAGE.path)
def compare(request: Request, left: Id, right: Id) -> Response:
    """Two pages, by their ids."""
    found = _found(lake_of(request), left, right)
    if missing := [id_ for id_ in (left, right) if id_ not in found]:
        raise ApiError(404, f"the newest corpus has no page {missing[0]}")
    pair: list[dict[str, Any]] = [found[left], found[right]]
    texts = [(row["text"] or "")[:MOST_CHARACTERS] for row in pair]
    runs, is_whole = difference(*texts)
    words = {"both": 0, "left": 0, "right": 0}
    for run in runs:
        words[run.side] += len(run.text.split())
    return render(
        request,
        PAGE,
        pair=pair,
        sides=[("left", pair[0]), ("right", pair[1])],
        runs=runs,
        words=words,
        share=words["both"] / max(1, sum(words.values())),
        is_whole=is_whole,
        address=address,
    )


def _found(lake: LakeReader, left: str, right: str) -> dict[str, dict[str, Any]]:
    """Those that are there, by id."""
    parts = parts_of(lake, lake.rows(WARCS, [left, right])["warc"].to_pylist())
    asked = f"SELECT id, url, text FROM pages WHERE {within(parts)} AND id = ?"
    rows = lake.rows(f"{asked} UNION ALL {asked}", [*parts, left, *parts, right]).to_pylist()
    return {row["id"]: row for row in rows}
