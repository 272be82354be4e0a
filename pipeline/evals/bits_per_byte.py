"""Bits per byte of unseen pages: how well the model predicts text, whatever its vocabulary.

In: measured validation pages. Out: one row for all of them, and rows by domain: by language, and by
host for the hosts with the most text, the others together. A language or group of hosts with fewer
than `MIN_PAGES` pages counts among the others: its interval would say nothing.
"""

from collections.abc import Callable

from pipeline.evals.asking import Scores
from pipeline.evals.config import EvalConfig
from pipeline.evals.pages import Measured, Page

MIN_PAGES = 5


def measure(measured: Measured, config: EvalConfig, scores: Scores) -> None:
    """All validation pages together."""
    if measured.pages:
        scores.rows.append(
            measured.row("bits_per_byte", "validation", config.bootstrap_samples, config.seed)
        )


def by_domain(measured: Measured, config: EvalConfig, scores: Scores) -> None:
    """The same pages by language and by host, the largest groups first."""
    kinds: list[tuple[str, Callable[[Page], str]]] = [
        ("language", lambda page: page.language),
        ("host", lambda page: page.host),
    ]
    for kind, key in kinds:
        for name, chosen in groups(measured, key, config.domains).items():
            scores.rows.append(
                measured.of(chosen).row(
                    "domains", f"{kind}/{name}", config.bootstrap_samples, config.seed
                )
            )


def groups(measured: Measured, key: Callable[[Page], str], most: int) -> dict[str, list[int]]:
    """Page numbers by a property, by bytes; what is small or unnamed is "others"."""
    found: dict[str, list[int]] = {}
    for number, page in enumerate(measured.pages):
        found.setdefault(key(page), []).append(number)
    sizes = {name: int(measured.bytes[chosen].sum()) for name, chosen in found.items()}
    large = [name for name in found if name and len(found[name]) >= MIN_PAGES]
    large = sorted(large, key=lambda name: (-sizes[name], name))[:most]
    kept = {name: found[name] for name in large}
    others = sorted(number for name in found if name not in kept for number in found[name])
    return {**kept, "others": others} if others and kept else kept
