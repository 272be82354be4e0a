"""From good texts and others to the model that judges pages: a fastText classifier, DCLM's way.

The good ones are files that the user names (`input.positive`); the others are files too, the lake's
corpus, or, where none are named, the pages of the crawl that `corpus` would read. The model becomes
the lake's newest, which the corpus flow's filter `learned` asks.
"""

from collections.abc import Sequence

from prefect import flow

from flows import raw_text
from flows.config import Settings, load
from flows.corpus import read_all, sample_crawl
from flows.inputs import given_file
from flows.runner.flow_run import LAKE, Artifacts, Run, begin, run_name
from flows.runner.references import reference
from flows.runner.work import Input
from flows.runner.workers import close_hosts
from pipeline.filters import quality_model as model
from storage.errors import UserError

CORPUS = "corpus"  # a name in input.positive or input.negative: the lake's newest


@flow(name="quality-model", flow_run_name=run_name)
def quality_model(config: Settings = load(), lake: str = LAKE) -> Artifacts:  # noqa: B008
    """Train the learned quality filter.

    Args:
        config: every setting; what is left out comes from the preset
        lake: folder or s3:// URL that holds the artifacts
    """
    run = begin(config, lake)
    named = config.input
    if not named.positive:
        raise UserError("input.positive: name files of good texts (.jsonl, .json, .txt, .parquet)")
    good = texts(run, "input.positive", named.positive)
    others = texts(run, "input.negative", named.negative) or pages(run)
    trained = run.make(
        model.STAGE, config.quality_model, "quality model", positive=good, negative=others
    )
    return run.hand_over({}, quality_model=trained)


def texts(run: Run, key: str, names: Sequence[str]) -> list[Input]:
    """The files that the config names, and the lake's corpus where it is named."""
    found: list[Input] = []
    for name in names:
        if name != CORPUS:
            found.append(given_file(key, name))
            continue
        digest = run.lake.heads().get(CORPUS)
        if digest is None:
            raise UserError(f"{key}: no corpus in lake {run.lake.url} yet: `crawl2chat run corpus`")
        found.append(reference(run.lake.manifest(CORPUS, digest), run.lake))
    return found


def pages(run: Run) -> list[Input]:
    """The pages of the crawl, as the pass over each of its files left them."""
    crawl = None if run.config.input.paths else sample_crawl(run)
    try:
        parts = read_all(run, crawl)
        if bare := raw_text.without_text(run, parts):
            raw_text.forget(run, bare)
            parts = read_all(run, crawl)
        return list(parts)
    finally:
        close_hosts()
