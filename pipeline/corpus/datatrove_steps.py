"""The pass over WARC files as a step of a datatrove pipeline, so that a Slurm set-up can run it.

In: WARC files, every `world_size`-th from `rank` on. Out: the scan of each, committed whole
into a lake under the name that the `corpus` flow gives it, and its pages as datatrove Documents.
`crawl2chat run corpus` on the same lake and files then finds the parts made and goes on behind
them; or other datatrove steps take the Documents. A task that starts again finds its parts made.
"""

import resource
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from datatrove.data import Document, DocumentsPipeline
from datatrove.pipeline.base import PipelineStep

from pipeline import reference_data
from pipeline.config import to_dict
from pipeline.corpus import select
from pipeline.corpus.config import SelectConfig
from pipeline.decision import COLUMNS, KEPT, Decision
from pipeline.memory import own_peak_bytes
from pipeline.provenance import TaskMeter
from pipeline.scan import stage as scan
from pipeline.scan.config import ScanConfig
from pipeline.stage import SILENT
from storage import Lake
from storage.digest import artifact_digest, file_digest
from storage.durable import remove_tree
from storage.errors import UserError
from storage.file_hashes import hash_now, unchanged
from storage.manifest import Manifest, Provenance
from storage.tables import read_table, streamed

ROWS_AT_ONCE = 1_000


class CorpusPass(PipelineStep):  # type: ignore[misc]  # datatrove has no types
    """WARC files to scans and Documents; first in a pipeline.

    Args:
        paths: WARC, WET or ARC files that every task sees under these names
        lake: folder that every task sees, or s3:// URL
        config: of the pass; a recipe's is `pipeline.corpus.recipes.recipe(name).scan`
        selection: give only the pages that these filters keep; without it every page that was
            measured. The parts are the same either way.
    """

    type = "📖 - READER"
    name = "🕸 crawl2chat pass"

    def __init__(
        self,
        paths: Sequence[str | Path],
        lake: str,
        config: ScanConfig | None = None,
        selection: SelectConfig | None = None,
    ) -> None:
        super().__init__()
        if isinstance(paths, str | Path):
            raise UserError(f"paths: give a list of files, not {paths}")
        if selection is not None:
            select.check(selection, parts=1, scores=0)
        self.paths = [str(path) for path in paths]
        self.lake = lake
        self.config = config or ScanConfig()
        self.selection = selection

    def run(
        self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1
    ) -> DocumentsPipeline:
        """This task's share of the files, one after another."""
        yield from data or ()
        lake = Lake(self.lake)
        for path in self.paths[rank::world_size]:
            with self.track_time("file"):
                made = make_part(Path(path), self.config, lake)
            folder = lake.local(made.kind, made.digest)
            self._count(read_table(folder / "ledger.parquet", COLUMNS[:3]))
            for document in self._documents(folder):
                self.update_doc_stats(document)
                yield document

    def _count(self, ledger: pa.Table) -> None:
        """The ledger's rows: each record read once, kept, or lost at a stage by a rule."""
        counts = Counter(zip(*(ledger[name].to_pylist() for name in ledger.column_names)))
        self.stat_update("files", unit="task")
        for row in sorted(counts):
            label = "/".join(filter(None, row))  # kept, or dropped/url/domain
            self.stat_update("records", label, value=counts[row], unit="file")

    def _documents(self, folder: Path) -> DocumentsPipeline:
        chosen = None
        if self.selection is not None:
            chosen = select.select(select.read_pages(folder, self.selection), 0, self.selection)
        done = 0
        with streamed(folder / "pages.parquet") as pages:
            for batch in pages.iter_batches(ROWS_AT_ONCE):
                decided = [KEPT] * len(batch)
                if chosen is not None:
                    rows = chosen.slice(done, len(batch)).select(COLUMNS).to_pylist()
                    decided = [Decision(**row) for row in rows]
                done += len(batch)
                for row, decision in zip(batch.to_pylist(), decided):
                    if decision.outcome == "kept":
                        yield Document(text=row.pop("text"), id=row.pop("id"), metadata=row)
                    else:
                        label = f"not selected/{decision.stage}/{decision.rule}"
                        self.stat_update("not selected", label)


def make_part(path: Path, config: ScanConfig, lake: Lake) -> Manifest:
    """The part of one file, made or found; the lake holds it whole or not at all."""
    stage, recipe = scan.STAGE, to_dict(config)
    if not path.is_file():
        raise UserError(f"no such file on this node: {path}")
    sha256, state = hash_now(path)
    inputs = {"warc": [file_digest(sha256, path.name)], **reference_data.inputs_of(stage.data)}
    digest = artifact_digest(stage.kind, stage.version, recipe, inputs)
    if lake.is_whole(stage.kind, digest):
        return lake.manifest(stage.kind, digest)
    # Scratch of its own: a node that is lost, but not dead, may still be at the same file.
    staging, scratch = lake.staging(stage.kind, digest), lake.staging(stage.kind, digest)
    meter, used = TaskMeter(), _cpu_seconds()
    try:
        with unchanged({path: state}):
            statistics = scan.build(staging, {"warc": [path]}, config, SILENT, scratch)
        provenance: Provenance = {
            **meter.read(_cpu_seconds() - used, own_peak_bytes()),
            "input_paths": {"warc": [str(path.absolute())]},
        }
        return lake.commit(
            staging, stage.kind, digest, stage.version, recipe, inputs, dict(statistics), provenance
        )
    finally:
        remove_tree(scratch)
        remove_tree(staging)  # published by renaming, where all went well


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
