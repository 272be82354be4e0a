"""From a corpus to an index over its passages, which `chat --tools search` looks things up in."""

from prefect import flow

from flows.config import Settings, load
from flows.corpus import corpus
from flows.runner.flow_run import LAKE, Artifacts, begin, run_name
from pipeline.tools import search_index as stage


@flow(name="search-index", flow_run_name=run_name)
def search_index(
    config: Settings = load(),  # noqa: B008
    lake: str = LAKE,
    made: Artifacts | None = None,
) -> Artifacts:
    """Index a corpus's passages by their words.

    Args:
        config: every setting; what is left out comes from the preset
        lake: folder or s3:// URL that holds the artifacts
        made: artifacts to start from; empty: the corpus is made or found first
    """
    made = made or corpus(config, lake)
    run = begin(config, lake)
    index = run.make(stage.STAGE, config.search_index, "search index", corpus=[made["corpus"]])
    return run.hand_over(made, search_index=index)
