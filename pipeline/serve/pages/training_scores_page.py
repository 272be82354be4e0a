"""What each stage of training changed: scores with their intervals, and what preferences cost."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from pipeline.report import alignment_tax
from pipeline.report.scores import facts_by_relation, stage_table
from pipeline.serve.pages.addresses import address
from pipeline.serve.pages.page_frame import WebPage, lake_of, render

PAGE = WebPage("training/scores", "Scores by stage", "What did each stage of training change?")
SUITES = """
    SELECT suite, count(*) AS scores FROM evals GROUP BY suite ORDER BY suite
"""
SCORES = "SELECT * EXCLUDE (artifact) FROM evals WHERE suite = ? ORDER BY task, metric LIMIT 5000"
# Of the alignment tax, which goes through the suites.
OF_PREFERENCES = f"""
    SELECT * EXCLUDE (artifact) FROM evals
    WHERE model IN ('{alignment_tax.BEFORE}', '{alignment_tax.AFTER}') LIMIT 5000
"""
FIRST = "facts"  # the suite at first, where it was measured

router = APIRouter(include_in_schema=False)


@router.get(PAGE.path)
def scores(request: Request, suite: Annotated[str, Query(max_length=200)] = "") -> Response:
    """One suite's, a column for each model; intervals are of 95%."""
    lake = lake_of(request)
    suites: list[dict[str, Any]] = lake.rows(SUITES).to_pylist()
    names = [row["suite"] for row in suites]
    chosen = suite if suite in names else FIRST if FIRST in names else (names or [""])[0]
    rows: list[dict[str, Any]] = lake.rows(SCORES, [chosen]).to_pylist()
    head, body = stage_table(rows)
    if not body:  # of suites that stand beside that table
        head, body = facts_by_relation(rows)
    else:  # the suite stands above
        head, body = head[1:], [line[1:] for line in body]
    tax_head, tax = alignment_tax.lines(lake.rows(OF_PREFERENCES).to_pylist())
    return render(
        request,
        PAGE,
        suites=suites,
        chosen=chosen,
        head=head,
        body=body,
        tax_head=tax_head,
        tax=tax,
        address=address,
    )
