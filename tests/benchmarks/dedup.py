"""MinHash dedup against datatrove's on the same texts, and against brute-force Jaccard.

`python -m tests.benchmarks.dedup --crawl FOLDER [--peer-python PATH] [--synthetic N]`. In: a folder
of WARC files. Prints documents a second of both (signature to filter, one process each), precision
and recall of pairs by true similarity of their word 5-grams, bytes a document, peak memory. With
--synthetic, the duplicates stage on N made-up documents besides.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from resiliparse.extract.html2text import extract_plain_text

from pipeline.config import to_dict
from pipeline.corpus import duplicates
from pipeline.corpus.duplicate_tables import dropped_file
from pipeline.corpus.read import SELECTION_FILE, SELECTION_HEAD, by_part
from pipeline.crawl.limits import LimitsConfig
from pipeline.crawl.warc import read_records
from pipeline.dedup.config import DedupConfig
from pipeline.dedup.exact import text_sha256
from pipeline.dedup.hash_index import id_texts
from pipeline.dedup.minhash import (
    MinhashConfig,
    bucket_keys,
    match_probability,
    shingles,
    signature_bytes,
    signature_of,
)
from pipeline.scan.batches import schemas
from pipeline.stage import SILENT
from storage.schemas import SELECTION
from storage.tables import TableWriter, write_table

CONFIG = MinhashConfig()
MIN_WORDS = 50
BANDS = ((1.0, 1.0), (0.95, 1.0), (0.9, 0.95), (0.85, 0.9), (0.8, 0.85), (0.7, 0.8), (0.6, 0.7))
PEER = Path(__file__).parent / "peers" / "dedup.py"
ROWS = 50_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crawl", type=Path, help="folder of WARC files")
    parser.add_argument("--peer-python", help="a Python with datatrove and spaCy")
    parser.add_argument("--files", type=int, default=0, help="of the folder; 0 = all")
    parser.add_argument("--synthetic", type=int, default=0, help="made-up documents")
    parser.add_argument(
        "--sort-memory-mb", type=int, default=1024, help="of the stage, for sorting"
    )
    parser.add_argument("--run-stage", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run_stage:
        print(json.dumps(run_stage(options.run_stage, options.sort_memory_mb)))
        return
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if options.crawl:
            compare(options.crawl, options.files, options.peer_python, work)
        if options.synthetic:
            synthetic(options.synthetic, work / "synthetic", options.sort_memory_mb)


def compare(crawl: Path, files: int, peer_python: str | None, work: Path) -> None:
    """Both on the crawl's texts."""
    rows = texts_of(crawl, files)
    texts = [text for _, text in rows]
    words = sum(len(text.split()) for text in texts)
    print(f"{len(texts):,} texts of {MIN_WORDS} words or more, {words / len(texts):.0f} on average")
    ours = run_ours(rows, work / "ours")
    show("ours", ours["seconds"], len(texts))
    print(f"  kept {len(ours['kept']):,}; peak memory of the duplicates stage {ours['peak_mb']} MB")
    if peer_python:
        lines = "".join(json.dumps({"id": id_, "text": text}) + "\n" for id_, text in rows)
        (work / "texts.jsonl").write_text(lines)
        command = [peer_python, str(PEER), str(work / "texts.jsonl"), str(work / "peer")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        theirs: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        show("datatrove", theirs["seconds"], len(texts))
        print(f"  kept {len(theirs['kept']):,}")
        for step in ("signature", "all"):
            ratio = seconds_of(theirs["seconds"], step) / seconds_of(ours["seconds"], step)
            print(f"ratio of {step}: {ratio:.1f}")
    quality(texts)


def texts_of(crawl: Path, files: int = 0, pages: int = 0) -> list[tuple[str, str]]:
    """Ids and main texts of the pages of a folder of WARC files; files and pages 0: all."""
    rows: list[tuple[str, str]] = []
    paths = sorted(crawl.glob("*.warc.gz"))
    for path in paths[: files or None]:
        for record in read_records(path, LimitsConfig()):
            if record.record_type != "response":
                continue
            if pages and len(rows) >= pages:
                return rows
            html = record.content.partition(b"\r\n\r\n")[2].decode("utf-8", "replace")
            text = extract_plain_text(html, main_content=True, alt_texts=False)
            if len(text.split()) >= MIN_WORDS:
                rows.append((f"{len(rows):032x}", text))
    return rows


def run_ours(rows: list[tuple[str, str]], work: Path) -> dict[str, Any]:
    """Signature, duplicates (a process of its own), filter: each from files to files."""
    part = work / "part"
    part.mkdir(parents=True)
    ids, texts = zip(*rows)
    write_table(pa.table({"id": ids, "text": texts}), part / "pages.parquet")
    seconds = {}
    started = time.perf_counter()
    with TableWriter(part / "signatures.parquet", schemas(CONFIG)["signatures"]) as writer:
        for some in pq.ParquetFile(part / "pages.parquet").iter_batches(1_000):
            read = some["text"].to_pylist()
            signed = {
                "id": some["id"],
                "signature": [signature_of(text, CONFIG) for text in read],
                "text_sha256": [text_sha256(text) for text in read],
            }
            writer.write(pa.table(signed, schema=schemas(CONFIG)["signatures"]))
    seconds["signature"] = time.perf_counter() - started
    write_selection(work, [list(ids)])
    write_read(part, 0)
    stage = stage_in_process(work)
    seconds["duplicates"] = stage["seconds"]
    started = time.perf_counter()
    (dropped,) = by_part(work / "duplicates" / dropped_file(0), 1, ["id"])
    gone = frozenset(dropped["id"].to_pylist())
    kept: list[str] = []
    pages = pq.ParquetFile(part / "pages.parquet")
    with TableWriter(work / "kept.parquet", pages.schema_arrow) as writer:
        for some in pages.iter_batches(1_000):
            here = [id_ not in gone for id_ in some["id"].to_pylist()]
            left = pa.Table.from_batches([some]).filter(pa.array(here))
            kept += left["id"].to_pylist()
            writer.write(left)
    seconds["filter"] = time.perf_counter() - started
    return {**stage, "seconds": seconds, "kept": kept}


def write_selection(work: Path, ids: list[list[str]]) -> None:
    """Every page is selected."""
    folder = work / "selection"
    folder.mkdir()
    (folder / SELECTION_HEAD).write_text(json.dumps({"selected": [len(some) for some in ids]}))
    with TableWriter(folder / SELECTION_FILE, SELECTION) as writer:
        for part, some in enumerate(ids):
            columns = {field.name: pa.nulls(len(some), field.type) for field in SELECTION}
            columns["id"] = pa.array(some)
            columns["part"] = pa.array(np.full(len(some), part, dtype=np.int32))
            columns["outcome"] = pa.array(["kept"] * len(some))
            writer.write(pa.table(columns, schema=SELECTION))


def write_read(part: Path, number: int) -> None:
    read = {"warc": f"{number}.warc.gz", "bytes": 0, "records": 0, "minhash": to_dict(CONFIG)}
    (part / "read.json").write_text(json.dumps(read))


def stage_in_process(work: Path, sort_memory_mb: int = 1024) -> dict[str, Any]:
    """The duplicates stage in a process of its own, so that its memory is its own."""
    command = [sys.executable, "-m", __spec__.name, "--run-stage", str(work)]
    command += ["--sort-memory-mb", str(sort_memory_mb)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def run_stage(work: Path, sort_memory_mb: int) -> dict[str, Any]:
    """Seconds and peak memory of the duplicates stage over the parts in a folder."""
    before = peak_memory()
    out = work / "duplicates"
    out.mkdir()
    inputs: duplicates.DuplicatesInputs = {
        "parts": sorted(work.glob("part*")),
        "selection": [work / "selection"],
    }
    previous = work / "previous"
    if previous.exists():
        inputs["previous"] = [previous]
    config = DedupConfig(sort_memory_bytes=sort_memory_mb << 20)
    started = time.perf_counter()
    statistics = duplicates.build(out, inputs, config, SILENT, work / "scratch")
    seconds = time.perf_counter() - started
    return {
        "seconds": seconds,
        "peak_mb": peak_memory(),
        "imports_mb": before,
        "index_bytes": sum(f.stat().st_size for f in (out / "index").iterdir()),
        "statistics": statistics,
    }


def peak_memory() -> int:
    """Of this process, in MB; getrusage would tell the parent's too."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found.group(1)) // 1024


def quality(texts: list[str]) -> None:
    """Precision and recall of pairs against Jaccard of all pairs of pages, by brute force."""
    sets = [np.unique(shingles(text, CONFIG)) for text in texts]
    keys = bucket_keys(b"".join(signature_of(text, CONFIG) for text in texts), CONFIG)
    near: dict[tuple[float, float], list[bool]] = {band: [] for band in BANDS}
    expected: dict[tuple[float, float], float] = dict.fromkeys(BANDS, 0.0)
    matched: list[float] = []
    for left, right, similarity in similar_pairs(sets):
        same = (keys[left] == keys[right]).any(axis=1)
        matched += similarity[same].tolist()
        for band in BANDS:
            low, high = band
            here = (similarity >= low) & ((similarity < high) | (low == high))
            near[band] += same[here].tolist()
            expected[band] += sum(match_probability(s, CONFIG) for s in similarity[here].tolist())
    for (low, high), found in near.items():
        name = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        share = sum(found) / max(1, len(found))
        computed = expected[low, high] / max(1, len(found))
        print(
            f"recall of pairs at similarity {name}: {share:.4f} of {len(found):,}"
            f" ({computed:.4f} expected)"
        )
    for least in (0.7, 0.6, 0.5):
        share = sum(s >= least for s in matched) / max(1, len(matched))
        print(f"precision: {share:.4f} of {len(matched):,} matched pairs have {least} or more")


def similar_pairs(
    sets: list[np.ndarray], least: float = 0.05
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """All pairs of documents with Jaccard similarity of `least` or more: left, right, similarity.

    By inverted lists: every shingle's documents are counted for every document that has it.
    """
    sizes = np.array([len(some) for some in sets])
    documents = np.repeat(np.arange(len(sets)), sizes)
    values = np.concatenate(sets)
    order = np.argsort(values, kind="stable")
    values, documents = values[order], documents[order]
    for right, own in enumerate(sets):
        starts = np.searchsorted(values, own)
        stops = np.searchsorted(values, own, side="right")
        shared = np.flatnonzero(stops - starts > 1)
        if not len(shared):
            continue
        lists = [documents[a:b] for a, b in zip(starts[shared], stops[shared])]
        common = np.bincount(np.concatenate(lists), minlength=len(sets))[:right]
        left = np.flatnonzero(common)
        similarity = common[left] / (sizes[left] + sizes[right] - common[left])
        enough = similarity >= least
        left = left[enough]
        yield left, np.full(len(left), right), similarity[enough]


def synthetic(count: int, work: Path, sort_memory_mb: int) -> None:
    """The duplicates stage on made-up signatures: a third of the documents are near another."""
    per_part = 100_000
    draw = np.random.default_rng(7)
    ids: list[list[str]] = []
    signatures = np.empty((0, signature_bytes(CONFIG) // 8), dtype=np.uint64)
    for number, start in enumerate(range(0, count, per_part)):
        some = min(per_part, count - start)
        part = work / f"part-{number:04d}"
        part.mkdir(parents=True)
        fresh = draw.integers(0, 2**63, (some, 112), dtype=np.uint64)
        if len(signatures):  # two buckets the same as one of the part before
            near = draw.choice(some, some // 3, replace=False)
            fresh[near, :16] = signatures[draw.integers(0, len(signatures), len(near)), :16]
        signatures = fresh
        raw = draw.integers(0, 256, (some, 16), dtype=np.uint8)
        ids.append(id_texts(raw))
        size = signature_bytes(CONFIG)
        stored = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(size), some, [None, pa.py_buffer(np.ascontiguousarray(fresh).data)]
        )
        columns = {"id": ids[-1], "signature": stored, "text_sha256": [i * 2 for i in ids[-1]]}
        table = pa.table(columns, schema=schemas(CONFIG)["signatures"])
        with TableWriter(part / "signatures.parquet", table.schema) as writer:
            writer.write(table)
        write_read(part, number)
    write_selection(work, ids)
    del ids, signatures
    done = stage_in_process(work, sort_memory_mb)
    print(
        f"synthetic: {count:,} documents in {done['seconds']:.1f} s"
        f" ({count / done['seconds']:,.0f}/s), peak memory {done['peak_mb']} MB (of which imports"
        f" {done['imports_mb']} MB), index {done['index_bytes'] / count:.0f} bytes a document,"
        f" {done['statistics']['minhash_duplicates']:,} near-duplicates"
    )


def show(name: str, seconds: dict[str, float], documents: int) -> None:
    steps = ", ".join(f"{step} {value:.2f}" for step, value in seconds.items())
    total = sum(seconds.values())
    print(f"{name}: {documents / total:,.0f} documents/s ({total:.2f} s: {steps})")


def seconds_of(seconds: dict[str, float], step: str) -> float:
    return sum(seconds.values()) if step == "all" else seconds[step]


if __name__ == "__main__":
    main()
