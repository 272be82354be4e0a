"""What each stage changed: the same questions to the base, the fine-tuned, the interrogated and the
reinforced model, and to the one that was optimised for preferences. With files of in-context tasks
(input.tasks) also DCLM's CORE and nanochat's ChatCORE.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from prefect import flow

from flows.config import Settings, load, settle
from flows.interrogate import SOURCES
from flows.rlhf import rlhf
from flows.runner import ui
from flows.runner.flow_run import LAKE, Artifacts, Run, begin, run_name
from flows.runner.references import InputFile, Reference, reference
from flows.runner.work import Input
from pipeline.curriculum import gsm8k
from pipeline.evals import chat_core_files, core, refusals_suite
from pipeline.evals import evaluate as stage
from pipeline.evals.icl_files import ENDINGS
from storage.errors import UserError
from storage.file_hashes import hash_now

Model = Literal["base", "sft", "interrogated", "rl", "rlhf"]
MODELS: tuple[Model, ...] = ("base", "sft", "interrogated", "rl", "rlhf")
OPTIONAL = ("interrogated", "rlhf")  # measured where there is one
# By the kind of a model that another chat model was trained on to: under which input it stands.
CONTINUED = {"rlhf": "model", "rl": "sft", "interrogated": "base"}
# An imported chat model is a `base`.
CONTINUED_KINDS = ("sft", "interrogated", "rl", "rlhf", "base")
# A tuned model's inputs, and the kinds of artifact that they may be.
BEGINNINGS = {
    "base": ("base", "extended", "sft", "interrogated", "rl", "rlhf"),
    "conversations": SOURCES,
}


@flow(name="evaluate", flow_run_name=run_name)
def evaluate(
    config: Settings = load(),  # noqa: B008
    lake: str = LAKE,
    made: Artifacts | None = None,
    models: tuple[Model, ...] = MODELS,
) -> Artifacts:
    """Measure models, with n and intervals.

    Args:
        config: every setting; what is left out comes from the preset
        lake: folder or s3:// URL that holds the artifacts
        made: artifacts to start from; empty: all models are made or found first
        models: which stages' models are measured; interrogated and rlhf, where there is one
    """
    made = made or rlhf(config, lake)
    if "corpus" not in made:
        raise UserError("evaluate asks for pages: name a crawl (--input, or input.paths)")
    run = begin(config, lake)
    given: dict[str, Sequence[Input]] = {}
    if "crawl" in made:  # the sample web has its facts; of a real crawl nobody knows what is true
        given["crawl"] = [made["crawl"]]
    # What RL learns from is no suite's.
    tasks = [f for f in task_files(config.input.tasks) if f.path.name not in gsm8k.NAMES]
    settings = config.evals
    if tasks:
        given["tasks"] = tasks
        if "core" not in settings.suites and asks_core(tasks):
            settings = dataclasses.replace(settings, suites=(*settings.suites, "core"))
    scores = {}
    for model in models:
        if model in OPTIONAL and model not in made:
            continue
        optimised: dict[str, Sequence[Input]] = {}
        if model == "rlhf" and "reward_model" in made:  # the others are measured before it is there
            optimised["reward_model"] = [made["reward_model"]]
        scores[f"evals.{model}"] = run.make(
            stage.STAGE,
            settle(dataclasses.replace(settings, model=model)),
            f"evaluate {model}",
            model=[made[model]],
            corpus=[made["corpus"]],
            **given,
            **optimised,
            **began_with(run, made[model]),
        )
    made = run.hand_over(made, **scores)
    ui.scores(run.lake, [made[f"evals.{m}"] for m in MODELS if f"evals.{m}" in made])
    return made


def began_with(run: Run, model: Reference) -> dict[str, list[Input]]:
    """What a tuned model began with: its base and its conversations, for what it forgot, and the
    chat model before it was interrogated or reinforced, for its honesty (`before`).

    By its own manifests: the lake's newest base may be another one. Of base and conversations
    nothing where one of them is not in the lake any more, and nothing at all where a model between
    is not.
    """
    first = run.lake.manifest(model["kind"], model["digest"])
    manifest = first
    while CONTINUED.get(manifest.kind) in manifest.inputs:
        (earlier,) = manifest.inputs[CONTINUED[manifest.kind]]
        kind = _kind(run, CONTINUED_KINDS, earlier)
        if kind is None:
            return {}
        manifest = run.lake.manifest(kind, earlier)
    before: dict[str, list[Input]] = {}
    if manifest is not first:
        before["before"] = [reference(manifest, run.lake)]
    found: dict[str, list[Input]] = {}
    for name, kinds in BEGINNINGS.items():
        for digest in manifest.inputs.get(name, []):
            kind = _kind(run, kinds, digest)
            if kind is None:
                return before
            source = reference(run.lake.manifest(kind, digest), run.lake)
            found.setdefault(name, []).append(source)
    return {**before, **(found if found.keys() == BEGINNINGS.keys() else {})}


def _kind(run: Run, kinds: Sequence[str], digest: str) -> str | None:
    """Of which of the kinds the lake holds such an artifact, None where it holds none."""
    return next((kind for kind in kinds if run.lake.is_whole(kind, digest)), None)


def asks_core(tasks: Sequence[InputFile]) -> bool:
    """Whether files of tasks are a reason to ask for CORE: not if all are of other suites."""
    files = [file.path for file in tasks]
    others = chat_core_files.has_any(files) or bool(refusals_suite.named(files))
    return core.has_any(files) or not others


def task_files(named: Sequence[str]) -> list[InputFile]:
    """The files of in-context tasks behind paths and folders, with their hashes."""
    files: list[Path] = []
    for name in named:
        path = Path(name).expanduser().resolve()
        inside = (
            [f for f in sorted(path.iterdir()) if f.name.endswith(ENDINGS)] if path.is_dir() else []
        )
        if not inside and not path.is_file():
            raise UserError(f"input.tasks: no {' or '.join(ENDINGS)} file at {name}")
        files += inside or [path]
    return [InputFile(file, *hash_now(file)) for file in files]
