"""Which hosts are held out: counted by groups of parts, then settled over all of them.

The share is of the hosts that have pages left after dedup, so it takes a look at all pages' hosts
before the first text is written. In: a group's parts, selection and duplicates. Out: its hosts as
sorted numbers. From those of all groups follow the number below which a host is held out, and how
many hosts there are: they are merged a span of numbers at a time, in little memory.
"""

import dataclasses
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TypedDict

import numpy as np
import pyarrow.compute as pc

from pipeline import ranges
from pipeline.corpus.config import SplitConfig
from pipeline.corpus.decisions import decisions
from pipeline.corpus.duplicate_tables import dropped_file
from pipeline.corpus.read import GroupsInputs
from pipeline.corpus.split import held_out_of, host_numbers, share_limit
from pipeline.dedup.spill import open_numbers, partition_bits, rows_within
from pipeline.stage import Progress, Reads, Stage
from storage.grouped import GROUPS
from storage.reads import Read
from storage.tables import read_table

HOSTS = "hosts"  # numbers of 64 bits, ascending
SPLIT = "split.json"
MERGE_ROW_BYTES = 32  # what merging takes in memory, a number
MERGE_BYTES = 1 << 28


class HostsInputs(TypedDict):
    """A group's parts, its selection, and the duplicates of all."""

    parts: list[Path]
    selection: list[Path]
    duplicates: list[Path]


class HostsStatistics(TypedDict):
    """Of a `corpus_split_group` artifact."""

    documents: int  # that are left after dedup
    hosts: int  # of them


class CorpusSplitStatistics(TypedDict):
    """Of a `corpus_split` artifact."""

    hosts: int
    validation_hosts: int


class HostSplit(CorpusSplitStatistics):
    """split.json: which hosts are held out."""

    limit: int  # hosts with a number below it


@dataclasses.dataclass(frozen=True)
class HostsConfig:
    """Which group's hosts."""

    group: int = 0
    split: SplitConfig = dataclasses.field(default_factory=SplitConfig)

    def __post_init__(self) -> None:
        ranges.check(self)


def build_group(
    out: Path,
    inputs: HostsInputs,
    config: HostsConfig,
    progress: Progress,
    scratch: Path,
) -> HostsStatistics:
    """The hosts of a group's pages that are left after dedup."""
    known = np.empty(0, dtype=np.uint64)
    total = 0
    parts = inputs["parts"]
    decided = decisions(parts, inputs["selection"][0], inputs["duplicates"][0], config.group)
    for number, part in enumerate(decided, 1):
        hosts = read_table(part.folder / "pages.parquet", ["host"])["host"]
        if len(hosts) != part.decided.num_rows:
            raise RuntimeError(f"the selection has other pages than {part.folder}")
        left = hosts.filter(pc.equal(part.decided["outcome"], "kept"))
        total += len(left)
        known = np.union1d(known, host_numbers(left.to_pylist(), config.split.salt))
        progress.update(number, len(parts), "parts")
    known.astype("<u8").tofile(out / HOSTS)
    return {"documents": total, "hosts": len(known)}


def build(
    out: Path,
    inputs: GroupsInputs,
    config: SplitConfig,
    progress: Progress,
    scratch: Path,
) -> CorpusSplitStatistics:
    """The limit, and the counts that follow from it."""
    groups = [open_numbers(group / HOSTS, "<u8") for group in inputs[GROUPS]]
    share = np.uint64(share_limit(config))
    hosts = below = 0
    for numbers in merged(groups):
        hosts += len(numbers)
        below += int(np.searchsorted(numbers, share))
    held_out = held_out_of(hosts, below)
    limit = number_at(merged(groups), held_out) if held_out else 0
    split: HostSplit = {"limit": limit, "hosts": hosts, "validation_hosts": held_out}
    (out / SPLIT).write_text(json.dumps(split, sort_keys=True) + "\n")
    return {"hosts": hosts, "validation_hosts": held_out}


def read_split(artifact: Path) -> HostSplit:
    """What a `corpus_split` artifact says."""
    split: HostSplit = json.loads((artifact / SPLIT).read_text())
    return split


def merged(groups: list[np.ndarray]) -> Iterator[np.ndarray]:
    """Ascending numbers of all groups, each once, a span of them at a time."""
    spans = 1 << partition_bits(sum(map(len, groups)), MERGE_ROW_BYTES, MERGE_BYTES)
    for span in range(spans):
        found = [numbers[rows_within(numbers, span, spans)] for numbers in groups]
        yield np.unique(np.concatenate([np.empty(0, np.uint64), *found]))


def number_at(spans: Iterator[np.ndarray], position: int) -> int:
    """The number at a position among all of them."""
    for numbers in spans:
        if position < len(numbers):
            return int(numbers[position])
        position -= len(numbers)
    raise RuntimeError("fewer hosts than were counted")


def preload(config: HostsConfig) -> None:
    """Nothing but this module's imports: groups are many, and forks of a warm host cost nothing."""


def reads(config: HostsConfig, given: Collection[str]) -> Reads:
    """Of the pages their hosts, of the duplicates this group's."""
    return {
        "parts": [Read("pages*", ("host",))],
        "duplicates": [Read(dropped_file(config.group))],
    }


GROUP = Stage("corpus_split_group", 1, HostsConfig, build_group, preload, reads)
STAGE = Stage("corpus_split", 1, SplitConfig, build)
