"""From a chat model to one that says when it doesn't know: interrogate it, teach it, ask again."""

from prefect import flow

from flows.config import Settings, load, settle
from flows.runner import terminal, ui
from flows.runner.flow_run import LAKE, Artifacts, Run, begin, run_name
from flows.runner.references import Reference
from flows.sft import sft
from pipeline.sft.interrogation import stage, tuning

# What fine-tuning may have learned from, by the names under which flows hand it over.
SOURCES = ("conversations", "imported_conversations", "teacher", "solutions", "labels")


@flow(name="interrogate", flow_run_name=run_name)
def interrogate(
    config: Settings = load(),  # noqa: B008
    lake: str = LAKE,
    made: Artifacts | None = None,
) -> Artifacts:
    """Ask a chat model what its corpus states, and fine-tune it to answer what it knows.

    Each round asks the model of the round before, since fine-tuning moves what a model knows, and
    teaches the first one anew. It ends where labels have settled, or after interrogation.rounds.

    Args:
        config: every setting; what is left out comes from the preset
        lake: folder or s3:// URL that holds the artifacts
        made: artifacts to start from; empty: everything up to the chat model is made or found first
    """
    made = made or sft(config, lake)
    run = begin(config, lake)
    if "corpus" not in made:
        terminal.say("  interrogate: no corpus, so nobody knows what is stated: left out")
        return made
    found, model = None, made["sft"]
    for number in range(1, config.interrogation.rounds + 1):
        found = run.make(
            stage.STAGE,
            settle(config.interrogation),
            f"interrogate, round {number}",
            model=[model],
            corpus=[made["corpus"]],
            **({"before": [found]} if found else {}),
        )
        if settled(run, found):
            break
        if not taught(run, found):
            terminal.say(
                "  interrogate: the model knows nothing, or everything: there is nothing to teach"
            )
            break
        model = run.train(
            tuning.STAGE,
            config.interrogated,
            f"fine-tune {config.interrogated.loop.steps:,} steps on what it knows",
            base=[made["sft"]],
            conversations=[*(made[name] for name in SOURCES if name in made), found],
            **({"tokens": [made["tokens"]]} if "tokens" in made else {}),
        )
        ui.curves(run.lake, model)
    if found is None or model is made["sft"]:
        return made
    return run.hand_over(made, interrogation=found, interrogated=model)


def settled(run: Run, found: Reference) -> bool:
    """Whether hardly a label is another than in the round before."""
    changed = run.lake.manifest(found["kind"], found["digest"]).statistics["changed"]
    return changed is not None and bool(changed <= run.config.interrogation.settled_share)


def taught(run: Run, found: Reference) -> bool:
    """Whether an interrogation has conversations to learn from."""
    statistics = run.lake.manifest(found["kind"], found["digest"]).statistics
    return bool(statistics["conversations"])
