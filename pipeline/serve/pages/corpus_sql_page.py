"""SQL over the lake: queries that are ready, and a box for others, which can only read.

A ready query is the project's own text and is asked at once; any other goes to a process that has
its bounds (`LakeReader.answer`), and only if the reader sent it: a link on somebody else's page
fills the box and runs nothing.
"""

from typing import Annotated

import pyarrow as pa
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from pipeline.serve.lake_reader import LakeReader
from pipeline.serve.pages.kept_results import results_of
from pipeline.serve.pages.page_frame import WebPage, lake_of, render
from pipeline.serve.pages.ready_queries import BY_NAME, READY
from storage.errors import UserError
from storage.query_answer import QueryAnswer

PAGE = WebPage("corpus/sql", "SQL", "What else would you ask of the lake?")
MOST_ROWS = 200  # shown; ours
NUMBERS = ("INT", "DOUBLE", "FLOAT", "DECIMAL")  # in the names of types that stand at the right
# Who else's link or frame asks; browsers say so since 2023.
OWN = ("none", "same-origin")
TABLES = """
    SELECT table_name AS name, list(column_name ORDER BY column_index) AS columns
    FROM duckdb_columns() WHERE schema_name = 'main' AND NOT starts_with(table_name, 'all_')
    GROUP BY table_name ORDER BY table_name
"""

router = APIRouter(include_in_schema=False)


@router.get(PAGE.path)
def sql(
    request: Request,
    q: Annotated[str, Query(max_length=20_000)] = "",
    ready: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """The box, and the answer."""
    lake = lake_of(request)
    chosen = BY_NAME.get(ready) or next((r for r in READY if r.sql.split() == q.split()), None)
    text = chosen.sql if chosen else q.strip()
    is_own = request.headers.get("sec-fetch-site", "none") in OWN
    if is_own:
        lake.expect_query()
    answer, problem = None, ""
    try:
        if chosen:
            key = (chosen.sql, lake.version())
            answer = results_of(request).get(key, lambda: _ready(lake, chosen.sql))
        elif text and is_own:
            answer = lake.answer(text, MOST_ROWS)
    except UserError as error:
        problem = str(error)
    return render(
        request,
        PAGE,
        text=text,
        chosen=chosen,
        answer=answer,
        problem=problem,
        held_back=bool(text) and not chosen and not is_own,
        most=MOST_ROWS,
        numbers=[any(n in kind for n in NUMBERS) for kind in answer.types] if answer else [],
        ready=READY,
        tables=lake.rows(TABLES).to_pylist(),
    )


def _ready(lake: LakeReader, query: str) -> QueryAnswer:
    found = lake.rows(f"FROM ({query}) LIMIT {MOST_ROWS + 1}")
    types = ("DOUBLE" if _is_number(kind) else "VARCHAR" for kind in found.schema.types)
    columns = (column.to_pylist() for column in found.slice(0, MOST_ROWS).columns)
    rows = tuple(tuple(None if c is None else _cell(c) for c in row) for row in zip(*columns))
    is_cut = len(found) > MOST_ROWS
    return QueryAnswer(tuple(found.column_names), tuple(types), rows, is_cut, 0.0)


def _is_number(kind: pa.DataType) -> bool:
    is_one = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return any(test(kind) for test in is_one)


def _cell(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
