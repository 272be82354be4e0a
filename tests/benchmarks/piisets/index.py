"""The clean set as committed: where each snippet is, its digest, what was judged of it; no text.

`clean.jsonl.gz`: a line with the list of source ids, then a line a snippet:
[source, offset, length, sha256 prefix, category, [[start, length, kind, verdict], …]].
Verdicts: true (personal data), unsure (left out of every rate). Spans without a verdict are false.
"""

import dataclasses
import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tests.benchmarks.piisets import sources

INDEX = Path(__file__).parent / "clean.jsonl.gz"
PREFIX = 12  # hex digits kept of a digest


@dataclasses.dataclass(frozen=True)
class Label:
    start: int
    length: int
    kind: str
    verdict: str  # true, unsure

    def overlaps(self, start: int, end: int) -> bool:
        return self.start < end and start < self.start + self.length


@dataclasses.dataclass(frozen=True)
class Entry:
    source: str
    offset: int
    length: int
    sha: str
    category: str
    labels: tuple[Label, ...]


def group_of(identity: str) -> str:
    """The host, package or document folder: what snippets are spread over and split by."""
    origin, *rest = identity.split(" ")
    if origin == "crawl":
        return "crawl " + rest[1].split("/")[2]
    return f"{origin} {rest[0] if origin == 'package' else '/'.join(rest[0].split('/')[:3])}"


def half_of(identity: str) -> str:
    """All of a host or package lies in one half."""
    return "dev" if hashlib.sha256(group_of(identity).encode()).digest()[0] % 2 else "test"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:PREFIX]


def write_index(path: Path, entries: Iterable[Entry]) -> None:
    rows = list(entries)
    ids = sorted({entry.source for entry in rows})
    number = {identity: at for at, identity in enumerate(ids)}
    lines = [json.dumps({"sources": ids}, ensure_ascii=False)]
    for e in rows:
        labels = [list(dataclasses.astuple(label)) for label in e.labels]
        row = [number[e.source], e.offset, e.length, e.sha, e.category, labels]
        lines.append(json.dumps(row, ensure_ascii=False, separators=(",", ":")))
    path.write_bytes(gzip.compress("\n".join(lines).encode(), 9, mtime=0))


def read_index(path: Path = INDEX) -> list[Entry]:
    head, *rows = gzip.decompress(path.read_bytes()).decode().split("\n")
    ids = json.loads(head)["sources"]
    return [
        Entry(ids[at], offset, length, sha, category, tuple(Label(*label) for label in labels))
        for at, offset, length, sha, category, labels in map(json.loads, rows)
    ]


def locate(text: str, entry: Entry) -> str | None:
    """The snippet where it was in its source's text, or where it is now that the text shifted."""
    snippet = text[entry.offset : entry.offset + entry.length]
    if digest(snippet) == entry.sha:
        return snippet
    for start in range(len(text) - entry.length + 1):
        if start == 0 or text[start - 1].isspace():
            snippet = text[start : start + entry.length]
            if digest(snippet) == entry.sha:
                return snippet
    return None


def snippets(
    entries: Iterable[Entry], crawl: Path | None, root: Path = sources.SYSTEM
) -> Iterator[tuple[Entry, str | None]]:
    """Each entry with its text, or None where the source is absent or has changed."""
    by_source: dict[str, list[Entry]] = {}
    for entry in entries:
        by_source.setdefault(entry.source, []).append(entry)
    pages = {identity for identity in by_source if identity.startswith("crawl ")}
    texts: Mapping[str, str] = {}
    if crawl is not None and pages:
        texts = dict(sources.crawl_pages(crawl, pages))
    for identity, mine in by_source.items():
        text = texts.get(identity) if identity in pages else sources.file_text(identity, root)
        for entry in mine:
            yield entry, None if text is None else locate(text, entry)
