"""`crawl2chat complete`: go on with a page; `--top` shows what each step chose from."""

import argparse
import json
import math
from collections.abc import Iterable
from typing import Any

from flows.cli import output
from flows.cli.chosen_voice import chosen_voice, sampling_of
from flows.cli.voice import TokenChoice, TokenStep

WIDTH = 18  # columns of a token, so that what follows it stands in a column


def complete(chosen: argparse.Namespace) -> int:
    """Go on with a page."""
    voice = chosen_voice(chosen, lambda lake: "base", talks=False)
    if chosen.top:
        steps = voice.steps(chosen.text, sampling_of(chosen), chosen.top)
        show_steps(chosen.text, steps, as_json=chosen.json)
        return 0
    pieces = voice.complete(chosen.text, sampling_of(chosen))
    if chosen.json:
        output.document({"prompt": chosen.text, "completion": "".join(pieces)})
        return 0
    output.said(chosen.text, end="")
    for piece in pieces:
        output.said(piece, end="")
    print(flush=True)
    return 0


def show_steps(text: str, steps: Iterable[TokenStep], *, as_json: bool) -> None:
    """Each token with those in its place, as it comes; then the page.

    Args:
        text: how the page begins.
        steps: of its continuation.
        as_json: one document instead.
    """
    seen: list[TokenStep] = []
    for step in steps:
        seen.append(step)
        if not as_json:
            output.said(line_of(step))
    written = b"".join(step.drawn.raw for step in seen if not step.ends)
    completion = written.decode("utf-8", "replace")
    if as_json:
        output.document(
            {
                "prompt": text,
                "completion": completion,
                "steps": [
                    {**_row(step.drawn), "likely": [_row(choice) for choice in step.likely]}
                    for step in seen
                ],
            }
        )
    else:
        output.said(f"\n{text}{completion}")


def line_of(step: TokenStep) -> str:
    """A step in one line: how likely its token was, and the most likely ones."""
    likely = "  ".join(f"{_shown(choice)} {_percent(choice)}" for choice in step.likely)
    return f"{_percent(step.drawn):>6}  {_shown(step.drawn):<{WIDTH}}  {likely}"


def _shown(choice: TokenChoice) -> str:
    """A token, its spaces and line ends visible; in hex where it is no text."""
    if choice.text is None:
        return f"<{choice.raw.hex()}>"
    return json.dumps(choice.text, ensure_ascii=False)


def _percent(choice: TokenChoice) -> str:
    return f"{math.exp(choice.logprob):.1%}"


def _row(choice: TokenChoice) -> dict[str, Any]:
    """A token for programs."""
    return {
        "id": choice.id,
        "text": choice.text,
        "bytes": choice.raw.hex(),
        "probability": math.exp(choice.logprob),
    }
