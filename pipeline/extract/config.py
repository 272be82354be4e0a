"""How main text is extracted from a page, and the limits on one page.

Two engines: "blocks" is ours (segment, classify, render) with trafilatura for the few pages on
which the classifier is unsure; "trafilatura" is FineWeb's, with FineWeb's settings, for parity.
"""

import dataclasses

from pipeline import ranges

MIB = 1024 * 1024
GIB = 1024 * MIB
ENGINES = ("blocks", "trafilatura")


@dataclasses.dataclass(frozen=True)
class ExtractConfig:
    """The engine and its switches, trafilatura's as FineWeb sets them, then the caps on a page."""

    engine: str = "blocks"  # or "trafilatura"
    # Below this confidence of the block classifier (the F1 it promises) the text is trafilatura's;
    # 0 = never. Asking more often costs: -0.001 in F1 at 0.5, -0.013 at 0.6 (learn/README.md).
    fallback_confidence: float = 0.4
    # trafilatura takes minutes on some large hostile pages: above this size it is not asked.
    fallback_max_html_bytes: int = 1 * MIB
    comments: bool = False  # readers' comments; FineWeb leaves them out
    title: bool = False  # the headline as the first line; the text alone is the default
    favor_precision: bool = True  # trafilatura's, as in FineWeb
    # trafilatura's, as in FineWeb; within a page only, see trafilatura_engine.py
    deduplicate: bool = True
    # Nesting of elements: browsers (Blink) flatten what is deeper, and so do we.
    max_depth: int = 512
    # Blocks of text in a page; what follows is cut. Whole books have about 20,000.
    max_blocks: int = 200_000
    # A page takes 0.3 ms (blocks) or 12 ms (trafilatura) in the mean, so these mean "never", and a
    # busy machine does not decide which pages are kept. FineWeb's code gives a page 1 s.
    timeout_cpu_seconds: float = 20.0
    # for what waits without computing
    timeout_wall_seconds: float = 120.0
    # A page whose time ran out is tried once more when its file is done, with so many times as much
    last_try_times: float = 3.0
    max_memory_bytes: int = 3 * GIB  # address space of the extracting process

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero="max_depth max_blocks",
            shares="fallback_confidence",
            at_least={"last_try_times": 1},
            at_most={"max_depth": 100_000},
            one_of={"engine": ENGINES},
        )
