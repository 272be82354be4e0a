"""The command `export`: a model of the lake, or a folder or file, for other programs."""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from flows.cli import output
from flows.cli.models import MODELS, find_model, finished
from storage import Lake

REWARD_MODEL = "reward_model"  # gives scores and no answers, so no other command takes it


def export(chosen: argparse.Namespace) -> int:
    """Write it, and say what was written and how well it agrees."""
    from pipeline.export import export as write

    lake = Lake(chosen.lake)
    asked = chosen.model or finished(lake)
    source = find_model(lake, asked, (REWARD_MODEL,))
    name = chosen.name or _name(asked, source)
    report = write(
        source, Path(chosen.out), chosen.format, chosen.type, name, measure=not chosen.no_check
    )
    if chosen.json:
        output.document(dataclasses.asdict(report) | {"path": str(report.path), "name": name})
        return 0
    print(f"{report.path}: {report.parameters:,} parameters, {report.bytes / 1e6:.1f} MB")
    for what, found in (
        (f"as {report.type} against the model", report.stored),
        ("transformers against crawl2chat", report.transformers),
    ):
        if found is not None:
            print(f"{what}: {_said(found)}")
    if not chosen.no_check and report.format == "hf" and report.transformers is None:
        print("transformers against crawl2chat: not measured, transformers is not installed")
    return 0


def _said(found: Any) -> str:
    if hasattr(found, "spread"):  # of a reward model
        return (
            f"scores differ by at most {found.max_error:.2g} over {found.conversations}"
            f" conversations (their own deviation: {found.spread:.2g})"
        )
    return (
        f"logits differ by at most {found.max_error:.2g} over {found.tokens:,} tokens, the same "
        f"most likely token in {found.same_choice:.2%}, {found.bits_lost:.2g} bits a token lost"
    )


def _name(asked: str, source: Path) -> str:
    if asked in (*MODELS, REWARD_MODEL):
        return f"crawl2chat-{asked}"
    return source.stem if source.is_file() else source.name
