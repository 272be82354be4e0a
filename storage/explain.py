"""Why a page was kept or dropped: everything the lake knows of one URL, record by record.

The newest corpus has a table of places (`storage.places`): it is asked where the URL stands, and
then one row group of one ledger is read, one of the page's part, one of clusters, one of the
corpus. So it takes as long in a lake of 90,000 files as in one of ten, and with S3 little is
fetched.

A URL may have been captured more than once, and its request is a record too, so the answer is a
list, responses first. Where a record's WARC can be found on this machine (a crawl artifact of
this lake, or a path noted when the part was made) its path stands there, so that the caller can
show the raw page.
"""

import functools
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from storage import places
from storage.errors import UserError
from storage.explanation import (
    ClusterMembership,
    CorpusDocument,
    Explanation,
    LedgerRow,
    RecordFacts,
    StoredDocument,
    WarcFile,
)
from storage.grouped import GROUPS
from storage.lake import Lake
from storage.manifest import Manifest
from storage.pages import PAGES, part_digests, rows_with, whole_part
from storage.schemas import PII_KINDS, SIGNALS

NEAR_MATCHES = 3
NEAR_ROW_GROUPS = 4  # of the ledger, that are looked through for them
Row = dict[str, Any]  # of a Parquet file, by the names of its schema


def explain(lake: Lake, url: str) -> Explanation:
    """Everything that the newest corpus knows of a URL; responses come first.

    Raises:
        UserError: there is no corpus, or no record of the URL; the nearest ones are named.
    """
    book = Book(lake)
    records = book.records(url)
    if not records:
        raise UserError(book.unknown(url))
    records.sort(
        key=lambda row: (
            row["record_type"] != "response",
            row["outcome"] != "kept",
            row["warc"],
            row["offset"],
        )
    )
    return {"url": url, "records": [{**record, **book.about(record)} for record in records]}


class Book:
    """The newest corpus, looked up row group by row group."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        head = lake.heads().get("corpus")
        if head is None:
            raise UserError(
                f"no corpus in lake {lake.url} yet: `crawl2chat run corpus` or `crawl2chat demo`"
            )
        self.corpus = lake.manifest("corpus", head)
        with lake.opened(self.corpus, places.FIRST_KEYS) as file:
            self.first_keys: list[int] = json.loads(file.read())

    def records(self, url: str) -> list[LedgerRow]:
        """The ledger's rows of a URL."""
        key = places.url_key(url)
        return [
            cast(LedgerRow, {**row, "artifact": self.group(group).artifact})
            for group, rows in self.ledgers(key, key)
            for row in rows.filter(pc.equal(rows["url"], url)).to_pylist()
        ]

    def url_of(self, id_: str) -> str | None:
        """The address of a document of this corpus that no other replaces."""
        key = places.id_key(id_)
        for _, rows in self.ledgers(key, key):
            for row in rows.filter(pc.equal(rows["id"], id_)).to_pylist():
                return str(row["url"])
        return None

    def unknown(self, url: str) -> str:
        """What to say of a URL that no row has: the nearest ones of its host."""
        host = places.host_of(url)
        found: list[str] = []
        for _, rows in itertools.islice(self.ledgers(*places.host_keys(url)), NEAR_ROW_GROUPS):
            found += [other for other in rows["url"].to_pylist() if places.host_of(other) == host]
        missing = f"no record of {url} in the ledger of lake {self.lake.url}"
        if not found:
            return f"{missing}, nor of any page of its host"
        with duckdb.connect(":memory:") as connection:
            connection.register("known", pa.table({"url": found}))
            near = connection.execute(
                "SELECT url FROM known GROUP BY url ORDER BY levenshtein(url, ?), url LIMIT ?",
                [url, NEAR_MATCHES],
            ).fetchall()
        return f"{missing}; near: {', '.join(name for (name,) in near)}"

    def about(self, record: LedgerRow) -> RecordFacts:
        """What became of the document of a ledger row."""
        group = next(g for g in self.groups_read if g.artifact == record["artifact"])
        part = self.part_of(group, record["warc"])
        document = self.page(part, record) if record["id"] and part else None
        kept = self.kept(group, record["id"], document) if record["outcome"] == "kept" else None
        cluster = self.cluster(group, record) if record["id"] else None
        # The ledger's detail is then the keeper's id.
        is_copy = record["stage"] == "dedup" and record["detail"]
        return {
            "signals": document and {name: document[name] for name, _ in SIGNALS},
            "document": None if document is None else _document(document),
            "cluster": cluster,
            "corpus": None if kept is None else _corpus_document(kept),
            "duplicate_of": self.url_of(record["detail"]) if is_copy else None,
            **self.warc(part, record["warc"]),
        }

    def page(self, part: Manifest, record: LedgerRow) -> Row | None:
        """The document's row among its part's pages."""
        found = self.rows(part, PAGES, "offset", record["offset"])
        return next((row for row in found if row["id"] == record["id"]), None)

    def kept(self, group: Manifest, id_: str, document: Row | None) -> Row | None:
        """The document's row in the corpus, if it is there."""
        language = f"corpus-{document['language']}-" if document else "corpus-"
        names = [name for name in _names(group, "corpus-") if name.startswith(language)]
        for name in names or _names(group, "corpus-"):
            with self.lake.opened(group, name) as source, pq.ParquetFile(source) as file:
                for number in range(file.num_row_groups):
                    ids = file.read_row_group(number, columns=["id"])["id"]
                    place = pc.index(ids, id_).as_py()
                    if place >= 0:
                        row: Row = file.read_row_group(number).slice(place, 1).to_pylist()[0]
                        return row
        return None

    def cluster(self, group: Manifest, record: LedgerRow) -> ClusterMembership | None:
        """The cluster that dedup put a document into, with its members counted."""
        name = record["detail"] if record["stage"] == "dedup" else ""
        name = name or record["id"]
        duplicates = self.lake.manifest("duplicates", group.inputs["duplicates"][0])
        with self.lake.opened(duplicates, places.CLUSTER_SPANS) as file:
            spans: list[list[str]] = json.loads(file.read())
        members: list[Row] = []
        for shard, span in zip(_names(duplicates, "clusters-"), spans, strict=True):
            if span and span[0] <= name <= span[1]:
                members += self.rows(duplicates, shard, "cluster", name)
        member = next((row for row in members if row["id"] == record["id"]), None)
        if member is None:
            return None
        keeper = next((row["id"] for row in members if row["kept"]), None)
        return {
            "cluster": name,
            "kept": member["kept"],
            "size": len(members),
            "keeper": keeper,
            "keeper_url": self.url_of(keeper) if keeper else None,
        }

    def warc(self, part: Manifest | None, name: str) -> WarcFile:
        """Where the WARC of a ledger row is: its hash, and its path if that file is still there."""
        inputs = [] if part is None else part.inputs["warc"]
        crawls = self.lake.list("crawl") if inputs else []
        for crawl in crawls:
            file = crawl.files.get(name)
            if file is not None and f"sha256:{file['sha256']}:{name}" in inputs:
                path = str(self.lake.local_file(crawl, name))
                return {"warc_path": path, "warc_sha256": file["sha256"]}
        noted = part.provenance.get("input_paths", {}).get("warc", []) if part else []
        for given, digest in zip(noted, inputs):
            if Path(given).name == name:
                found = given if Path(given).is_file() else None
                return {"warc_path": found, "warc_sha256": digest.split(":")[1]}
        return {"warc_path": None, "warc_sha256": None}

    def part_of(self, group: Manifest, warc: str) -> Manifest | None:
        """The part that a file of a group was read to, if it is still there."""
        return whole_part(self.lake, part_digests(self.lake, group)[warc])

    def ledgers(self, low: int, high: int) -> Iterator[tuple[int, pa.Table]]:
        """Groups, and the row groups of their ledgers, that have keys from `low` to `high`."""
        open_file = functools.partial(self.lake.opened, self.corpus)
        for number, row_group in places.between(open_file, self.first_keys, low, high):
            group = self.group(number)
            for name in _names(group, "ledger-"):
                with self.lake.opened(group, name) as source, pq.ParquetFile(source) as file:
                    if row_group < file.num_row_groups:
                        yield number, file.read_row_group(row_group)
                        break
                    row_group -= file.num_row_groups

    @functools.cached_property
    def groups_read(self) -> list[Manifest]:
        return []

    def group(self, number: int) -> Manifest:
        """A group of the corpus."""
        digest = self.corpus.inputs[GROUPS][number]
        known = next((group for group in self.groups_read if group.digest == digest), None)
        if known is None:
            known = self.lake.manifest("corpus_group", digest)
            self.groups_read.append(known)
        return known

    def rows(self, artifact: Manifest, name: str, column: str, value: Any) -> list[Row]:
        """The rows of a file whose column has this value."""
        found = rows_with(self.lake, artifact, name, column, [value])
        return [row for rows in found for row in rows.to_pylist()]


def _names(artifact: Manifest, prefix: str) -> list[str]:
    """The Parquet files of a table's shards, in order."""
    return sorted(n for n in artifact.files if n.startswith(prefix) and n.endswith(".parquet"))


def _document(page: Row) -> StoredDocument:
    return {
        "host": page["host"],
        "dump": page["dump"],
        "date": page["date"],
        "language": page["language"],
        "language_score": page["language_score"],
        "text": page["text"],
    }


def _corpus_document(row: Row) -> CorpusDocument:
    pii = {kind: row[f"pii_{kind}s"] for kind in PII_KINDS}
    return {"text": row["text"], "split": row["split"], "pii": pii}
