"""Finds pages: kept ones by their words, where the lake has an index; any by a piece of address."""

import re
from collections.abc import Iterable
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from pipeline.serve.lake_reader import LakeReader
from pipeline.serve.pages.addresses import address
from pipeline.serve.pages.page_frame import WebPage, lake_of, render
from pipeline.tools.retrieval import FoundPassage, SearchIndex
from pipeline.tools.search_terms import words
from pipeline.tools.tool import ToolError

PAGE = WebPage("corpus/search", "Search", "Which pages say this?")
MOST_FOUND = 30  # passages or addresses; ours
SHORT = 4  # letters
SECONDS = 5.0  # as for any query of the pages
# Of pages: a request for one bears the same address.
ADDRESSES = f"""
    SELECT url, outcome, stage, rule FROM ledger
    WHERE contains(url, ?) AND record_type IN ('response', 'conversion') LIMIT {MOST_FOUND}
"""

router = APIRouter(include_in_schema=False)


class Found(NamedTuple):
    """A passage, in pieces: those that the query has are marked."""

    passage: FoundPassage
    pieces: list[tuple[str, bool]]


@router.get(PAGE.path)
def search(
    request: Request,
    q: Annotated[str, Query(max_length=1000)] = "",
    by: Literal["words", "address"] = "words",
) -> Response:
    """The best passages, or the first addresses."""
    lake, query = lake_of(request), q.strip()
    has_index = "search_index" in lake.heads()
    by = by if has_index else "address"
    found: list[Found] = []
    addresses: list[dict[str, str]] = []
    problem = ""
    if query and by == "words":
        try:
            found = list(_marked(query, _passages(lake, query)))
        except ToolError as error:
            problem = str(error)
    elif query:
        addresses = lake.rows(ADDRESSES, [query]).to_pylist()
    return render(
        request,
        PAGE,
        query=query,
        by=by,
        has_index=has_index,
        found=found,
        addresses=addresses,
        problem=problem,
        most=MOST_FOUND,
        address=address,
    )


def _passages(lake: LakeReader, query: str) -> list[FoundPassage]:
    index = SearchIndex(lake.folder("search_index", lake.heads()["search_index"]))
    try:
        return index.search(query, MOST_FOUND, SECONDS)
    finally:
        index.close()


def _marked(query: str, found: Iterable[FoundPassage]) -> Iterable[Found]:
    # The index finds other endings of a word as well; of short ones they would be other words.
    endings = ((word, r"\w*" if len(word) > SHORT else r"(?!\w)") for word in words(query))
    sought = "|".join(re.escape(word) + ending for word, ending in endings)
    pattern = re.compile(rf"(?<!\w)({sought})", re.IGNORECASE) if sought else None
    for passage in found:
        pieces = pattern.split(passage.text) if pattern else [passage.text]
        yield Found(passage, [(piece, bool(at % 2)) for at, piece in enumerate(pieces) if piece])
