"""Many questions to a lake at the price of one look at it, and its list in a length for people."""

import contextlib
from collections.abc import Callable, Iterator

import pyarrow as pa

from storage import Lake, catalog

Ask = Callable[[str], pa.Table]  # SQL to rows
MOST_OF_A_KIND = 12  # artifacts that are listed one by one

# A run over a dump has 90,000 parts: they are one line.
LISTED = f"""
    WITH counted AS (
        SELECT *, count(*) OVER (PARTITION BY kind, current) AS alike FROM artifacts
    )
    SELECT kind, artifact, created, seconds, rows, bytes, current, inputs
    FROM counted WHERE alike <= {MOST_OF_A_KIND}
    UNION ALL
    SELECT kind, format('{{:,}} artifacts', count(*)), max(created), sum(seconds),
        sum(rows)::BIGINT, sum(bytes)::BIGINT, current, '{{}}'
    FROM counted WHERE alike > {MOST_OF_A_KIND} GROUP BY kind, current
"""


@contextlib.contextmanager
def asking(lake: Lake, sql: str) -> Iterator[Ask]:
    """For all that will be asked: the lake is listed once; `sql` names the views that are used."""
    with catalog.connect(lake, sql) as connection:
        yield lambda question: catalog.run(connection, question)
