"""What people bring: a base model of their own, a chat model, files of conversations.

Their files' hashes are in the digests, so that a changed file is another artifact.
"""

import dataclasses
from pathlib import Path

from flows import brought_files
from flows.config import RunConfig
from flows.inputs import hashed
from flows.runner import terminal
from flows.runner.flow_run import Artifacts, Run
from flows.runner.references import Reference, reference
from pipeline.crawl.source import cache_folder
from pipeline.export import imported_base
from pipeline.model import hf_config
from pipeline.sft import imported_conversations
from storage.errors import UserError
from storage.file_hashes import NAME, Hashes
from storage.json_object import read_object

MODELS = ("base", "extended", "sft", "interrogated", "rl", "rlhf")


def wants_corpus(config: RunConfig) -> bool:
    """Whether pages are needed: not where model and conversations are given, and no crawl is.

    Otherwise conversations are synthesized from pages, or a model is pretrained on them, and pages
    are mixed in against forgetting.
    """
    given = config.input
    return not (given.base and given.conversations) or bool(given.paths)


def base(run: Run) -> Artifacts:
    """The base model of `input.base` and its tokenizer, as the stages after it take them."""
    found = model(run, "base", run.config.input.base)
    terminal.say(f"  base: {run.config.input.base} instead of pretraining")
    if found["kind"] == "base":
        run.hand_over({}, base=found)
    return {"base": found, "tokenizer": found}


def model(run: Run, key: str, name: str) -> Reference:
    """The model behind a path, or an artifact of the lake by its digest.

    Args:
        run: of the flow.
        key: of `input`, for messages.
        name: folder, .gguf file or digest.
    """
    if brought_files.is_digest(name):
        manifest = run.lake.manifest(None, name)
        if manifest.kind not in MODELS:
            raise UserError(f"input.{key}: {name} is a {manifest.kind}, no model")
        return reference(manifest, run.lake)
    files = [hashed(file, _hashes(run)) for file in brought_files.model_files(key, name)]
    config = imported_base.ImportedBaseConfig()
    return run.make(imported_base.STAGE, config, f"model {Path(name).name}", files=files)


def context_of(run: Run, found: Reference) -> int:
    """The most tokens that a model reads at once."""
    manifest = run.lake.manifest(found["kind"], found["digest"])
    return hf_config.from_hf(read_object(run.lake.local_file(manifest, "config.json"))).max_context


def conversations(run: Run, made: Artifacts) -> Artifacts:
    """The conversations of `input.conversations`, if there are any."""
    named = run.config.input.conversations
    if not named:
        return {}
    files = [hashed(file, _hashes(run)) for file in brought_files.find(named)]
    config = run.config.imported_conversations
    if not config.max_tokens:
        config = dataclasses.replace(config, max_tokens=context_of(run, made["base"]))
    found = run.make(
        imported_conversations.STAGE,
        config,
        f"conversations of {len(files)} files" if len(files) > 1 else files[0].path.name,
        files=files,
        tokenizer=[made["tokenizer"]],
    )
    return {"imported_conversations": found}


def _hashes(run: Run) -> Hashes:
    return Hashes(cache_folder(run.config.download).parent / NAME)
