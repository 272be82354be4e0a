"""Parts of a corpus written by hand: pages with texts of one's own, no WARC read."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.config import to_dict
from pipeline.corpus.batches import schemas
from pipeline.dedup.exact import text_sha256
from pipeline.dedup.minhash import MinhashConfig, signature_of
from storage.schemas import LEDGER, PAGES, SELECTION
from storage.tables import read_table, table, write_table

CONFIG = MinhashConfig()


def page_id(warc: str, offset: int) -> str:
    return hashlib.sha256(f"{warc}:{offset}".encode()).hexdigest()[:32]


def make_part(folder: Path, warc: str, pages: Sequence[dict[str, Any] | str]) -> Path:
    """A part with these pages (texts, or rows of PAGES), and one record more that is dropped."""
    folder.mkdir(parents=True)
    rows = []
    for offset, page in enumerate(pages):
        given = {"text": page} if isinstance(page, str) else page
        rows.append(
            {
                "id": page_id(warc, offset),
                "url": f"http://{warc}.example/{offset}",
                "host": f"{warc}.example",
                "warc": warc,
                "offset": offset,
                "language": "en",
                **given,
            }
        )
    ledger = [
        {
            **{name: row[name] for name in ("warc", "offset", "url", "id")},
            "record_type": "response",
            "outcome": "kept",
            "stage": "",
            "rule": "",
            "detail": "",
        }
        for row in rows
    ]
    ledger.append(
        {
            "warc": warc,
            "offset": len(rows),
            "url": "http://gone.example/",
            "id": "",
            "record_type": "response",
            "outcome": "dropped",
            "stage": "read",
            "rule": "status",
            "value": 404.0,
            "detail": "",
        }
    )
    signatures = [
        {
            "id": row["id"],
            "signature": signature_of(row["text"], CONFIG),
            "text_sha256": text_sha256(row["text"]),
        }
        for row in rows
    ]
    write_table(table(ledger, LEDGER), folder / "ledger.parquet")
    write_table(table(rows, PAGES), folder / "pages.parquet")
    write_table(table(signatures, schemas(CONFIG)["signatures"]), folder / "signatures.parquet")
    read = {
        "warc": warc,
        "bytes": 100,
        "record_bytes": 90,
        "unreadable_bytes": 7,
        "padding_bytes": 3,
        "records": len(ledger),
        "minhash": to_dict(CONFIG),
    }
    (folder / "read.json").write_text(json.dumps(read))
    return folder


def make_selection(
    folder: Path, parts: Sequence[Path], dropped: frozenset[str] = frozenset()
) -> Path:
    """Every page is selected, but for those of these ids."""
    folder.mkdir(parents=True)
    rows = []
    for number, part in enumerate(parts):
        for id_ in read_table(part / "pages.parquet", ["id"])["id"].to_pylist():
            gone = id_ in dropped
            rows.append(
                {
                    "id": id_,
                    "part": number,
                    "outcome": "dropped" if gone else "kept",
                    "stage": "quality" if gone else "",
                    "rule": "min_words" if gone else "",
                    "value": 3.0 if gone else None,
                    "threshold": 50.0 if gone else None,
                    "detail": "",
                }
            )
    write_table(table(rows, SELECTION), folder / "selection.parquet")
    return folder
