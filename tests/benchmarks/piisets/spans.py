"""What a finder that only gives back text replaced, as spans of the text it was given."""

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from tests.benchmarks.piisets.planted import Planted

Replace = Callable[[str], tuple[str, Mapping[str, int]]]
OFTEN = 3  # different values that became the same text: then that is the placeholder


@dataclasses.dataclass(frozen=True)
class Span:
    start: int
    end: int
    kind: str


def middle(item: Planted, out: str) -> str | None:
    """What stands where the value stood, if all around it is untouched."""
    before, after = item.text[: item.start], item.text[item.end :]
    if len(out) < len(before) + len(after) or not (out.startswith(before) and out.endswith(after)):
        return None
    return out[len(before) : len(out) - len(after)]


def learn_placeholders(items: Iterable[Planted], replace: Replace) -> dict[str, str]:
    """Placeholder to kind, from what many different values became."""
    seen: dict[str, Counter[str]] = {}
    for item in items:
        out, counts = replace(item.text)
        found = middle(item, out)
        if found and found != item.value and counts.get(item.kind) == sum(counts.values()) == 1:
            seen.setdefault(item.kind, Counter())[found] += 1
    placeholders: dict[str, str] = {}
    for kind, becomes in seen.items():
        kept: list[str] = []
        for text in sorted((t for t, n in becomes.items() if n >= OFTEN), key=len):
            if not any(shorter in text for shorter in kept):  # a value replaced only in part
                kept.append(text)
        placeholders |= dict.fromkeys(kept, kind)
    return placeholders


def replaced(text: str, out: str, placeholders: Mapping[str, str]) -> list[Span] | None:
    """The spans of `text` that became placeholders in `out`; None if that cannot be told."""
    if text == out:
        return []
    alternatives = "|".join(re.escape(p) for p in sorted(placeholders, key=len, reverse=True))
    pieces = re.split(f"({alternatives})", out)
    pattern = "".join(
        "(.+?)" if number % 2 else re.escape(piece) for number, piece in enumerate(pieces)
    )
    match = re.fullmatch(pattern, text, re.DOTALL)
    if match is None:
        return None
    spans = []
    for number, placeholder in enumerate(pieces[1::2], start=1):
        if match[number] != placeholder:  # else it stood in the text itself
            spans.append(Span(match.start(number), match.end(number), placeholders[placeholder]))
    return spans
