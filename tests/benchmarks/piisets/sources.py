"""Where the clean set's text comes from: pages of a crawl, installed packages, Debian's documents.

A source's id is `crawl FILE URL`, `package NAME VERSION PATH` or `system PATH`; its text is
defined here and nowhere else, so that an index of offsets and digests is enough to find a snippet.
"""

import functools
import gzip
import importlib.metadata
from collections.abc import Iterator
from pathlib import Path

from fastwarc.warc import ArchiveIterator, WarcRecordType

from pipeline.extract import extract_text

SUFFIXES = {".py", ".pyi", ".md", ".rst", ".txt", ".csv", ".tsv", ".toml", ".cfg", ".ini", ".js",
            ".c", ".h", ".hpp", ".pyx", ".yaml", ".yml"}  # fmt: skip
METADATA = {"METADATA", "LICENSE", "AUTHORS", "NOTICE", "RECORD"}
# Telephone metadata and collections of national numbers: neither clean nor personal.
EXCLUDED = {"phonenumbers", "python-stdnum", "crawl2chat"}
MOST_BYTES = 400_000
SYSTEM = Path("/usr")


def crawl_pages(folder: Path, wanted: set[str] | None = None) -> Iterator[tuple[str, str]]:
    """(id, main text) of the crawl's responses, or of the wanted ones."""
    for path in sorted(folder.glob("*.warc.gz")):
        if wanted is not None and not any(i.startswith(f"crawl {path.name} ") for i in wanted):
            continue
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
                url = record.headers["WARC-Target-URI"]
                identity = f"crawl {path.name} {url}"
                if wanted is None or identity in wanted:
                    yield identity, extract_text(record.reader.read(), url)


def package_files() -> Iterator[str]:
    """Ids of the text files of every installed package."""
    for found in importlib.metadata.distributions():
        name = found.metadata["Name"]
        if name in EXCLUDED:
            continue
        for file in found.files or ():
            if ".." in file.parts or not (file.suffix in SUFFIXES or file.name in METADATA):
                continue
            yield f"package {name} {found.version} {file.as_posix()}"


def system_files(root: Path = SYSTEM) -> Iterator[str]:
    """Ids of Debian's documents and manual pages."""
    for folder in ("share/doc", "share/man/man1", "share/man/man5", "share/man/man8", "share/perl"):
        for path in sorted((root / folder).rglob("*")):
            if (
                path.is_file()
                and not path.is_symlink()
                and path.suffix in {".gz", ".txt", "", ".pm"}
            ):
                yield f"system {path.relative_to(root).as_posix()}"


@functools.lru_cache(maxsize=512)
def _distribution(name: str) -> importlib.metadata.Distribution | None:
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def file_text(identity: str, root: Path = SYSTEM) -> str | None:
    """A package's or the system's file as UTF-8 text; None where it is not here or not text."""
    origin, rest = identity.split(" ", 1)
    if origin == "package":
        name, version, relative = rest.split(" ", 2)
        found = _distribution(name)
        if found is None or found.version != version:
            return None
        path = Path(str(found.locate_file(relative)))
    else:
        path = root / rest
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
        return None if len(data) > MOST_BYTES else data.decode().replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError, EOFError):
        return None
