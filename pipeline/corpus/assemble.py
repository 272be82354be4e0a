"""Joins the parts to a corpus: filters' and dedup's decisions applied, people's data out, a split.

In: parts, the selection and the duplicates over them, and evaluation sets if any. Out: the final
ledger, which accounts for every record (the conservation law), clusters, the corpus by language,
its funnel. Everything streams: a part's ledger and some batches of text are in memory at a time.
Rows stand in the order of the parts; what becomes of a page depends on no order.
"""

import dataclasses
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.corpus.clean import Cleaned, Drop, Setting, clean_all
from pipeline.corpus.config import AssembleConfig
from pipeline.corpus.duplicates import check_parts
from pipeline.corpus.files import CorpusFiles
from pipeline.corpus.funnel import (
    Counts,
    check_conservation,
    funnel_rows,
    ledger_counts,
    stage_rows,
)
from pipeline.corpus.read import by_part
from pipeline.corpus.split import host_numbers, is_validation, validation_limit
from pipeline.crawl.account import KINDS, check_bytes
from pipeline.filters.decontamination import REPORT
from pipeline.stage import Progress, Stage
from storage.schemas import CORPUS, LEDGER, PII_KINDS
from storage.tables import TableWriter, read_table, streamed, table

TEXT_COLUMNS = ["id", "url", "host", "text", "language"]
DECISION = ["outcome", "stage", "rule", "value", "threshold", "detail"]
BATCH_ROWS = 256


@dataclasses.dataclass
class Part:
    """One part on its way: its decisions, still to be changed by what becomes of its texts."""

    folder: Path
    decided: pa.Table  # id and DECISION, a row for each of its pages
    drops: list[tuple[int, Drop]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Batch:
    """Where some texts are from."""

    part: Part
    rows: np.ndarray  # of the part's pages
    documents: pa.Table  # TEXT_COLUMNS
    last: bool  # the part is complete with it


def build(
    out: Path,
    inputs: dict[str, list[Path]],
    config: AssembleConfig,
    progress: Progress,
    scratch: Path,
) -> dict[str, Any]:
    """Write the corpus of all parts; see the module's head."""
    parts, duplicates = inputs["parts"], inputs["duplicates"][0]
    benchmarks = tuple(inputs.get("benchmarks", ()))
    reads = [json.loads((part / "read.json").read_text()) for part in parts]
    check_parts(reads)
    hosts, total = count_hosts(parts, inputs["selection"][0], duplicates, config)
    limit = validation_limit(hosts, config.split)
    shutil.copyfile(duplicates / "clusters.parquet", out / "clusters.parquet")

    counts: Counts = Counter()
    sums: Counter[str] = Counter()
    pii = np.zeros(len(PII_KINDS), dtype=np.int64)
    found: list[dict[str, Any]] = []
    done, finished = 0, 0
    batches = ((b, b.documents) for b in text_batches(parts, inputs["selection"][0], duplicates))
    setting = Setting(config, duplicates, benchmarks)
    with TableWriter(out / "ledger.parquet", LEDGER) as ledgers, CorpusFiles(out) as files:
        for batch, cleaned in clean_all(batches, setting, total):
            rows = corpus_rows(batch.documents, cleaned, limit, config)
            files.add(rows)
            batch.part.drops += [(int(batch.rows[drop.row]), drop) for drop in cleaned.drops]
            count(sums, rows, cleaned)
            pii += cleaned.pii.sum(axis=0)
            found += cleaned.contaminated
            if batch.last:
                ledger = final_ledger(batch.part)
                read = reads[finished]
                check_conservation({read["warc"]: read["records"]}, ledger)
                check_bytes(read["warc"], read["bytes"], read)
                counts += ledger_counts(ledger)
                ledgers.write(ledger)
                finished += 1
            done += len(batch.rows)
            progress.update(done, total, "documents")
    if benchmarks:
        with TableWriter(out / "decontamination.parquet", REPORT) as report:
            report.write(table(found, REPORT))
    (out / "funnel.json").write_text(json.dumps(funnel_rows(counts), indent=1) + "\n")
    return {
        "warcs": len(reads),
        "warc_bytes": sum(read["bytes"] for read in reads),
        **{kind: sum(read[kind] for read in reads) for kind in KINDS},
        "warcs_without_records": [read["warc"] for read in reads if not read["records"]],
        "records": sum(read["records"] for read in reads),
        **{name: outcome_count(counts, name) for name in ("kept", "dropped")},
        "errors": outcome_count(counts, "error"),
        "documents": sums["documents"],
        "validation_documents": sums["validation"],
        "hosts": len(hosts),
        "validation_hosts": int((hosts < np.uint64(limit)).sum()),
        "exact_duplicates": counts["dedup", "exact", "dropped"],
        "minhash_duplicates": counts["dedup", "minhash", "dropped"],
        "passages_removed": sums["passages"],
        "passage_characters_removed": sums["passage_characters"],
        "contaminated_documents": len({row["id"] for row in found}),
        "languages": files.documents,
        "bytes": sums["bytes"],
        "words": sums["words"],
        "pii": dict(zip(PII_KINDS, pii.tolist())),
        "funnel": stage_rows(counts),
    }


def decisions(parts: list[Path], selection: Path, duplicates: Path) -> Iterator[Part]:
    """Each part with what the filters and dedup decided on its pages."""
    chosen = by_part(selection / "selection.parquet", len(parts), ["id", *DECISION])
    dropped = by_part(duplicates / "dropped.parquet", len(parts), ["id", "rule", "keeper"])
    for folder, rows, gone in zip(parts, chosen, dropped, strict=True):
        places = pc.index_in(rows["id"].combine_chunks(), gone["id"].combine_chunks())
        is_gone = pc.is_valid(places)
        was_kept = pc.equal(rows.filter(is_gone)["outcome"], "kept").to_pylist()
        if len(was_kept) != gone.num_rows or not all(was_kept):
            raise RuntimeError(f"{duplicates} was made from another selection of {folder}")
        gone = gone.take(places.drop_null())
        decision = {
            "outcome": ["dropped"] * gone.num_rows,
            "stage": ["dedup"] * gone.num_rows,
            "rule": gone["rule"],
            "value": [None] * gone.num_rows,
            "threshold": [None] * gone.num_rows,
            "detail": gone["keeper"],
        }
        yield Part(folder, replaced(rows, is_gone, pa.table(decision, schema=_DECIDED)))


_DECIDED = pa.schema([LEDGER.field(name) for name in DECISION])


def replaced(rows: pa.Table, mask: pa.Array, decided: pa.Table) -> pa.Table:
    """The rows with the decision columns of those in the mask taken from `decided`, in order."""
    for name in DECISION:
        column = rows[name].combine_chunks()
        values = decided[name].combine_chunks()
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, name, pc.replace_with_mask(column, mask, values))
    return rows


def count_hosts(
    parts: list[Path], selection: Path, duplicates: Path, config: AssembleConfig
) -> tuple[np.ndarray, int]:
    """The hosts of the pages that are left after dedup, as sorted numbers; how many pages."""
    known = np.empty(0, dtype=np.uint64)
    total = 0
    for part in decisions(parts, selection, duplicates):
        hosts = read_table(part.folder / "pages.parquet", ["host"])["host"]
        if len(hosts) != part.decided.num_rows:
            raise RuntimeError(f"the selection has other pages than {part.folder}")
        left = hosts.filter(pc.equal(part.decided["outcome"], "kept"))
        total += len(left)
        known = np.union1d(known, host_numbers(left.to_pylist(), config.split.salt))
    return known.astype(np.uint64), total


def text_batches(parts: list[Path], selection: Path, duplicates: Path) -> Iterator[Batch]:
    """The documents that are left, some at a time, each part's last batch said to be so."""
    for part in decisions(parts, selection, duplicates):
        kept = pc.equal(part.decided["outcome"], "kept").to_numpy()
        waiting = Batch(part, np.empty(0, dtype=np.int64), CORPUS_INPUT.empty_table(), True)
        start = 0
        with streamed(part.folder / "pages.parquet") as pages:
            for some in pages.iter_batches(BATCH_ROWS, columns=TEXT_COLUMNS):
                here = kept[start : start + some.num_rows]
                ids = part.decided["id"].slice(start, some.num_rows)
                if not pa.chunked_array([some["id"]]).equals(ids):
                    raise RuntimeError(f"the selection is of other pages than {part.folder}'s")
                rows = np.flatnonzero(here) + start
                start += some.num_rows
                if len(rows):
                    if len(waiting.rows):
                        yield dataclasses.replace(waiting, last=False)
                    documents = pa.Table.from_batches([some]).filter(pa.array(here))
                    waiting = Batch(part, rows, documents.select(TEXT_COLUMNS), True)
        yield waiting


CORPUS_INPUT = pa.schema([CORPUS.field(name) for name in TEXT_COLUMNS])


def corpus_rows(
    documents: pa.Table, cleaned: Cleaned, limit: int, config: AssembleConfig
) -> pa.Table:
    """Rows of CORPUS: those whose texts are left."""
    is_left = np.ones(documents.num_rows, dtype=bool)
    is_left[[drop.row for drop in cleaned.drops]] = False
    documents = documents.filter(pa.array(is_left))
    held_out = is_validation(documents["host"].to_pylist(), limit, config.split)
    columns = {name: documents[name] for name in TEXT_COLUMNS if name != "text"}
    columns["text"] = pa.array(cleaned.texts, pa.string())
    split = np.where(held_out, "validation", "train")
    columns["split"] = pa.array(split.tolist(), pa.string())
    for place, kind in enumerate(PII_KINDS):
        columns[f"pii_{kind}s"] = pa.array(cleaned.pii[:, place])
    return pa.table(columns, schema=CORPUS)


def final_ledger(part: Part) -> pa.Table:
    """The part's ledger with what became of its pages after the pass."""
    ledger = read_table(part.folder / "ledger.parquet")
    decided = part.decided
    if part.drops:
        mask = np.zeros(decided.num_rows, dtype=bool)
        mask[[row for row, _ in part.drops]] = True
        rows = [{"outcome": "dropped", **dataclasses.asdict(d)} for _, d in part.drops]
        drops = pa.Table.from_pylist(rows, schema=_DECIDED)
        decided = replaced(decided, pa.array(mask), drops)
    passed = pc.equal(ledger["outcome"], "kept").combine_chunks()
    if ledger.filter(passed)["id"].to_pylist() != decided["id"].to_pylist():
        raise RuntimeError(f"the ledger of {part.folder} does not go with its pages")
    return replaced(ledger, passed, decided)


def count(sums: Counter[str], rows: pa.Table, cleaned: Cleaned) -> None:
    """Add a batch to the corpus's figures."""
    sums["documents"] += rows.num_rows
    sums["validation"] += rows["split"].to_pylist().count("validation")
    sums["bytes"] += cleaned.bytes
    sums["words"] += cleaned.words
    sums["passages"] += cleaned.passages
    sums["passage_characters"] += cleaned.passage_characters


def outcome_count(counts: Counts, outcome: str) -> int:
    """Records with this outcome."""
    return sum(number for (_, _, name), number in counts.items() if name == outcome)


STAGE = Stage(
    "corpus",
    5,
    AssembleConfig,
    build,
    data=("public-suffixes", "telephone-numbers", "identity-numbers", "check-digits", "unicode"),
)
