"""From web archives to a corpus: a task a WARC file, then selection, dedup and assembly by groups.

The pass over a file measures every page and decides little, so that other thresholds need no
second pass. Without input the embedded sample web is made first; its truth then tells how well
the filters did.
"""

from prefect import flow
from prefect.futures import PrefectFuture

from flows import raw_text
from flows.config import Settings, load
from flows.deduplicate import find_duplicates
from flows.downloads import warc_inputs
from flows.groups import join_parts, select_pages
from flows.inputs import given_file
from flows.runner import existing, terminal, ui
from flows.runner.flow_run import LAKE, Artifacts, Run, begin, run_name
from flows.runner.ray import leave
from flows.runner.references import InputFile, Reference, reference
from flows.runner.side_by_side import results, several_at_a_time, submit
from flows.runner.work import Input, Work
from flows.runner.workers import close_hosts
from pipeline.corpus import audit, score
from pipeline.corpus.recipes import deviations, recipe
from pipeline.sample_web import build as sample_web
from pipeline.scan import stage as scan
from storage.errors import UserError


@flow(name="corpus", flow_run_name=run_name)
def corpus(config: Settings = load(), lake: str = LAKE) -> Artifacts:  # noqa: B008
    """Extract, filter and deduplicate a crawl.

    Args:
        config: every setting; what is left out comes from the preset
        lake: folder or s3:// URL that holds the artifacts
    """
    run = begin(config, lake)
    say_recipe(run)
    crawl = None if config.input.paths else sample_crawl(run)
    try:
        parts = read_all(run, crawl)
        if raw_text.forget_if_needed(run, parts):
            parts = read_all(run, crawl)
        scores = score_all(run, parts) if "learned" in config.select.filters else []
        selection = select_pages(run, parts, scores)
        copies = find_duplicates(run, parts, selection, previous_duplicates(run))
        joined = join_parts(run, parts, selection, copies, benchmarks(run))
        close_hosts()  # what follows needs their memory
        ui.funnel(run.lake, joined)
        measured = None if crawl is None else measure(run, crawl, joined, copies, parts)
        artifacts = run.hand_over({}, crawl=crawl, corpus=joined, audit=measured)
        if not config.input.keep_raw_text:
            raw_text.drop(run, parts, artifacts)
    finally:
        close_hosts()
        leave(config.input)
    return artifacts


def measure(
    run: Run, crawl: Reference, joined: Reference, copies: Reference, parts: list[Reference]
) -> Reference:
    """The filters held against what is known of the sample web."""
    measured = run.make(
        audit.STAGE,
        audit.AuditConfig(),
        "filters against the truth",
        crawl=[crawl],
        corpus=[joined],
        duplicates=[copies],
        parts=parts,
    )
    ui.audit(run.lake, measured)
    return measured


def say_recipe(run: Run) -> None:
    """Which recipe, where this project's means differ from it, and where this run does."""
    name = run.config.recipe
    terminal.note(f"  recipe {name}")
    for note in recipe(name).notes:
        terminal.note(f"    by other means: {note}")
    for line in deviations(run.config.model_dump(mode="json"), name):
        terminal.note(f"    deviates: {line}")


def sample_crawl(run: Run) -> Reference:
    """The embedded crawl of a fictional world."""
    settings = run.config.sample_web
    return run.make(sample_web.STAGE, settings, f"sample web of {settings.pages:,} pages")


def sample_files(run: Run, crawl: Reference) -> list[InputFile]:
    """Its WARC files."""
    manifest = run.lake.manifest(crawl["kind"], crawl["digest"])
    names = sorted(name for name in manifest.files if name.endswith(".warc.gz"))
    folder = run.lake.local(crawl["kind"], crawl["digest"])
    return [InputFile(folder / name, manifest.files[name]["sha256"]) for name in names]


def read_all(run: Run, crawl: Reference | None) -> list[Reference]:
    """Each file by itself, several at a time; the parts in the order of the files."""

    def work(file: InputFile, title: str = "") -> Work:
        return run.work(scan.STAGE, run.config.scan, title, warc=[file])

    def title(number: int, total: int, file: InputFile) -> str:
        return f"scan {number}/{total} {file.path.name}"

    with several_at_a_time(run) as runner:
        if crawl is not None:
            files = sample_files(run, crawl)
            futures = [
                submit(work(file, title(number, len(files), file)), runner)
                for number, file in enumerate(files, 1)
            ]
            return results(run, futures)
        by_number: dict[int, PrefectFuture[Reference]] = {}
        with warc_inputs(run, made=lambda file: existing.find(work(file)) is not None) as given:
            for number, file in given:
                future = submit(work(file, title(number, len(given), file)), runner)
                given.done_with(file, future)
                by_number[number] = future
            return results(run, [by_number[number] for number in sorted(by_number)])


def score_all(run: Run, parts: list[Reference]) -> list[Reference]:
    """The learned model's score of every page, part by part."""
    model = quality_model(run)
    with several_at_a_time(run) as runner:
        futures = [
            submit(
                run.work(
                    score.STAGE,
                    score.ScoreConfig(),
                    f"quality scores {number}/{len(parts)}",
                    part=[one],
                    model=[model],
                ),
                runner,
            )
            for number, one in enumerate(parts, 1)
        ]
        return results(run, futures)


def quality_model(run: Run) -> Input:
    """The model named, else the lake's newest."""
    named = run.config.input.quality_model
    if named:
        return given_file("input.quality_model", named)
    digest = run.lake.heads().get("quality_model")
    if digest is None:
        raise UserError(
            f"recipe {run.config.recipe} judges by a learned model: train one"
            " (crawl2chat run quality-model) or name a file with input.quality_model"
        )
    return reference(run.lake.manifest("quality_model", digest), run.lake)


def previous_duplicates(run: Run) -> dict[str, list[Input]]:
    """What an earlier dump's dedup left for this one to be held against, if asked for."""
    digest = run.config.input.previous_duplicates
    if not digest:
        return {}
    for manifest in run.lake.list("duplicates"):
        if manifest.digest.startswith(digest):
            return {"previous": [reference(manifest, run.lake)]}
    raise UserError(
        f"input.previous_duplicates: no duplicates artifact {digest} in lake {run.lake.url}"
    )


def benchmarks(run: Run) -> dict[str, list[Input]]:
    """The files of evaluation sets, if there are any."""
    named = run.config.input.benchmarks
    files: list[Input] = [given_file("input.benchmarks", path) for path in named]
    return {"benchmarks": files} if files else {}
