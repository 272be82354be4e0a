"""Dedup for a cluster: what `duplicates` does by itself in one process, as tasks over files.

Documents are numbered (one task), keys of all bands are made for a group of parts (a task a group),
and each band is sorted and joined by itself (a task a band); `duplicates` then takes them as its
inputs `numbers` and `bands`. Every step is a function of its input files, so the index and all that
follows are the same bytes. It costs disk: about 12 bytes a band and document in each of two steps.
"""

import dataclasses
import json
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import NotRequired, TypedDict

from pipeline import ranges
from pipeline.corpus import duplicates
from pipeline.corpus.read import (
    SELECTION_FILE,
    SELECTION_HEAD,
    selected_counts,
    selected_ids,
)
from pipeline.dedup import bands, hash_index
from pipeline.dedup.config import DedupConfig
from pipeline.dedup.hash_index import HashIndex
from pipeline.dedup.spill import open_numbers, partition_paths
from pipeline.scan.read_summary import SUMMARY_FILE, read_summaries
from pipeline.stage import Progress, Reads, Stage
from storage.grouped import LIST
from storage.reads import Read

HEAD = "numbers.json"


@dataclasses.dataclass(frozen=True)
class KeysConfig:
    """Which parts a task gets: so many from `first` on, and the selection's group of just these."""

    first: int = 0
    dedup: DedupConfig = dataclasses.field(default_factory=DedupConfig)

    def __post_init__(self) -> None:
        ranges.check(self)


@dataclasses.dataclass(frozen=True)
class BandConfig:
    """Which band a task joins."""

    band: str = hash_index.EXACT
    dedup: DedupConfig = dataclasses.field(default_factory=DedupConfig)

    def __post_init__(self) -> None:
        ranges.check(self)


class NumbersInputs(TypedDict):
    """All parts and their selection; `previous` as in DuplicatesInputs."""

    parts: list[Path]
    selection: list[Path]
    previous: NotRequired[list[Path]]


class NumbersStatistics(TypedDict):
    """Of a `dedup_numbers` artifact."""

    documents: int
    earlier_documents: int


class KeysInputs(TypedDict):
    """Some parts, the selection's group of just these, and the numbers of all documents."""

    parts: list[Path]
    selection: list[Path]
    numbers: list[Path]


class KeysStatistics(TypedDict):
    """Of a `dedup_keys` artifact."""

    documents: int
    keys: int  # of all bands


class BandInputs(TypedDict):
    """The numbers of all documents, the keys of all groups; `previous` as above."""

    numbers: list[Path]
    keys: list[Path]
    previous: NotRequired[list[Path]]


class BandStatistics(TypedDict):
    """Of a `dedup_band` artifact."""

    pairs: int


class NumbersHead(TypedDict):
    """numbers.json: what each task needs to find its documents."""

    counts: list[int]  # documents of each part
    bits: int  # a band's keys lie in 2^bits files


def build_numbers(
    out: Path,
    inputs: NumbersInputs,
    config: DedupConfig,
    progress: Progress,
    scratch: Path,
) -> NumbersStatistics:
    """Number the selected documents of all parts, those of earlier dumps before them."""
    parts, selection = inputs["parts"], inputs["selection"][0]
    duplicates.check_parts(read_summaries(parts))
    earlier = previous_index(inputs.get("previous", []))
    counts = selected_counts(selection, len(parts))
    first, total = len(earlier.keepers), sum(counts)
    work = fresh(scratch)
    numbers = bands.number_documents(
        selected_ids(selection),
        total,
        first,
        earlier.ids,
        out / "ids",
        work,
        config.sort_memory_bytes,
    )
    numbers.astype("<u4", copy=False).tofile(out / "numbers")
    bits = duplicates.bands_bits(first + total, config.sort_memory_bytes)
    head: NumbersHead = {"counts": counts, "bits": bits}
    (out / HEAD).write_text(json.dumps(head) + "\n")
    shutil.rmtree(work)
    progress.update(total, total, "documents")
    return {"documents": total, "earlier_documents": first}


def build_keys(
    out: Path,
    inputs: KeysInputs,
    config: KeysConfig,
    progress: Progress,
    scratch: Path,
) -> KeysStatistics:
    """Keys of every band for the selected documents of some parts."""
    parts, numbered = inputs["parts"], inputs["numbers"][0]
    head = numbers_head(numbered)
    start = sum(head["counts"][: config.first])
    count = sum(head["counts"][config.first : config.first + len(parts)])
    signed = duplicates.check_parts(read_summaries(parts))
    numbers = open_numbers(numbered / "numbers", "<u4")[start : start + count]
    chosen = inputs["selection"][0]  # of these parts alone
    spills = duplicates.spill_bands(parts, chosen, numbers, head["bits"], config.dedup, signed, out)
    progress.update(count, count, "documents")
    return {"documents": count, "keys": sum(spilled.rows for spilled in spills.values())}


def build_band(
    out: Path,
    inputs: BandInputs,
    config: BandConfig,
    progress: Progress,
    scratch: Path,
) -> BandStatistics:
    """Pairs and new index of one band, from all groups' keys and the index of earlier dumps."""
    bits = numbers_head(inputs["numbers"][0])["bits"]
    work, name = fresh(scratch), config.band
    partitions = partition_paths(work, name, bits)
    for whole in partitions:
        with whole.open("wb") as file:
            for group in inputs["keys"]:
                with (group / whole.name).open("rb") as some:
                    shutil.copyfileobj(some, file, 1 << 20)
    found = bands.band_pairs(
        partitions,
        hash_index.band_files(previous_index(inputs.get("previous", [])), name),
        (out / f"{name}.keys", out / f"{name}.documents"),
        out / f"{name}.pairs",
    )
    shutil.rmtree(work)
    progress.update(1, 1, "bands")
    return {"pairs": found}


def numbers_head(artifact: Path) -> NumbersHead:
    """What a `dedup_numbers` artifact says."""
    head: NumbersHead = json.loads((artifact / HEAD).read_text())
    return head


def previous_index(previous: list[Path]) -> HashIndex:
    """What earlier dumps left: one artifact, or none."""
    return hash_index.open_index(previous[0]) if previous else HashIndex()


def fresh(scratch: Path) -> Path:
    """An empty folder: sorting that was killed starts again."""
    work = scratch / "dedup"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    return work


def preload(config: KeysConfig | BandConfig) -> None:
    """Nothing but this module's imports: tasks are many, and forks of a warm host cost nothing."""


def reads_of_numbers(config: DedupConfig, given: Collection[str]) -> Reads:
    """Of the selection its ids."""
    names = (LIST, SELECTION_HEAD)
    selection = [*map(Read, names), Read(SELECTION_FILE, ("id", "part", "outcome"))]
    previous = [Read(f"index/{name}") for name in ("index.json", "ids", "keepers")]
    return {"parts": [Read(SUMMARY_FILE)], "selection": selection, "previous": previous}


def reads_of_keys(config: KeysConfig, given: Collection[str]) -> Reads:
    """Whole signatures, of this group's parts."""
    return {"parts": [Read(SUMMARY_FILE), Read("signatures*")]}


def reads_of_band(config: BandConfig, given: Collection[str]) -> Reads:
    """This band's keys."""
    return {
        "keys": [Read(f"{config.band}-*")],
        "numbers": [Read(HEAD)],
        "previous": [Read("index/index.json"), Read(f"index/{config.band}.*")],
    }


NUMBERS = Stage("dedup_numbers", 2, DedupConfig, build_numbers, reads=reads_of_numbers)
KEYS = Stage("dedup_keys", 2, KeysConfig, build_keys, preload, reads_of_keys)
BAND = Stage("dedup_band", 2, BandConfig, build_band, preload, reads_of_band)
