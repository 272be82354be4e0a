"""Why a page was kept or dropped: everything the lake knows of one URL, record by record.

A URL may have been captured more than once, and its request is a record too, so the answer is a
list, responses first. Where a record's WARC can be found on this machine (a crawl artifact of
this lake, or a path noted when the part was made) its path stands there, so that the caller can
show the raw page.
"""

from pathlib import Path
from typing import Any

import duckdb

from storage import catalog
from storage.errors import UserError
from storage.lake import Lake
from storage.manifest import Manifest
from storage.schemas import PII_KINDS, SIGNALS

NEAR_MATCHES = 3
DOCUMENT_COLUMNS = ("host", "dump", "date", "language", "language_score", "text")
USED = "SELECT * FROM ledger, pages, clusters, corpus"  # the views whose files are needed


def explain(lake: Lake, url: str) -> dict[str, Any]:
    """`{"url", "records": [...]}`: each a ledger row, with what is known of it, or else None.

    `signals`: the quality signals by name, of every page that passed the gates; `document`: its
    host, dump, date, language, language_score and text, kept or not; `cluster`: cluster, keeper,
    keeper_url, kept, size; `duplicate_of`: the URL kept instead; `corpus`: the text without
    personal data, split, pii (replacements by kind); `warc_path` and `warc_sha256`.
    """
    manifests = lake.list()
    with catalog.connect(lake, USED) as connection:
        records = _dicts(
            connection,
            "SELECT * FROM ledger WHERE url = ?"
            " ORDER BY record_type = 'response' DESC, outcome = 'kept' DESC, warc, \"offset\"",
            [url],
        )
        if not records:
            raise UserError(_unknown(connection, lake, url))
        for record in records:
            record.update(_about(connection, record["id"]))
            record["duplicate_of"] = None
            if record["stage"] == "dedup":  # the ledger's detail is then the keeper's id
                record["duplicate_of"] = _url(connection, record["detail"])
            record.update(_warc(lake, manifests, record))
    return {"url": url, "records": records}


def _about(connection: duckdb.DuckDBPyConnection, id: str) -> dict[str, Any]:
    """What became of a document."""
    document = _first(connection, "pages", id)
    cluster = _first(connection, "clusters", id)
    corpus = _first(connection, "corpus", id)
    return {
        "signals": document and {name: document[name] for name, _ in SIGNALS},
        "document": document and {name: document[name] for name in DOCUMENT_COLUMNS},
        "cluster": cluster and _cluster(connection, cluster),
        "corpus": corpus
        and {
            "text": corpus["text"],
            "split": corpus["split"],
            "pii": {kind: corpus[f"pii_{kind}s"] for kind in PII_KINDS},
        },
    }


def _first(connection: duckdb.DuckDBPyConnection, view: str, id: str) -> dict[str, Any] | None:
    if not id:  # the record never reached the gates
        return None
    rows = _dicts(connection, f"SELECT * FROM {view} WHERE id = ? LIMIT 1", [id])
    return rows[0] if rows else None


def _url(connection: duckdb.DuckDBPyConnection, id: str) -> str | None:
    row = _first(connection, "pages", id)
    return row["url"] if row else None


def _cluster(connection: duckdb.DuckDBPyConnection, member: dict[str, Any]) -> dict[str, Any]:
    members = _dicts(
        connection,
        "SELECT c.id, c.kept, p.url FROM clusters c LEFT JOIN pages p ON p.id = c.id"
        " WHERE c.cluster = ? ORDER BY c.kept DESC, c.id",
        [member["cluster"]],
    )
    keeper = next((m for m in members if m["kept"]), None)
    return {
        "cluster": member["cluster"],
        "kept": member["kept"],
        "size": len(members),
        "keeper": keeper["id"] if keeper else None,
        "keeper_url": keeper["url"] if keeper else None,
    }


def _warc(lake: Lake, manifests: list[Manifest], record: dict[str, Any]) -> dict[str, Any]:
    """Where the WARC of a ledger row is: its hash, and its path if that file is still there."""
    corpus = lake.manifest("corpus", record["artifact"])
    parts = frozenset(digest for digests in corpus.inputs.values() for digest in digests)
    hashes = {h for m in manifests if m.digest in parts for hs in m.inputs.values() for h in hs}
    for crawl in manifests:
        file = crawl.files.get(record["warc"])
        if file is not None and f"sha256:{file['sha256']}:{record['warc']}" in hashes:
            path = lake.local_file(crawl, record["warc"])
            return {"warc_path": str(path), "warc_sha256": file["sha256"]}
    for part in manifests:
        paths = part.provenance.get("input_paths", {}) if part.digest in parts else {}
        for key, names in paths.items():
            for name, digest in zip(names, part.inputs[key]):
                if Path(name).name == record["warc"]:
                    found = name if Path(name).is_file() else None
                    return {"warc_path": found, "warc_sha256": digest.split(":")[1]}
    return {"warc_path": None, "warc_sha256": None}


def _unknown(connection: duckdb.DuckDBPyConnection, lake: Lake, url: str) -> str:
    near = _dicts(
        connection,
        "SELECT url FROM ledger WHERE url <> '' GROUP BY url"
        " ORDER BY levenshtein(url, ?), url LIMIT ?",
        [url, NEAR_MATCHES],
    )
    if not near:
        return f"no corpus in lake {lake.url} yet: `crawl2chat run corpus` or `crawl2chat demo`"
    names = ", ".join(row["url"] for row in near)
    return f"no record of {url} in the ledger of lake {lake.url}; near: {names}"


def _dicts(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: list[Any]
) -> list[dict[str, Any]]:
    return catalog.run(connection, sql, parameters).to_pylist()
