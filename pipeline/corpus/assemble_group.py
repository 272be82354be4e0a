"""Joins a group of parts to its share of the corpus: decisions applied, people's data out, a split.

In: parts, the selection's group of them, the duplicates of all, the split and evaluation sets if
any. Out: the final ledger, which accounts for every record (the conservation law, for each WARC),
the corpus by language, keys by which a page is found, and group.json with what the whole is counted
from. Everything streams: a part's ledger and some batches of text are in memory at a time. Rows
stand in the order of the parts; what becomes of a page depends on no order and on no other group.
"""

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NotRequired, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline import ranges
from pipeline.corpus.clean import Cleaned, Setting, clean_all
from pipeline.corpus.config import CorpusConfig
from pipeline.corpus.corpus_files import CorpusFiles
from pipeline.corpus.decisions import DecidedPart, decisions, replaced
from pipeline.corpus.duplicate_tables import dropped_file
from pipeline.corpus.funnel import Counts, check_conservation, ledger_counts, sort_key, word_counts
from pipeline.corpus.group_head import (
    GroupHead,
    GroupSums,
    WarcFigures,
    write_group_head,
)
from pipeline.corpus.held_out_hosts import SPLIT, read_split
from pipeline.corpus.place_table import GroupPlaces
from pipeline.corpus.read import check_text, selected_counts
from pipeline.corpus.split import is_validation
from pipeline.crawl.account import check_bytes
from pipeline.decision import DECIDED
from pipeline.dedup.passages import UNITS
from pipeline.filters.contamination_report import REPORT, ContaminationRow
from pipeline.filters.pii import DATA
from pipeline.scan.read_summary import SUMMARY_FILE, ReadSummary, read_summaries
from pipeline.stage import Progress, Reads, Stage
from storage.reads import Read
from storage.schemas import CORPUS, LEDGER, PII_KINDS
from storage.tables import ShardedTableWriter, read_table, row_count, streamed, table

TEXT_COLUMNS = ["id", "url", "host", "text", "language"]
WORDS = "word_count"  # of a page, as the pass counted them
BATCH_ROWS = 256


class GroupInputs(TypedDict):
    """Some parts and their group of the selection; of the others one artifact each."""

    parts: list[Path]
    selection: list[Path]
    duplicates: list[Path]
    split: list[Path]
    benchmarks: NotRequired[list[Path]]  # files of evaluation sets


class GroupStatistics(TypedDict):
    """Of a `corpus_group` artifact; fields as in GroupSums."""

    records: int
    documents: int
    validation: int
    bytes: int
    words: int
    passages: int
    passage_characters: int
    contaminated_documents: int
    places: int
    languages: dict[str, int]


@dataclasses.dataclass(frozen=True)
class TextBatch:
    """Where some texts are from."""

    part: DecidedPart
    rows: np.ndarray  # of the part's pages
    documents: pa.Table  # TEXT_COLUMNS
    last: bool  # the part is complete with it


@dataclasses.dataclass(frozen=True)
class GroupConfig:
    """Which group, and what is done to its texts."""

    group: int = 0
    corpus: CorpusConfig = dataclasses.field(default_factory=CorpusConfig)

    def __post_init__(self) -> None:
        ranges.check(self)


def build(
    out: Path,
    inputs: GroupInputs,
    config: GroupConfig,
    progress: Progress,
    scratch: Path,
) -> GroupStatistics:
    """Write the corpus of a group's parts; see the module's head."""
    parts, selection = inputs["parts"], inputs["selection"][0]
    duplicates, chosen = inputs["duplicates"][0], config.corpus
    benchmarks = tuple(inputs.get("benchmarks", ()))
    summaries = read_summaries(parts)
    limit = read_split(inputs["split"][0])["limit"]
    total = sum(selected_counts(selection, len(parts)))
    total -= row_count(duplicates / dropped_file(config.group))

    counts: Counts = Counter()
    words: Counts = Counter()
    sums = GroupSums()
    pii = np.zeros(len(PII_KINDS), dtype=np.int64)
    found: list[ContaminationRow] = []
    done, finished = 0, 0
    decided = decisions(parts, selection, duplicates, config.group)
    batches = ((batch, batch.documents) for batch in text_batches(decided))
    setting = Setting(chosen, duplicates, benchmarks)
    places = GroupPlaces()
    size = chosen.max_file_bytes
    with (
        ShardedTableWriter(out, "ledger", LEDGER, size) as ledgers,
        CorpusFiles(out, size) as files,
    ):
        for batch, cleaned in clean_all(batches, setting, total):
            rows = corpus_rows(batch.documents, cleaned, limit, chosen)
            files.add(rows)
            batch.part.left += batch.documents["id"].to_pylist()
            batch.part.drops |= {int(batch.rows[row]): one for row, one in cleaned.drops.items()}
            count(sums, rows, cleaned)
            pii += cleaned.pii.sum(axis=0)
            found += cleaned.contaminated
            if batch.last:
                decided = final_decisions(batch.part)
                ledger = final_ledger(batch.part.folder, decided)
                read = summaries[finished]
                check_conservation({read["warc"]: read["records"]}, ledger)
                check_bytes(read["warc"], read["bytes"], read)
                counts += ledger_counts(ledger)
                pages = read_table(batch.part.folder / "pages.parquet", [WORDS])
                words += word_counts(decided, pages[WORDS])
                ledgers.write(ledger)
                places.add(ledger, batch.part.left)
                finished += 1
            done += len(batch.rows)
            progress.update(done, total, "documents")
    if benchmarks:
        with ShardedTableWriter(out, "decontamination", REPORT, size) as report:
            report.write(table(found, REPORT))
    sums.contaminated_documents = len({row["id"] for row in found})
    sums.places = places.write(out, ledgers.paths)
    head: GroupHead = {
        "warcs": [_figures(summary) for summary in summaries],
        "counts": [
            (key.stage, key.rule, key.outcome, counts[key], words[key])
            for key in sorted(counts, key=sort_key)
        ],
        "sums": dataclasses.asdict(sums),
        "languages": files.documents,
        "pii": dict(zip(PII_KINDS, pii.tolist())),
    }
    write_group_head(out, head)
    return {
        "records": counts.total(),
        "documents": sums.documents,
        "validation": sums.validation,
        "bytes": sums.bytes,
        "words": sums.words,
        "passages": sums.passages,
        "passage_characters": sums.passage_characters,
        "contaminated_documents": sums.contaminated_documents,
        "places": sums.places,
        "languages": head["languages"],
    }


def text_batches(parts: Iterable[DecidedPart]) -> Iterator[TextBatch]:
    """The documents that are left, some at a time, each part's last batch said to be so."""
    for part in parts:
        kept = pc.equal(part.decided["outcome"], "kept").to_numpy()
        waiting = TextBatch(part, np.empty(0, dtype=np.int64), CORPUS_INPUT.empty_table(), True)
        start = 0
        with streamed(part.folder / "pages.parquet") as pages:
            for some in pages.iter_batches(BATCH_ROWS, columns=TEXT_COLUMNS):
                here = kept[start : start + some.num_rows]
                ids = part.decided["id"].slice(start, some.num_rows)
                if not pa.chunked_array([some["id"]]).equals(ids):
                    raise RuntimeError(f"the selection is of other pages than {part.folder}'s")
                check_text(part.folder, some["text"])
                rows = np.flatnonzero(here) + start
                start += some.num_rows
                if len(rows):
                    if len(waiting.rows):
                        yield dataclasses.replace(waiting, last=False)
                    documents = pa.Table.from_batches([some]).filter(pa.array(here))
                    waiting = TextBatch(part, rows, documents.select(TEXT_COLUMNS), True)
        yield waiting


CORPUS_INPUT = pa.schema([CORPUS.field(name) for name in TEXT_COLUMNS])


def corpus_rows(
    documents: pa.Table, cleaned: Cleaned, limit: int, config: CorpusConfig
) -> pa.Table:
    """Rows of CORPUS: those whose texts are left.

    Args:
        documents: TEXT_COLUMNS of a batch.
        cleaned: the same batch.
        limit: hosts with a number below it are held out.
        config: of the corpus.
    """
    is_left = np.ones(documents.num_rows, dtype=bool)
    is_left[list(cleaned.drops)] = False
    documents = documents.filter(pa.array(is_left))
    held_out = is_validation(documents["host"].to_pylist(), limit, config.split)
    columns = {name: documents[name] for name in TEXT_COLUMNS if name != "text"}
    columns["text"] = pa.array(cleaned.texts, pa.string())
    split = np.where(held_out, "validation", "train")
    columns["split"] = pa.array(split.tolist(), pa.string())
    for index, kind in enumerate(PII_KINDS):
        columns[f"pii_{kind}s"] = pa.array(cleaned.pii[:, index])
    return pa.table(columns, schema=CORPUS)


def final_decisions(part: DecidedPart) -> pa.Table:
    """The part's decisions with what became of its pages' texts."""
    if not part.drops:
        return part.decided
    mask = np.zeros(part.decided.num_rows, dtype=bool)
    mask[list(part.drops)] = True
    rows = [decision.row() for decision in part.drops.values()]
    return replaced(part.decided, pa.array(mask), pa.Table.from_pylist(rows, schema=DECIDED))


def final_ledger(folder: Path, decided: pa.Table) -> pa.Table:
    """A part's ledger with what became of its pages after the pass."""
    ledger = read_table(folder / "ledger.parquet")
    passed = pc.equal(ledger["outcome"], "kept").combine_chunks()
    if ledger.filter(passed)["id"].to_pylist() != decided["id"].to_pylist():
        raise RuntimeError(f"the ledger of {folder} does not go with its pages")
    return replaced(ledger, passed, decided)


def count(sums: GroupSums, rows: pa.Table, cleaned: Cleaned) -> None:
    """Add a batch to the group's figures."""
    sums.documents += rows.num_rows
    sums.validation += rows["split"].to_pylist().count("validation")
    sums.bytes += cleaned.bytes
    sums.words += cleaned.words
    sums.passages += cleaned.passages
    sums.passage_characters += cleaned.passage_characters


def _figures(summary: ReadSummary) -> WarcFigures:
    return {
        "warc": summary["warc"],
        "bytes": summary["bytes"],
        "records": summary["records"],
        "record_bytes": summary["record_bytes"],
        "unreadable_bytes": summary["unreadable_bytes"],
        "padding_bytes": summary["padding_bytes"],
    }


def reads(config: GroupConfig, given: Collection[str]) -> Reads:
    """No signatures, no signals; of the duplicates this group's, and frequent passages."""
    names = (dropped_file(config.group), "index/index.json", "index/ids")
    return {
        "parts": [Read(SUMMARY_FILE), Read("ledger*"), Read("pages*", (*TEXT_COLUMNS, WORDS))],
        "split": [Read(SPLIT)],
        "duplicates": [Read(name) for name in (*names, *(f"index/{unit}.*" for unit in UNITS))],
    }


STAGE = Stage(
    "corpus_group",
    3,
    GroupConfig,
    build,
    reads=reads,
    data=DATA,
)
