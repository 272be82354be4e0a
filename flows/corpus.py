"""From web archives to a corpus: one task a WARC file, then dedup, personal data and split over
all.

Without input the embedded sample web is made first; its truth then tells how well the filters
did.
"""

import os

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from flows import publish
from flows.config import Settings, load
from flows.inputs import warc_files
from flows.references import InputFile, Reference
from flows.run import LAKE, Artifacts, Run, begin, run_name
from flows.tasks import submit
from pipeline.corpus import assemble, part, quality
from pipeline.crawl.sample_web import build as sample_web


@flow(name="corpus", flow_run_name=run_name)
def corpus(config: Settings = load(), lake: str = LAKE) -> Artifacts:  # noqa: B008
    """Extract, filter and deduplicate a crawl.

    Args:
        config: every setting; what is left out comes from the preset
        lake: folder or s3:// URL that holds the artifacts
    """
    run = begin(config, lake)
    if config.input.paths:
        crawl, files = None, warc_files(config.input.paths)
    else:
        crawl, files = sample_crawl(run)

    parts = read_all(run, files)
    joined = run.make(
        assemble.STAGE, config.assemble, f"corpus: join {len(parts)} parts", parts=parts
    )
    publish.funnel(run.lake, joined)
    measured = None
    if crawl is not None:
        measured = run.make(
            quality.STAGE,
            quality.QualityConfig(),
            "filters against the truth",
            crawl=[crawl],
            corpus=[joined],
            parts=parts,
        )
        publish.quality(run.lake, measured)
    return run.hand_over({}, crawl=crawl, corpus=joined, quality=measured)


def sample_crawl(run: Run) -> tuple[Reference, list[InputFile]]:
    """The embedded crawl of a fictional world, and its WARC files."""
    settings = run.config.sample_web
    crawl = run.make(sample_web.STAGE, settings, f"sample web of {settings.pages:,} pages")
    manifest = run.lake.manifest(crawl["kind"], crawl["digest"])
    names = sorted(name for name in manifest.files if name.endswith(".warc.gz"))
    folder = run.lake.local(crawl["kind"], crawl["digest"])
    return crawl, [InputFile(folder / name, manifest.files[name]["sha256"]) for name in names]


def read_all(run: Run, files: list[InputFile]) -> list[Reference]:
    """Each file by itself, several at a time; the parts in the order of the files."""
    workers = run.config.input.workers or os.cpu_count() or 1
    pool: ThreadPoolTaskRunner[Reference] = ThreadPoolTaskRunner(max_workers=workers)
    with pool as runner:
        futures = [
            submit(
                run.work(
                    part.STAGE,
                    run.config.corpus,
                    f"corpus part {number}/{len(files)} {file.path.name}",
                    warc=[file],
                ),
                runner,
            )
            for number, file in enumerate(files, 1)
        ]
        return [future.result() for future in futures]


if __name__ == "__main__":
    from flows.cli import run_module

    run_module("corpus")
