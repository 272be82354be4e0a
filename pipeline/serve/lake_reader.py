"""What the web pages may ask of a lake; the command line opens one and hands it to the server.

No stage and no page opens a lake itself: a test gives a tiny one, or anything of this shape.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from pipeline.serve.live_run import LiveRun
from storage.explanation import Explanation
from storage.manifest import Manifest
from storage.query_answer import QueryAnswer


class LakeReader(Protocol):
    """A lake, to read. Every method may be called from several threads at a time."""

    def rows(self, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> pa.Table:
        """The rows of a query over the lake's views (`storage.views`), which it can't change.

        Asked again before the lake has changed, it answers from memory where the answer is small.

        Args:
            sql: one statement; values of others belong into `parameters`, never into the text.
            parameters: for `?`, or by name for `$name`.

        Raises:
            UserError: the statement is wrong, or takes too much time or memory.
        """

    def version(self) -> int:
        """A number that is another one once a query may have another answer."""

    def heads(self) -> Mapping[str, str]:
        """The newest artifact of each kind (or `kind.name`), by digest."""

    def folder(self, kind: str, digest: str) -> Path:
        """Where an artifact's files lie on this disk.

        Raises:
            UserError: there is none.
        """

    def manifest(self, kind: str | None, digest: str) -> Manifest:
        """An artifact's manifest, by its kind (None: any) and its digest's beginning.

        Raises:
            UserError: there is none, or more than one.
        """

    def explain(self, url: str) -> Explanation:
        """What the newest corpus knows of a URL.

        Raises:
            UserError: there is no corpus, or no record of the URL.
        """

    def answer(self, sql: str, most_rows: int) -> QueryAnswer:
        """The answer to a stranger's query, as texts; a process of its own bounds what it takes.

        Args:
            sql: one SELECT.
            most_rows: after which the answer is cut.

        Raises:
            UserError: it is wrong, or takes too much time or memory.
        """

    def expect_query(self) -> None:
        """Say that somebody may soon ask for an `answer`, which then comes sooner."""

    def live_runs(self) -> Sequence[LiveRun]:
        """Training runs whose artifacts the lake doesn't have yet, the newest news first.

        Those alone that write their figures where this lake keeps them, on this machine.
        """
