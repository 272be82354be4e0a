"""`crawl2chat eval --model FOLDER`: a model that lies anywhere, measured in this process.

In: a folder as `export` or Hugging Face leaves it, or a .gguf file; the lake's corpus and facts
where it has them; files of in-context tasks. Nothing enters the lake: the scores are shown, or kept
with --out. Suites default to those whose inputs are there.
"""

import argparse
import contextlib
import dataclasses
import sys
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

from flows.cli import output
from flows.cli.models import find_model
from flows.config import load, settle
from pipeline.evals.config import PAGE_SUITES
from pipeline.stage import Progress
from storage import Lake
from storage.tables import read_table

# Whether it recites the lake's pages says something of a model that was trained on them alone.
NOT_UNASKED = ("memorization",)


def measure(chosen: argparse.Namespace) -> int:
    """Scores of one folder."""
    from flows.evaluate import task_files
    from pipeline.evals import evaluate
    from pipeline.report.scores import stage_table

    lake = Lake(chosen.lake)
    found = find_model(lake, chosen.model)
    inputs: dict[str, list[Path]] = {}
    heads = lake.heads()
    for slot in ("corpus", "crawl"):
        if slot in heads:
            inputs[slot] = [lake.local(slot, heads[slot])]
    if chosen.tasks:
        inputs["tasks"] = [file.path for file in task_files(chosen.tasks)]
    settings = load(changes=chosen.set).evals
    suites = tuple(chosen.suite or _suites(inputs))
    name = found.stem if found.suffix == ".gguf" else found.resolve().name
    settings = settle(dataclasses.replace(settings, model=name, suites=suites))
    with _folder(found) as folder, _kept(chosen.out) as out:
        inputs["model"] = [folder]
        evaluate.build(out, inputs, settings, Spoken(), out)
        rows = read_table(out / "evals.parquet").to_pylist()
        samples = read_table(out / "samples.parquet").to_pylist()
    if chosen.json:
        output.document({"scores": rows, "samples": samples})
        return 0
    head, body = stage_table(rows)
    output.rows(head, body, f"{name}: value, 95% interval, n", most=len(body))
    return 0


class Spoken(Progress):
    """Notes for the person at the terminal."""

    def note(self, text: str) -> None:
        print(f"  {text}", file=sys.stderr)


def _suites(inputs: Collection[str]) -> list[str]:
    from pipeline.evals.evaluate import WITHOUT_CORPUS

    pages = [s for s in PAGE_SUITES if s not in NOT_UNASKED]
    chosen = [s for s in pages if "corpus" in inputs or s in WITHOUT_CORPUS]
    return chosen + (["core"] if "tasks" in inputs else [])


@contextlib.contextmanager
def _folder(model: Path) -> Iterator[Path]:
    """The model as a folder; a .gguf file is unpacked for the while."""
    if model.is_dir():
        yield model
        return
    from pipeline.export import to_folder

    with tempfile.TemporaryDirectory(prefix="crawl2chat-eval-") as place:
        to_folder(model, Path(place))
        yield Path(place)


@contextlib.contextmanager
def _kept(out: str | None) -> Iterator[Path]:
    """Where the tables go: a folder of the user's, or one for the while."""
    if out:
        Path(out).mkdir(parents=True, exist_ok=True)
        yield Path(out)
        return
    with tempfile.TemporaryDirectory(prefix="crawl2chat-eval-") as place:
        yield Path(place)
