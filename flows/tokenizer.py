"""From a corpus to tokens: learn a vocabulary, then write the corpus as numbers."""

from prefect import flow

from flows import imported
from flows.config import Settings, load
from flows.corpus import corpus
from flows.runner import ui
from flows.runner.flow_run import LAKE, Artifacts, begin, run_name
from pipeline.tokenizer import report, train
from pipeline.tokenizer import tokens as tokens_stage


@flow(name="tokenizer", flow_run_name=run_name)
def tokenizer(
    config: Settings = load(),  # noqa: B008
    lake: str = LAKE,
    made: Artifacts | None = None,
) -> Artifacts:
    """Train the tokenizer, write token shards, measure what a token holds.

    A base model that is given brings its own tokenizer.

    Args:
        config: every setting; what is left out comes from the preset
        lake: folder or s3:// URL that holds the artifacts
        made: artifacts to start from; empty: the corpus is made or found first
    """
    made = made or corpus(config, lake)
    run = begin(config, lake)
    text = made["corpus"]
    if config.input.base:  # whose tokenizer has to be used
        found = imported.base(run)
        tokens = run.make(
            tokens_stage.STAGE,
            config.tokens,
            "token shards by the base model's tokenizer",
            corpus=[text],
            tokenizer=[found["tokenizer"]],
        )
        return run.hand_over({**made, **found}, tokens=tokens)
    vocabulary = run.make(
        train.STAGE,
        config.tokenizer,
        f"tokenizer with {config.tokenizer.vocab_size:,} tokens",
        corpus=[text],
    )
    tokens = run.make(
        tokens_stage.STAGE, config.tokens, "token shards", corpus=[text], tokenizer=[vocabulary]
    )
    measured = run.make(
        report.STAGE,
        config.tokenizer_report,
        "bytes per token",
        corpus=[text],
        tokenizer=[vocabulary],
    )
    ui.compression(run.lake, measured)
    return run.hand_over(made, tokenizer=vocabulary, tokens=tokens, tokenizer_report=measured)
