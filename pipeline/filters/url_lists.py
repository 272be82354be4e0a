"""The URL lists in the `datatrove` package, ready to be looked up.

Its archive inflates to 120 MB of sorted domains, which costs a process half a second and the
memory. So the first process on a machine stores them below CRAWL2CHAT_CACHE as files in which a
line can be looked up without reading all (line_file.py), under the archive's digest. If nothing can
be written, or a file is damaged, a process inflates the archive for itself: the answers are always
the same.
"""

import contextlib
import functools
import hashlib
import importlib.util
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path

from pipeline.filters.line_file import DamagedFile, LineBlock, LineFile, Lines, write_lines
from storage.cache import cache_root

ARCHIVE = "url_filterblacklistsv0_3_0.tar.gz"
DOMAINS, URLS = "domains", "urls"  # in the archive
FOLDER = "url-lists-2"  # in the cache; the number rises when the files' content or format changes
READ_BYTES = 1 << 20  # of the archive at a time
NOT_ALPHANUMERIC = re.compile(r"[^a-zA-Z0-9]+")


@dataclass(frozen=True)
class Lists:
    """The domains, URLs and words that are blocked."""

    domains: Lines
    urls: Lines
    hard_words: tuple[str, ...]
    soft_words: tuple[str, ...]
    sub_words: tuple[str, ...]


NONE = Lists(LineBlock(b""), LineBlock(b""), (), (), ())


@functools.cache
def load_lists() -> Lists:
    """Read the lists from the installed datatrove package, without importing it."""
    folder = assets_folder()
    domains, urls = _lines(folder / ARCHIVE)
    return Lists(
        domains,
        urls,
        word_list(folder / "banned_words.txt"),
        word_list(folder / "soft_banned_words.txt"),
        word_list(folder / "banned_subwords.txt"),
    )


class CachedLines:
    """Lines in the cache; if their file is damaged, those of the archive."""

    def __init__(self, path: Path, archive: Path) -> None:
        self._path, self._archive = path, archive
        self._lines: Lines = LineFile(path)

    def contains(self, line: bytes) -> bool:
        """Whether one of the lines is exactly this one."""
        try:
            return self._lines.contains(line)
        except (OSError, DamagedFile):
            _remove(self._path)  # the next process writes it again
            self._lines = LineBlock(blocks(self._archive)[self._path.name])
            return self._lines.contains(line)


def _lines(archive: Path) -> tuple[Lines, Lines]:
    """Domains and URLs: from the cache, which is filled first if need be, or from the archive."""
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    try:
        folder = cache_root() / FOLDER / digest[:32]
    except RuntimeError:  # no home
        return _from_archive(archive)
    try:
        return CachedLines(folder / DOMAINS, archive), CachedLines(folder / URLS, archive)
    except DamagedFile:
        for name in (DOMAINS, URLS):
            _remove(folder / name)
    except OSError:  # not there yet, as a rule
        pass
    return _from_archive(archive, folder)


def _from_archive(archive: Path, cache: Path | None = None) -> tuple[Lines, Lines]:
    found = blocks(archive)
    if cache is not None:
        try:
            for name, block in found.items():
                write_lines(cache / name, block)
            return CachedLines(cache / DOMAINS, archive), CachedLines(cache / URLS, archive)
        except (OSError, DamagedFile):  # no right to write, no space
            pass
    return LineBlock(found[DOMAINS]), LineBlock(found[URLS])


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):  # not ours to remove
        path.unlink(missing_ok=True)


def blocks(archive: Path) -> dict[str, bytes]:
    """Domains and URLs of the archive, sorted, each line ended by a newline."""
    members = read_members(archive, {DOMAINS, URLS})
    # In this version of the archive the domains are sorted and clean, which a test checks: sorting
    # 4.6 million lines again would cost six seconds and a gigabyte.
    return {DOMAINS: members[DOMAINS] + b"\n", URLS: sorted_lines(members[URLS])}


def read_members(path: Path, names: set[str]) -> dict[str, bytes]:
    """Files of a compressed tar archive, read in one pass, since seeking inflates it again."""
    found: dict[str, bytes] = {}
    with tarfile.open(path, "r|gz", bufsize=READ_BYTES) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name in names else None
            if file is not None:
                found[member.name] = file.read()
    if missing := names - found.keys():
        raise FileNotFoundError(f"no list {sorted(missing)} in {path}")
    return found


def sorted_lines(block: bytes) -> bytes:
    """The lines of a block, stripped and in order, each newline-ended; comments (#) left out."""
    lines = {line.strip() for line in block.split(b"\n") if not line.startswith(b"#")}
    return b"".join(line + b"\n" for line in sorted(lines) if line)


def word_list(path: Path) -> tuple[str, ...]:
    """Words of a list, stripped to letters and digits, lower case, sorted."""
    lines = path.read_text(encoding="utf-8").split("\n")
    words = {NOT_ALPHANUMERIC.sub("", line).lower() for line in lines if not line.startswith("#")}
    return tuple(sorted(word for word in words if word))


def assets_folder() -> Path:
    """The folder of datatrove's assets, found without importing its large modules."""
    spec = importlib.util.find_spec("datatrove")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the package datatrove, which carries FineWeb's URL lists")
    return Path(spec.origin).parent / "assets"
