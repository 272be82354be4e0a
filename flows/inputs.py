"""Which WARC files a run reads: paths, globs and folders to files with their hashes, in one
order.

The order is that of the names, so that neither the shell nor the disk decides in which order
pages enter the corpus. A path that leads nowhere is the user's mistake and said before anything
runs.
"""

import glob
from collections.abc import Sequence
from pathlib import Path

from flows.references import InputFile
from storage.digest import file_sha256
from storage.errors import UserError

ENDINGS = (".warc.gz", ".warc")  # what counts in a folder; a file named outright may end otherwise


def warc_files(paths: Sequence[str]) -> list[InputFile]:
    """The files behind paths, globs and folders; UserError for one that leads to none."""
    return [InputFile(file, _hash(file)) for file in find(paths)]


def find(paths: Sequence[str]) -> list[Path]:
    """The files alone, without reading them."""
    found: dict[Path, None] = {}
    for path in paths:
        found.update(dict.fromkeys(_expand(path)))
    return sorted(found, key=lambda file: (file.name, str(file)))


def _expand(text: str) -> list[Path]:
    path = Path(text).expanduser()
    if path.is_dir():
        inside = [file for file in sorted(path.iterdir()) if file.name.endswith(ENDINGS)]
        if not inside:
            raise UserError(f"input {text}: no {' or '.join(ENDINGS)} file in this folder")
        return [file.resolve() for file in inside]
    if path.exists():
        return [path.resolve()]
    if not glob.has_magic(text):
        raise UserError(f"input {text}: no such file or folder")
    matches = [Path(m) for m in glob.glob(str(path), recursive=True)]  # noqa: PTH207
    if not matches:
        raise UserError(f"input {text}: nothing matches this pattern")
    return [match.resolve() for match in matches if match.is_file()]


def _hash(file: Path) -> str:
    try:
        return file_sha256(file)
    except OSError as error:
        raise UserError(f"input {file}: {error.strerror}") from error
