"""What the web pages may ask of a lake; the command line opens one and hands it to the server.

No stage and no page opens a lake itself: a test gives a tiny one, or anything of this shape.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa


class LakeReader(Protocol):
    """A lake, to read. Every method may be called from several threads at a time."""

    def rows(self, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> pa.Table:
        """The rows of a query over the lake's views (`storage.views`), which it can't change.

        Args:
            sql: one statement; values of others belong into `parameters`, never into the text.
            parameters: for `?`, or by name for `$name`.

        Raises:
            UserError: the statement is wrong, or takes too much time or memory.
        """

    def heads(self) -> Mapping[str, str]:
        """The newest artifact of each kind (or `kind.name`), by digest."""

    def folder(self, kind: str, digest: str) -> Path:
        """Where an artifact's files lie on this disk.

        Raises:
            UserError: there is none.
        """
