"""Where the labelers' store of a lake lies."""

from pathlib import Path

from storage import Lake
from storage.errors import UserError
from storage.local import LocalTree

FOLDER, FILE = ".labels", "tasks.sqlite"  # in the lake: not an artifact, so it begins with a dot


def store_path(lake: Lake, named: str) -> Path:
    """The store that is named, else the lake's own.

    Raises:
        UserError: the lake is in an object store, where no such file can be, and none is named.
    """
    if named:
        return Path(named).expanduser()
    if not isinstance(lake.tree, LocalTree):
        raise UserError(
            f"lake {lake.url}: a labelers' store is a file on this machine: name one"
            " (--store FILE, or input.labels)"
        )
    return lake.tree.root / FOLDER / FILE
