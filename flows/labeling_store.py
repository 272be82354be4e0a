"""Where people's work on a lake lies: the labelers' store, and the arena's votes."""

from pathlib import Path

from storage import Lake
from storage.errors import UserError
from storage.local import LocalTree

FOLDER, FILE = ".labels", "tasks.sqlite"  # in the lake: not an artifact, so it begins with a dot
VOTES_FOLDER, VOTES_FILE = ".arena", "votes.sqlite"


def store_path(lake: Lake, named: str) -> Path:
    """The labelers' store that is named, else the lake's own.

    Raises:
        UserError: the lake is in an object store, where no such file can be, and none is named.
    """
    return _path(lake, named, f"{FOLDER}/{FILE}", "a labelers' store", ", or input.labels")


def votes_path(lake: Lake, named: str) -> Path:
    """Likewise the arena's store of votes."""
    return _path(lake, named, f"{VOTES_FOLDER}/{VOTES_FILE}", "a store of votes", "")


def _path(lake: Lake, named: str, own: str, what: str, otherwise: str) -> Path:
    if named:
        return Path(named).expanduser()
    if not isinstance(lake.tree, LocalTree):
        raise UserError(
            f"lake {lake.url}: {what} is a file on this machine: name one (--store FILE{otherwise})"
        )
    return lake.tree.root / own
