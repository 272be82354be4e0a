"""A model that somebody else trained, as an artifact to go on from.

In: the files of a Hugging Face folder of family qwen3, llama or gpt2, or one .gguf file. Out: the
model folder that SFT, RL and evaluation load: a folder's files as they are, a GGUF file converted
(weights in float32). It is loaded once to see that it can be.
"""

import dataclasses
import shutil
from pathlib import Path
from typing import TypedDict

from pipeline import model as models
from pipeline import ranges
from pipeline.export import gguf_read
from pipeline.model.hf_weights import INDEX
from pipeline.stage import Progress, Stage
from pipeline.tokenizer.special import CONVERSATION_TOKENS
from storage.errors import UserError
from storage.json_object import read_object

WEIGHTS = "model.safetensors"
# What is read of a folder beside the weights; the first two must be there.
SMALL_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json")
REQUIRED = 2


@dataclasses.dataclass(frozen=True)
class ImportedBaseConfig:
    """Nothing is chosen: the files are the model."""

    def __post_init__(self) -> None:
        ranges.check(self)


class ImportedBaseInputs(TypedDict):
    """The files, all of one folder, or one .gguf file."""

    files: list[Path]


class ImportedBaseStatistics(TypedDict):
    """Of a `base` artifact that was not trained here."""

    family: str
    parameters: int
    vocabulary: int  # rows of the embedding
    max_context: int  # tokens
    conversation_tokens: list[str]  # those that it has; the others are added before fine-tuning


def files_of(path: Path) -> list[Path]:
    """The files that a model consists of; none is read but config and index.

    Args:
        path: a folder, or a .gguf file.

    Raises:
        UserError: it is neither, or one is missing.
    """
    if path.is_file() and path.suffix == gguf_read.SUFFIX:
        return [path]
    if not path.is_dir():
        raise UserError(f"no model at {path}: name a Hugging Face folder or a .gguf file")
    index = path / INDEX
    weights = [path / WEIGHTS]
    if index.is_file():
        named = read_object(index).get("weight_map")
        if not isinstance(named, dict) or not all(isinstance(n, str) for n in named.values()):
            raise UserError(f"{index} has no weight_map from tensors to files")
        parts = sorted(set(named.values()))
        if odd := [name for name in parts if Path(name).name != name]:
            raise UserError(f"{index} names a file outside of its folder: {odd[0]}")
        weights = [index, *(path / name for name in parts)]
    small = [path / name for name in SMALL_FILES]
    needed = [*small[:REQUIRED], *weights]
    missing = [file for file in needed if not file.is_file()]
    if missing:
        raise UserError(
            f"{path} is no model folder: {missing[0].name} is missing (it holds config.json,"
            f" tokenizer.json and {WEIGHTS}, or its parts with {INDEX})"
        )
    return [file for file in small if file.is_file()] + weights


def build(
    out: Path,
    inputs: ImportedBaseInputs,
    config: ImportedBaseConfig,
    progress: Progress,
    scratch: Path,
) -> ImportedBaseStatistics:
    """The stage behind `input.base`."""
    files = inputs["files"]
    if files[0].suffix == gguf_read.SUFFIX:
        gguf_read.to_folder(files[0], out)
    else:
        for file in files:
            shutil.copyfile(file, out / file.name)
    model, tokenizer = models.load(out)
    own = [name for name in CONVERSATION_TOKENS if name in tokenizer.special_tokens]
    shape = model.config
    progress.note(
        f"base: {shape.family}, {model.parameter_count:,} parameters,"
        f" context {shape.max_context:,}, conversation tokens: {', '.join(own) or 'none yet'}"
    )
    return {
        "family": shape.family,
        "parameters": model.parameter_count,
        "vocabulary": shape.vocab_size,
        "max_context": shape.max_context,
        "conversation_tokens": own,
    }


STAGE = Stage("base", 1, ImportedBaseConfig, build)
