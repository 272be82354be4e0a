"""The scaling law of the lake's ladder of models: its runs, what was foretold and what came."""

import json
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pipeline.serve.api_errors import ApiError
from pipeline.serve.lake_reader import LakeReader
from pipeline.serve.pages.page_frame import WebPage, lake_of, render

PAGE = WebPage("training/scaling", "Scaling law", "What would a larger model have learned?")
MOST_RUNS = 200  # of a ladder; ours
RUNS = f"""
    SELECT base, layers, width, seed, parameters, tokens, epochs, flops, bits_per_byte
    FROM scaling ORDER BY flops, seed LIMIT {MOST_RUNS}
"""
LAW = """
    SELECT artifact, statistics FROM artifacts WHERE kind = 'scaling' AND current LIMIT 1
"""

router = APIRouter(include_in_schema=False)


@router.get(PAGE.path)
def scaling(request: Request) -> Response:
    """The law and the ladder that it was fitted to."""
    lake = lake_of(request)
    law = _law(lake)
    runs: list[dict[str, Any]] = lake.rows(RUNS).to_pylist() if law else []
    return render(request, PAGE, law=law, runs=runs)


@router.get("/training/scaling.png")
def picture(request: Request) -> Response:
    """Bits a byte against compute, as in the report."""
    from pipeline.report import charts  # which loads matplotlib

    lake = lake_of(request)
    if (law := _law(lake)) is None:
        raise ApiError(404, "the lake has no scaling law")
    return Response(charts.scaling(lake.rows(RUNS).to_pylist(), law), media_type="image/png")


def _law(lake: LakeReader) -> Any:
    """`ScalingStatistics` of the newest run; None: there is none."""
    rows: list[dict[str, Any]] = lake.rows(LAW).to_pylist()
    return json.loads(rows[0]["statistics"]) if rows else None
