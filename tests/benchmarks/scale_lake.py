"""A lake of many tiny parts, each as the pass over its WARC file would have left it.

The first part is made by the stage itself, from a true WARC file of a few records (scale_pages.py).
Every other one is the same with its own number: file name, hosts, words of the pages. Ids, hashes
of texts and MinHash signatures are computed anew, the Parquet files written with the project's
writer, and each part is published by `Lake.commit`. What is not true of them: the quality signals,
which are those of the first part's pages.

What is known here of a part: which columns hold what follows from the number (`patched`).
"""

import argparse
import dataclasses
import json
import multiprocessing
import os
import shutil
import tempfile
import time
import types
from pathlib import Path
from typing import Any

import pyarrow as pa

from flows.config import RunConfig, load
from flows.runner.flow_run import Run
from flows.runner.references import InputFile
from pipeline.crawl.warc import document_id
from pipeline.dedup.exact import text_sha256
from pipeline.dedup.minhash import signature_of
from pipeline.scan import stage as scan
from pipeline.stage import Progress
from storage import Lake, durable
from storage.digest import file_sha256
from storage.manifest import Provenance
from storage.tables import read_table, write_table
from tests.benchmarks.scale_pages import PAGES, host, paragraphs, warc, warc_name

TEXTS = ("warc", "url", "host", "text")  # columns that hold names and words of the number
GROUP_PARTS = 500  # that a process makes before it takes the next ones


@dataclasses.dataclass(frozen=True)
class First:
    """The part that the stage itself made, of number 0."""

    tables: dict[str, pa.Table]
    others: dict[str, str]  # its files that are no tables
    statistics: scan.ScanStatistics


def first_part(config: RunConfig, folder: Path) -> First:
    """Make it; `folder` is thrown away afterwards."""
    path = folder / warc_name(0)
    path.write_bytes(warc(0))
    out, scratch = folder / "out", folder / "scratch"
    out.mkdir()
    scratch.mkdir()
    statistics = scan.STAGE.build(out, {"warc": [path]}, config.scan, Progress(), scratch)
    assert statistics is not None
    tables = {file.name: read_table(file) for file in sorted(out.glob("*.parquet"))}
    others = {
        file.name: file.read_text() for file in sorted(out.iterdir()) if file.name not in tables
    }
    texts = tables["pages.parquet"]["text"].to_pylist()
    assert texts[:PAGES] == ["\n".join(paragraphs(0, page)) for page in range(PAGES)], texts
    return First(tables, others, statistics)


def patched(first: First, number: int, config: RunConfig) -> dict[str, pa.Table]:
    """The tables of another number."""
    ids: dict[str, str] = {}
    texts: dict[str, str] = {}
    words = {
        before: after
        for page in range(PAGES)
        for before, after in zip(paragraphs(0, page), paragraphs(number, page))
    }
    tables: dict[str, pa.Table] = {}
    for name, table in sorted(first.tables.items()):  # ledger, pages, signatures
        columns = {column: table[column].to_pylist() for column in table.column_names}
        changed: dict[str, list[Any]] = {
            c: [_renamed(v, number, words) for v in columns[c]] for c in TEXTS if c in columns
        }
        columns |= changed
        if "offset" in columns:
            places = zip(columns["warc"], columns["offset"], columns["url"])
            new = [_id(*place) for place in places]
            ids |= {old: id_ for old, id_ in zip(columns["id"], new) if old}
        changed["id"] = [ids.get(old, "") for old in columns["id"]]
        if "text" in columns:
            texts = dict(zip(changed["id"], columns["text"]))
        if "signature" in columns:
            minhash = config.scan.minhash
            changed["signature"] = [signature_of(texts[id_], minhash) for id_ in changed["id"]]
            changed["text_sha256"] = [text_sha256(texts[id_]) for id_ in changed["id"]]
        for column, values in changed.items():
            place = table.schema.get_field_index(column)
            field = table.schema.field(place)
            table = table.set_column(place, field, pa.array(values, field.type))
        tables[name] = table
    return tables


def _id(warc: str, offset: int, url: str) -> str:
    record: Any = types.SimpleNamespace(offset=offset, url=url, index=0)
    return document_id(warc, record)


def _renamed(text: str, number: int, words: dict[str, str]) -> str:
    text = text.replace(warc_name(0), warc_name(number)).replace(host(0), host(number))
    for before, after in words.items():
        if before in text:
            text = text.replace(before, after)
    return text


def make_parts(config: RunConfig, lake: Lake, files: Path, numbers: range, first: First) -> None:
    """WARC files, and the parts over them that are not in the lake yet."""
    durable.sync_tree = durable.sync_folder = _not_now  # a toy's power cut costs a new toy
    run = Run(config, lake)
    for number in numbers:
        path = files / warc_name(number)
        if not path.exists():
            path.write_bytes(warc(number))
        work = run.work(scan.STAGE, config.scan, "", warc=[InputFile(path, file_sha256(path))])
        if work.is_whole:
            continue
        staging = lake.staging(scan.STAGE.kind, work.digest)
        for name, table in patched(first, number, config).items():
            write_table(table, staging / name)
        for name, text in first.others.items():
            (staging / name).write_text(text.replace(warc_name(0), warc_name(number)))
        said = json.dumps(first.statistics).replace(warc_name(0), warc_name(number))
        cost: Provenance = {
            "seconds": 150.0,
            "cpu_seconds": 150.0,
            "peak_memory_bytes": 1_500_000_000,
        }
        lake.commit(
            staging,
            scan.STAGE.kind,
            work.digest,
            scan.STAGE.version,
            work.recipe,
            work.input_digests,
            json.loads(said),
            {**cost, "energy_kwh": 0.001, "input_paths": {"warc": [str(path)]}},
        )


def _not_now(folder: Path) -> None:
    """In place of fsync."""


def build(folder: Path, parts: int, processes: int = 0, preset: str = "cpu") -> None:
    """`folder/files` and `folder/lake` with so many parts; goes on where it was interrupted."""
    config = load(preset)
    files, lake = folder / "files", Lake(folder / "lake")
    files.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=folder))
    try:
        first = first_part(config, scratch)
    finally:
        shutil.rmtree(scratch)
    started = time.monotonic()
    groups = [range(n, min(n + GROUP_PARTS, parts)) for n in range(0, parts, GROUP_PARTS)]
    with multiprocessing.get_context("fork").Pool(processes or os.cpu_count()) as pool:
        jobs = ((config, lake, files, group, first) for group in groups)
        for done in pool.imap_unordered(_make, jobs):
            print(f"{done:,} of {parts:,} ({time.monotonic() - started:.0f} s)", flush=True)


def _make(job: tuple[RunConfig, Lake, Path, range, First]) -> int:
    make_parts(*job)
    return job[3].stop


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--parts", type=int, default=90_000)
    chosen = parser.parse_args()
    build(chosen.folder, chosen.parts)
