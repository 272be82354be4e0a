"""One model written for other programs, and what was measured of it.

In: a model (a folder of Hugging Face's layout or a .gguf file), a target, a format and a type. Out:
the folder or file, and a report: sizes, and how far the logits of what was written are from the
model's own (read back here; for a folder also run by transformers, if installed).
"""

import dataclasses
import tempfile
from pathlib import Path

from pipeline import model as models
from pipeline.export import card, gguf_read, gguf_write, huggingface
from pipeline.export.agreement import Agreement, agreement, probe, transformers_logits
from pipeline.export.reward_export import RewardReport, export_reward_model, is_reward_folder
from storage.errors import UserError

TYPES = {"hf": tuple(huggingface.TYPES), "gguf": tuple(gguf_write.TYPES)}
DEFAULT_TYPE = {"hf": "f32", "gguf": "f16"}


@dataclasses.dataclass(frozen=True)
class Report:
    """What was written and how well it agrees with the model; None: not measured."""

    path: Path
    format: str
    type: str
    bytes: int
    parameters: int
    tensors: dict[str, int]  # how many of each type; empty for a folder, which has one
    stored: Agreement | None  # the model against what was stored, both run here
    transformers: Agreement | None  # what was stored, run here and by transformers


def export(
    source: Path, out: Path, format: str, kind: str | None, name: str, measure: bool = True
) -> Report | RewardReport:
    """Write a model for other programs.

    Args:
        source: a model folder, a reward model's among them, or a .gguf file.
        out: the target.
        format: a key of TYPES.
        kind: the weights' type, one of TYPES[format]; None: DEFAULT_TYPE[format].
        name: of the model, for people and for the file.
        measure: whether to compare logits.

    Raises:
        UserError: the format or type is unknown, the model can't be written, or `out` is in use.
    """
    if format not in TYPES:
        raise UserError(f"unknown format {format!r}: one of {', '.join(TYPES)}")
    kind = kind or DEFAULT_TYPE[format]
    if kind not in TYPES[format]:
        raise UserError(f"format {format} holds {', '.join(TYPES[format])}, not {kind}")
    if is_reward_folder(source):
        if format != "hf":
            raise UserError(f"a reward model has no form in {format}: use --format hf")
        _check_target(source, out)
        return export_reward_model(source, out, kind, name, measure)
    if format == "hf":
        return _folder(source, out, kind, name, measure)
    return _gguf(source, out, kind, name, measure)


def _folder(source: Path, out: Path, kind: str, name: str, measure: bool) -> Report:
    _check_target(source, out)
    model, tokenizer = gguf_read.load(source)
    written = huggingface.write(model, tokenizer, out, kind)
    stored, run = None, None
    if measure:
        tokens = probe(model)
        again, _ = models.load(out)
        stored = agreement(model, again, tokens)
        theirs = transformers_logits(out)
        run = None if theirs is None else agreement(again, theirs, tokens)
    report = Report(out, "hf", kind, written.bytes, written.parameters, {}, stored, run)
    text = card.text(name, model.config, tokenizer, kind, stored, run)
    (out / card.FILE).write_text(text, encoding="utf-8")
    return report


def _gguf(source: Path, out: Path, kind: str, name: str, measure: bool) -> Report:
    file = out if out.suffix == gguf_read.SUFFIX else out / f"{name}-{kind}{gguf_read.SUFFIX}"
    if file.exists() and source.exists() and file.samefile(source):
        raise UserError(f"{file} is the model itself: name another file")
    with tempfile.TemporaryDirectory(prefix="crawl2chat-export-") as made:
        folder = source
        if source.suffix == gguf_read.SUFFIX:
            folder = Path(made)
            gguf_read.to_folder(source, folder)
        written = gguf_write.write(folder, file, kind, name)
        stored = None
        if measure:
            model, _ = models.load(folder)
            stored = agreement(model, gguf_read.load(file)[0], probe(model))
    return Report(
        file, "gguf", kind, written.bytes, written.parameters, written.tensors, stored, None
    )


def _check_target(source: Path, out: Path) -> None:
    """Refuse a folder that exists and is not an earlier export, so that nothing is overwritten."""
    if out.is_file():
        raise UserError(f"{out} is a file: --out names a folder for format hf")
    if (out / "manifest.json").exists() or (source.is_dir() and out.resolve() == source.resolve()):
        raise UserError(f"{out} is a model of the lake or the model itself: name another folder")
    if out.is_dir() and any(out.iterdir()) and not (out / card.FILE).is_file():
        raise UserError(f"{out} holds something else: name a new or empty folder")
