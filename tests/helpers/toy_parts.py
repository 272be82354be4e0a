"""Parts of a corpus written by hand: pages with texts of one's own, no WARC read."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.config import to_dict
from pipeline.corpus import assemble, assemble_group, held_out_hosts
from pipeline.corpus.config import CorpusConfig
from pipeline.corpus.read import SELECTION_FILE, SELECTION_HEAD, counts_of
from pipeline.dedup.exact import text_sha256
from pipeline.dedup.minhash import MinhashConfig, signature_of
from pipeline.scan.batches import schemas
from pipeline.stage import SILENT, Stage
from storage.grouped import members, write_list
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
            "threshold": 200.0,
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
    folder: Path, parts: Sequence[Path], dropped: frozenset[str] = frozenset(), group: int = 0
) -> Path:
    """Every page is selected, but for those of these ids; in groups of so many parts, or one."""
    groups = []
    size = group or max(1, len(parts))
    for first in range(0, max(1, len(parts)), size):
        made = folder.with_name(f"{folder.name}_group") / f"{folder.name}{first}"
        groups.append(_selection_group(made, parts[first : first + size], dropped))
    folder = folder.with_name("selections") / folder.name
    folder.mkdir(parents=True)
    write_list(folder, groups)
    return folder


def _selection_group(folder: Path, parts: Sequence[Path], dropped: frozenset[str]) -> Path:
    folder.mkdir(parents=True)
    rows, counts = [], []
    for number, part in enumerate(parts):
        ids = read_table(part / "pages.parquet", ["id"])["id"].to_pylist()
        counts.append(len([id_ for id_ in ids if id_ not in dropped]))
        for id_ in ids:
            gone = id_ in dropped
            rows.append(
                {
                    "id": id_,
                    "part": number,
                    "outcome": "dropped" if gone else "kept",
                    "stage": "gopher_quality" if gone else "",
                    "rule": "min_words" if gone else "",
                    "value": 3.0 if gone else None,
                    "threshold": 50.0 if gone else None,
                    "detail": "",
                }
            )
    write_table(table(rows, SELECTION), folder / SELECTION_FILE)
    (folder / SELECTION_HEAD).write_text(json.dumps({"selected": counts}))
    return folder


def join_parts(
    folder: Path,
    parts: Sequence[Path],
    selection: Path,
    duplicates: Path,
    config: CorpusConfig | None = None,
    benchmarks: Sequence[Path] = (),
) -> tuple[dict[str, Any], Path]:
    """The corpus's statistics and folder, made of as many groups as the selection has."""
    config = config or CorpusConfig()

    def built(stage: Stage, name: str, chosen: Any, **inputs: list[Path]) -> Path:
        out = folder / stage.kind / name
        out.mkdir(parents=True)
        statistics[stage.kind] = stage.build(out, inputs, chosen, SILENT, folder / "scratch")
        return out

    statistics: dict[str, Any] = {}
    given = []
    left = list(parts)
    for group, counts in zip(members(selection), counts_of(selection)):
        some, left = left[: len(counts)], left[len(counts) :]
        given.append({"parts": some, "selection": [group], "duplicates": [duplicates]})
    given[-1]["parts"] += left
    hosts_of = [
        built(held_out_hosts.GROUP, str(n), held_out_hosts.HostsConfig(n, config.split), **inputs)
        for n, inputs in enumerate(given)
    ]
    split = built(held_out_hosts.STAGE, "all", config.split, groups=hosts_of)
    groups = [
        built(
            assemble_group.STAGE,
            str(n),
            assemble_group.GroupConfig(n, config),
            **inputs,
            split=[split],
            benchmarks=list(benchmarks),
        )
        for n, inputs in enumerate(given)
    ]
    whole = {"groups": groups, "selection": [selection], "split": [split]}
    corpus = built(assemble.STAGE, "all", config, **whole)
    return statistics["corpus"], corpus
