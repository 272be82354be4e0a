"""The corpus of all parts: its groups listed, their figures added up, a way to find each page.

In: the groups (`pipeline.corpus.assemble_group`), the selection and the split they were made with.
Out: groups.json, the funnel, and the table of places (place_table.py). A corpus refers to its
groups and copies nothing of them: 90,000 files leave 2 TB, and an object store renames by copying.
What grows with the crawl in this one task is the table of places alone, some 7 bytes a page; all
else is a few numbers a group.
"""

import json
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TypedDict

from pipeline.corpus import place_table
from pipeline.corpus.config import CorpusConfig
from pipeline.corpus.funnel import Counts, StageCount, funnel_rows, stage_rows
from pipeline.corpus.group_head import GroupHead, GroupSums, read_group_head
from pipeline.corpus.held_out_hosts import read_split
from pipeline.corpus.read import SELECTION_HEAD, counts_of
from pipeline.crawl.account import ByteCounts, add_up
from pipeline.decision import Decision, dropped
from pipeline.stage import Progress, Reads, Stage
from storage.grouped import GROUPS, LIST, write_list
from storage.places import GROUP_HEAD
from storage.reads import Read
from storage.schemas import PII_KINDS


class CorpusInputs(TypedDict):
    """The groups, in order, and the one artifact of each kind they were made with."""

    groups: list[Path]
    selection: list[Path]
    duplicates: list[Path]
    split: list[Path]


class CorpusStatistics(ByteCounts):
    """Of a `corpus` artifact."""

    warcs: int
    warc_bytes: int  # compressed
    warcs_without_records: list[str]  # names
    records: int  # kept + dropped + errors
    kept: int
    dropped: int
    errors: int
    documents: int
    validation_documents: int
    hosts: int
    validation_hosts: int
    exact_duplicates: int
    minhash_duplicates: int
    passages_removed: int  # lines and paragraphs
    passage_characters_removed: int
    contaminated_documents: int
    languages: dict[str, int]  # documents
    bytes: int  # UTF-8, of the texts
    words: int
    pii: dict[str, int]  # replaced, by kind
    funnel: list[StageCount]


def build(
    out: Path,
    inputs: CorpusInputs,
    config: CorpusConfig,
    progress: Progress,
    scratch: Path,
) -> CorpusStatistics:
    """Join the groups; see the module's head."""
    groups = inputs[GROUPS]
    heads = [read_group_head(group) for group in groups]
    check_complete(heads, counts_of(inputs["selection"][0]))
    write_list(out, groups)
    counts: Counts = Counter()
    words: Counts = Counter()
    sums = GroupSums()
    languages: Counter[str] = Counter()
    pii: Counter[str] = Counter()
    for head in heads:
        for stage, rule, outcome, number, counted in head["counts"]:
            decision = Decision(outcome, stage, rule)
            counts[decision] += number
            words[decision] += counted
        sums.add(GroupSums(**head["sums"]))
        languages.update(head["languages"])
        pii.update(head["pii"])
    warcs = [warc for head in heads for warc in head["warcs"]]
    records = sum(warc["records"] for warc in warcs)
    outcomes = {name: outcome_count(counts, name) for name in ("kept", "dropped", "error")}
    if records != sum(outcomes.values()):
        raise RuntimeError(f"conservation law: {records} records were read, but {outcomes}")
    (out / "funnel.json").write_text(json.dumps(funnel_rows(counts, words), indent=1) + "\n")
    progress.update(1, 2, "steps", step="figures are added up")
    place_table.merge(groups, out)
    progress.update(2, 2, "steps", step="pages can be found")
    split = read_split(inputs["split"][0])
    return {
        "warcs": len(warcs),
        "warc_bytes": sum(warc["bytes"] for warc in warcs),
        **add_up(warcs),
        "warcs_without_records": [warc["warc"] for warc in warcs if not warc["records"]],
        "records": records,
        "kept": outcomes["kept"],
        "dropped": outcomes["dropped"],
        "errors": outcomes["error"],
        "documents": sums.documents,
        "validation_documents": sums.validation,
        "hosts": split["hosts"],
        "validation_hosts": split["validation_hosts"],
        "exact_duplicates": counts[dropped("dedup", "exact")],
        "minhash_duplicates": counts[dropped("dedup", "minhash")],
        "passages_removed": sums.passages,
        "passage_characters_removed": sums.passage_characters,
        "contaminated_documents": sums.contaminated_documents,
        "languages": {name: n for name, n in sorted(languages.items()) if n},
        "bytes": sums.bytes,
        "words": sums.words,
        "pii": {kind: pii[kind] for kind in PII_KINDS},
        "funnel": stage_rows(counts),
    }


def check_complete(heads: Sequence[GroupHead], selected: list[list[int]]) -> None:
    """Hold the groups against the selection.

    Args:
        heads: of the groups.
        selected: pages of each part, group by group.

    Raises:
        RuntimeError: a part is missing, or there twice.
    """
    names = Counter(warc["warc"] for head in heads for warc in head["warcs"])
    twice = sorted(name for name, count in names.items() if count > 1)
    if twice:
        raise RuntimeError(f"conservation law: {twice[0]} is in two groups of the corpus")
    sizes, wanted = ([len(head["warcs"]) for head in heads], [len(counts) for counts in selected])
    if sizes != wanted:
        raise RuntimeError(
            f"conservation law: the corpus has groups of {sizes} files, the selection of {wanted}"
        )


def outcome_count(counts: Counts, outcome: str) -> int:
    """Records with this outcome."""
    return sum(number for decision, number in counts.items() if decision.outcome == outcome)


def reads(config: CorpusConfig, given: Collection[str]) -> Reads:
    """Of the groups their figures and keys; no text, no ledger."""
    return {
        GROUPS: [Read(GROUP_HEAD), Read(place_table.KEYS), Read(place_table.ROW_GROUPS)],
        "selection": [Read(LIST), Read(SELECTION_HEAD)],
        "duplicates": [],
    }


STAGE = Stage("corpus", 7, CorpusConfig, build, reads=reads)
