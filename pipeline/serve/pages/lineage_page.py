"""All artifacts of the lake by kind, the newest first, and what each cost."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from pipeline.serve.pages.addresses import MOST_PAGES, address, paged
from pipeline.serve.pages.page_frame import WebPage, lake_of, render

PAGE = WebPage("lineage", "Lineage", "What was each thing made from, and what did it cost?")
SIZE = 50  # artifacts of a page
KINDS = """
    SELECT kind, count(*) AS artifacts, sum(seconds) AS seconds, sum(bytes)::BIGINT AS bytes
    FROM artifacts GROUP BY kind ORDER BY max(created) DESC, kind
"""

router = APIRouter(include_in_schema=False)


@router.get(PAGE.path)
def lineage(
    request: Request,
    kind: Annotated[str, Query(max_length=60)] = "",
    of: Annotated[str, Query(max_length=64)] = "",
    page: Annotated[int, Query(ge=1, le=MOST_PAGES)] = 1,
) -> Response:
    """A page of the list; of one kind, or what was made from the artifact `of`."""
    lake = lake_of(request)
    # A digest stands in quotes in the JSON of inputs.
    found: list[dict[str, Any]] = lake.rows(
        "SELECT kind, artifact, created, seconds, rows, bytes, files, current FROM artifacts"
        " WHERE (kind = $kind OR $kind = '') AND ($of = '' OR contains(inputs, $of))"
        f" ORDER BY created DESC, kind, artifact LIMIT {SIZE + 1} OFFSET {(page - 1) * SIZE}",
        {"kind": kind, "of": of},
    ).to_pylist()
    shown, piece = paged(found, SIZE, page, PAGE.path, kind=kind, of=of)
    kinds: list[dict[str, Any]] = lake.rows(KINDS).to_pylist()
    return render(
        request,
        PAGE,
        artifacts=shown,
        piece=piece,
        kinds=kinds,
        kind=kind,
        of=of,
        total=sum(row["artifacts"] for row in kinds),
        address=address,
    )
