"""Tables too large for one task: an artifact of kind K whose rows lie in artifacts of kind K_group.

The artifact itself is small (totals, and the list `groups.json`). It holds no copy of its groups'
files, for to join 90,000 parts would then be to copy 2 TB, which in S3 is an upload. Its manifest
names the groups as the input `groups`; it counts as whole while they are (`storage.lake`), and
`members` is how everybody finds their folders: two up and one down, in a lake and in its local
copies alike.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from storage.errors import UserError

GROUPS: Final = "groups"  # the input of an artifact that names what belongs to it
LIST = "groups.json"


def group_kind(kind: str) -> str:
    """The kind of an artifact's groups."""
    return f"{kind}_group"


def write_list(folder: Path, groups: Iterable[Path]) -> None:
    """Note which groups belong to the artifact in this folder, in order."""
    names = [f"{group.parent.name}/{group.name}" for group in groups]
    (folder / LIST).write_text(json.dumps(names) + "\n")


def members(artifact: Path) -> list[Path]:
    """The folders that hold an artifact's tables, in order: its groups, or itself if it has none.

    A group, and a folder that somebody filled by hand, has its tables itself.
    """
    try:
        names: list[str] = json.loads((artifact / LIST).read_text())
    except FileNotFoundError:
        return [artifact]
    lake = artifact.absolute().parent.parent
    for name in names:
        if not (lake / name).is_dir():
            raise UserError(
                f"{artifact}: its group {name} is not in {lake}: run again to rebuild it"
            )
    return [lake / name for name in names]


def side_by_side(folder: Path, own: Path, groups: Sequence[Path]) -> Path:
    """An artifact's copy beside those of its groups, as in a lake, wherever they lie: as links."""
    every = [own, *groups]
    name = hashlib.sha256("\n".join(map(str, every)).encode()).hexdigest()[:16]
    for path in every:
        link = folder / name / path.parent.name / path.name
        link.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):  # by another process: the name says where to
            link.symlink_to(path.absolute())
    return folder / name / own.parent.name / own.name


def shards(artifact: Path, name: str) -> list[Path]:
    """The files NAME-00000.parquet … of an artifact, group by group, each in its order."""
    return [
        path for folder in members(artifact) for path in sorted(folder.glob(f"{name}-*.parquet"))
    ]
