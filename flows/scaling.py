"""From tokens to a law: a ladder of base models, their loss against compute, and what the next size
would reach.
"""

from prefect import flow

from flows.config import Settings, load
from flows.runner import ui
from flows.runner.flow_run import LAKE, Artifacts, Run, begin, run_name
from flows.runner.references import Reference
from flows.tokenizer import tokenizer
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer import tokens as tokens_stage
from pipeline.training import pretrain
from pipeline.training import scaling as stage
from pipeline.training.config import PretrainConfig
from storage.errors import UserError


@flow(name="scaling", flow_run_name=run_name)
def scaling(
    config: Settings = load(),  # noqa: B008
    lake: str = LAKE,
    made: Artifacts | None = None,
) -> Artifacts:
    """Train a ladder of sizes and fit loss against compute.

    Args:
        config: every setting; what is left out comes from the preset
        lake: folder or s3:// URL that holds the artifacts
        made: artifacts to start from; empty: corpus and tokens are made or found first
    """
    if config.input.base:
        raise UserError("input.base: a ladder of sizes is trained from fresh weights")
    made = made or tokenizer(config, lake)
    run = begin(config, lake)
    ladder = config.scaling
    vocabulary = Tokenizer.load(run.lake.local("tokenizer", made["tokenizer"]["digest"]))
    manifest = run.lake.manifest("tokens", made["tokens"]["digest"])
    tokens = tokens_stage.STAGE.statistics_of(manifest)["train"]["tokens"]
    stage.check_epochs(config.pretrain, ladder, vocabulary.vocab_size, tokens)
    recipes = [
        stage.rung(config.pretrain, ladder, depth, seed, vocabulary.vocab_size)
        for seed in ladder.seeds
        for depth in ladder.depths
    ]
    runs = [_rung(run, made, recipe) for recipe in recipes]
    law = run.make(stage.STAGE, ladder, "scaling law", runs=runs)
    ui.scaling(run.lake, law)
    return run.hand_over(made, scaling=law)


def _rung(run: Run, made: Artifacts, recipe: PretrainConfig) -> Reference:
    return run.train(
        pretrain.STAGE,
        recipe,
        f"ladder {recipe.shape.layers}x{recipe.shape.width}, seed {recipe.seed},"
        f" {recipe.loop.steps:,} steps",
        tokens=[made["tokens"]],
        tokenizer=[made["tokenizer"]],
    )
