"""From what raters have finished to tables: labels, conversations to fine-tune on, preferences."""

import tempfile
from pathlib import Path

from prefect import flow

from flows.config import Settings, load
from flows.labeling_store import store_path
from flows.runner.flow_run import LAKE, Artifacts, Run, begin, run_name
from flows.runner.references import InputFile, Reference, reference
from pipeline.labels import stage
from pipeline.labels.finished_work import write_finished
from pipeline.labels.task_store import opened
from storage.errors import UserError
from storage.file_hashes import hash_now

WORK = "finished.jsonl"


@flow(name="labels", flow_run_name=run_name)
def labels(
    config: Settings = load(),  # noqa: B008
    lake: str = LAKE,
    made: Artifacts | None = None,
) -> Artifacts:
    """Take what raters have finished into the lake.

    Args:
        config: every setting; what is left out comes from the preset
        lake: folder or s3:// URL that holds the artifacts
        made: artifacts to start from; empty: the lake's newest tokenizer is used
    """
    run = begin(config, lake)
    given = made or {}
    work = finished(run, given.get("tokenizer") or newest_tokenizer(run))
    return run.hand_over(given, labels=work)


def finished(run: Run, tokenizer: Reference) -> Reference:
    """The tables of what raters have finished by now."""
    config = run.config
    with (
        tempfile.TemporaryDirectory(prefix="crawl2chat-labels-") as folder,
        opened(store_path(run.lake, config.input.labels)) as store,
    ):
        work = Path(folder) / WORK
        write_finished(store, work)
        return run.make(
            stage.STAGE,
            config.labels,
            "what raters have finished",
            work=[InputFile(work, *hash_now(work))],
            tokenizer=[tokenizer],
        )


def conversations(run: Run, made: Artifacts) -> Artifacts:
    """What raters wrote, where their store is named: one more source of fine-tuning."""
    if not run.config.input.labels:
        return {}
    return {"labels": finished(run, made["tokenizer"])}


def newest_tokenizer(run: Run) -> Reference:
    """The lake's newest tokenizer."""
    digest = run.lake.heads().get("tokenizer")
    if digest is None:
        raise UserError(f"no tokenizer in lake {run.lake.url} yet: `crawl2chat run tokenizer`")
    return reference(run.lake.manifest("tokenizer", digest), run.lake)
