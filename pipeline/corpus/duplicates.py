"""Which of the selected pages are duplicates, of one another or of an earlier dump's pages.

In: parts, the selection over them and, for a new dump, the `duplicates` artifact of those before.
Out: dropped-00000.parquet … (one for each group of the selection, in the order of its parts),
clusters-00000.parquet … and the index that a later dump is held against. No text is read, unless
lines or paragraphs are looked for, and no earlier file but the index. Sorting is done on disk, band
by band; memory grows by less than 16 bytes a document. A file of the index is bounded by 2^32
documents: 69 GB of ids, 34 GB of a band's keys. On a cluster the bands come made
(`pipeline.corpus.duplicate_bands`); the artifact is the same.
"""

import shutil
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NotRequired, TypedDict

import numpy as np
import pyarrow as pa

from pipeline.config import from_dict
from pipeline.cores import cores
from pipeline.corpus.duplicate_tables import (
    DROPPED,
    dropped_file,
    dropped_tables,
    write_clusters,
)
from pipeline.corpus.read import (
    SELECTION_FILE,
    SELECTION_HEAD,
    counts_of,
    selected,
    selected_counts,
    selected_ids,
)
from pipeline.dedup import bands, components, exact, hash_index, minhash, passages
from pipeline.dedup.config import DedupConfig, MinhashConfig
from pipeline.dedup.hash_index import EXACT, HashIndex
from pipeline.dedup.spill import Spill, open_numbers, partition_bits
from pipeline.scan.read_summary import SUMMARY_FILE, ReadSummary, read_summaries
from pipeline.stage import Progress, Reads, Stage
from storage.errors import UserError
from storage.grouped import LIST
from storage.reads import Read
from storage.tables import write_tables


class DuplicatesInputs(TypedDict):
    """One artifact each, but for the parts and what a cluster made."""

    parts: list[Path]
    selection: list[Path]
    previous: NotRequired[list[Path]]  # the duplicates of earlier dumps
    numbers: NotRequired[list[Path]]  # pipeline.corpus.duplicate_bands
    bands: NotRequired[list[Path]]  # likewise, one for each band


class DuplicatesStatistics(TypedDict):
    """Of a `duplicates` artifact."""

    documents: int  # that the selection keeps
    kept: int  # of them
    exact_duplicates: int
    minhash_duplicates: int
    duplicates_of_earlier_dumps: int
    earlier_documents: int  # of those dumps
    clustered_documents: int  # rows of the clusters
    pairs: int
    frequent_lines: NotRequired[int]  # where they are looked for
    frequent_paragraphs: NotRequired[int]


PAIR_BYTES = 8  # two document numbers


def build(
    out: Path,
    inputs: DuplicatesInputs,
    config: DedupConfig,
    progress: Progress,
    scratch: Path,
) -> DuplicatesStatistics:
    """Find the duplicates; see the module's head."""
    parts, selection = inputs["parts"], inputs["selection"][0]
    reads = read_summaries(parts)
    signed = check_parts(reads)
    previous = inputs.get("previous", [])
    earlier = hash_index.open_index(previous[0]) if previous else HashIndex()
    warcs = [read["warc"] for read in reads]
    hash_index.check_previous(earlier, signed, warcs)

    work = scratch / "dedup"
    shutil.rmtree(work, ignore_errors=True)  # of a killed run: sorting starts again
    work.mkdir(parents=True)
    store = out / "index"
    store.mkdir()
    counts = selected_counts(selection, len(parts))
    first, total = len(earlier.keepers), sum(counts)
    names = hash_index.band_names(signed, config.exact, config.minhash)
    if "bands" in inputs:
        numbers = take_numbers(inputs["numbers"][0], total, store)
        paths = take_bands(inputs["bands"], names, store)
    else:
        numbers = bands.number_documents(
            selected_ids(selection),
            total,
            first,
            earlier.ids,
            store / "ids",
            work,
            config.sort_memory_bytes,
        )
        bits = bands_bits(first + total, config.sort_memory_bytes // cores())
        spills = spill_bands(parts, selection, numbers, bits, config, signed, work)
        progress.update(1, 4, "steps", step="bands are on disk")
        paths = join_bands(names, spills, earlier, store, work)
    progress.update(2, 4, "steps", step="pairs are found")
    pairs = sum(path.stat().st_size for path in paths.values()) // PAIR_BYTES
    keepers = components.cluster(paths.values(), earlier.keepers, first + total)
    keepers.astype("<u4", copy=False).tofile(store / "keepers")
    is_copy = np.zeros(total, dtype=bool)
    if config.exact:
        is_copy = components.copies(paths[EXACT], first, first + total)
    known = HashIndex(store)
    rules: Counter[str] = Counter()
    start = 0
    for number, group in enumerate(counts_of(selection)):
        documents = numbers[start : start + sum(group)]
        start += len(documents)
        tables = dropped_tables(group, documents, keepers, is_copy, known.ids, rules)
        write_tables(tables, DROPPED, out / dropped_file(number))
    members = components.memberships(keepers, first, work, config.sort_memory_bytes)
    clustered = write_clusters(members, first, known.ids, out, config.max_file_bytes)
    progress.update(3, 4, "steps", step="clusters are written")
    found = find_passages(parts, selection, numbers, keepers, earlier, config, store, work)
    keep_other_bands(earlier, store)
    hash_index.write_head(store, signed, config.passages, [*earlier.warcs, *warcs])
    shutil.rmtree(work)
    progress.update(4, 4, "steps", step="done")
    kept, of_earlier = components.counts(keepers, first)
    statistics: DuplicatesStatistics = {
        "documents": total,
        "kept": kept,
        "exact_duplicates": rules["exact"],
        "minhash_duplicates": rules["minhash"],
        "duplicates_of_earlier_dumps": of_earlier,
        "earlier_documents": first,
        "clustered_documents": clustered,
        "pairs": pairs,
    }
    if "lines" in found:
        statistics["frequent_lines"] = found["lines"]
    if "paragraphs" in found:
        statistics["frequent_paragraphs"] = found["paragraphs"]
    return statistics


def check_parts(reads: Sequence[ReadSummary]) -> MinhashConfig:
    """The MinHash settings all parts were signed with.

    Raises:
        UserError: parts can't be joined: a file is given twice, or signatures don't compare.
    """
    names = Counter(read["warc"] for read in reads)
    for name, count in names.items():
        if count > 1:
            raise UserError(
                f"{count} input files are named {name}, or hold the same bytes: the ledger tells"
                " files apart by name; give each file once"
            )
    for read in reads:
        if read["minhash"] != reads[0]["minhash"]:
            raise UserError(
                f"{read['warc']} and {reads[0]['warc']} were signed with different MinHash"
                " settings: make all parts with the same scan.minhash"
            )
    return from_dict(MinhashConfig, reads[0]["minhash"]) if reads else MinhashConfig()


def spill_bands(
    parts: list[Path],
    selection: Path,
    numbers: np.ndarray,
    bits: int,
    config: DedupConfig,
    signed: MinhashConfig,
    work: Path,
) -> dict[str, Spill]:
    """Keys of all bands and selected pages, on disk.

    Args:
        parts: folders.
        selection: over just these parts.
        numbers: of their selected documents, in order, [documents].
        bits: each band is written in 2^bits files.
        config: which bands there are.
        signed: MinHash settings of the signatures.
        work: folder for the files.

    Returns:
        The files, by band.
    """
    names = hash_index.band_names(signed, config.exact, config.minhash)
    buffer_rows = max(1 << 10, (1 << 20) // max(1, len(names)))
    spills = {name: Spill(work, name, bits, buffer_rows=buffer_rows) for name in names}
    none = minhash.without_shingles(signed)
    done = 0
    for _, ids, some in selected(parts, selection, ["signature", "text_sha256"]):
        documents = numbers[done : done + len(ids)]
        done += len(ids)
        if config.minhash:
            keys = minhash.bucket_keys(_bytes_of(some["signature"]), signed)
            for bucket in range(signed.buckets):
                has_shingles = keys[:, bucket] != none[bucket]
                rows = bands.keyed(keys[has_shingles, bucket], documents[has_shingles])
                spills[names[bucket]].add(rows)
        if config.exact:
            hashes = some["text_sha256"].to_pylist()
            digests = bytes.fromhex("".join(h[:16] for h in hashes))
            has_text = np.array([h != exact.NOTHING for h in hashes], dtype=bool)
            keys = np.frombuffer(digests, dtype=">u8")[has_text]
            spills[EXACT].add(bands.keyed(keys, documents[has_text]))
    for spilled in spills.values():
        spilled.flush()
    return spills


def join_bands(
    names: list[str],
    spills: dict[str, Spill],
    earlier: HashIndex,
    store: Path,
    work: Path,
) -> dict[str, Path]:
    """The new index of every band, and the files of their pairs; bands side by side."""

    def join(name: str) -> Path:
        after = store / f"{name}.keys", store / f"{name}.documents"
        pairs = work / f"{name}.pairs"
        bands.band_pairs(spills[name].paths, hash_index.band_files(earlier, name), after, pairs)
        for path in spills[name].paths:
            path.unlink()
        return pairs

    with ThreadPoolExecutor(cores()) as pool:
        return dict(zip(names, pool.map(join, names)))


def bands_bits(documents: int, memory_bytes: int) -> int:
    """Into 2^bits files a band of so many documents is parted, to be sorted in such memory."""
    return partition_bits(documents, bands.BAND_ROW_BYTES, memory_bytes)


def take_numbers(made: Path, total: int, store: Path) -> np.ndarray:
    """The documents' numbers that a cluster gave; their ids go into the index."""
    shutil.copyfile(made / "ids", store / "ids")
    numbers = open_numbers(made / "numbers", "<u4")
    if len(numbers) != total:
        raise RuntimeError(f"{made} numbers {len(numbers)} documents, not {total}")
    return numbers


def take_bands(made: list[Path], names: list[str], store: Path) -> dict[str, Path]:
    """The bands that a cluster joined: into the index, and the files of their pairs."""
    for name, folder in zip(names, made, strict=True):
        shutil.copyfile(folder / f"{name}.keys", store / f"{name}.keys")
        shutil.copyfile(folder / f"{name}.documents", store / f"{name}.documents")
    return {name: folder / f"{name}.pairs" for name, folder in zip(names, made)}


def keep_other_bands(earlier: HashIndex, store: Path) -> None:
    """What was not compared this time may be again: it goes on to the next index as it is."""
    for path in sorted(earlier.folder.iterdir()) if earlier.folder else ():
        if path.suffix in (".keys", ".documents") and not (store / path.name).exists():
            shutil.copyfile(path, store / path.name)


def find_passages(
    parts: list[Path],
    selection: Path,
    numbers: np.ndarray,
    keepers: np.ndarray,
    earlier: HashIndex,
    config: DedupConfig,
    store: Path,
    work: Path,
) -> dict[str, int]:
    """Frequent lines and paragraphs of the pages that are left, if they are asked for."""
    wanted = passages.limits(config.passages)
    if not wanted:
        return {}

    def texts() -> Iterator[tuple[int, str]]:
        done = 0
        for _, ids, some in selected(parts, selection, ["text"], "pages.parquet"):
            documents = np.array(numbers[done : done + len(ids)])
            done += len(ids)
            for row in np.flatnonzero(keepers[documents] == documents).tolist():
                yield int(documents[row]), some["text"][row].as_py()

    characters = sum((part / "pages.parquet").stat().st_size * 4 for part in parts)
    spills = passages.spill(texts(), characters, config.passages, work, config.sort_memory_bytes)
    return {
        unit: passages.find(spills[unit].paths, limit, earlier, unit, store)
        for unit, limit in wanted.items()
    }


def _bytes_of(column: pa.ChunkedArray) -> np.ndarray:
    """Fixed-size binary as bytes, one row after another."""
    if not len(column):
        return np.empty(0, dtype=np.uint8)
    joined = pa.concat_arrays(column.chunks)
    size = joined.type.byte_width
    start = joined.offset * size
    return np.frombuffer(joined.buffers()[1], np.uint8)[start : start + size * len(joined)]


def reads(config: DedupConfig, given: Collection[str]) -> Reads:
    """Signatures, unless the bands are joined already; texts only where lines are counted."""
    wanted, chosen = [Read(SUMMARY_FILE)], [Read(LIST), Read(SELECTION_HEAD)]
    if "bands" not in given:
        wanted.append(Read("signatures*"))
    if passages.limits(config.passages):
        wanted.append(Read("pages*", ("id", "text")))
    if len(wanted) > 1:
        chosen.append(Read(SELECTION_FILE, ("id", "part", "outcome")))
    return {"parts": wanted, "selection": chosen, "previous": [Read("index/*")]}


STAGE = Stage("duplicates", 3, DedupConfig, build, reads=reads, data=("unicode",))
