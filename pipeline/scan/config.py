"""The recipe of the pass over a WARC: limits, gates, and what is measured.

It stores signals and knows no threshold of a filter: those are selection's (`pipeline.corpus`).
"""

import dataclasses

from pipeline import ranges
from pipeline.crawl.limits import LimitsConfig
from pipeline.dedup.config import MinhashConfig
from pipeline.extract.config import ExtractConfig
from pipeline.filters.measure import SignalsConfig
from pipeline.filters.url import UrlConfig


@dataclasses.dataclass(frozen=True)
class GateConfig:
    """What a page must show on cheap plain text before its main text is worth extracting.

    A page that fails is gone for good, whatever is selected later; so the bounds are wide. Of
    16,395 pages of a crawl the recipe keeps 2,992: 2,991 of those pass, and 45% of the others are
    spared extraction (tests/benchmarks/gates.py).
    """

    languages: tuple[str, ...] = ("en",)  # ISO 639 codes as lid.176 names them; () = all pass
    # of any wanted language on a sample of the plain text; main text is asked for 0.65 (FineWeb)
    min_language_score: float = 0.1
    # of the plain text and of the main text. 50 words, the least Gopher asks for, are no less.
    min_text_characters: int = 50

    def __post_init__(self) -> None:
        ranges.check(self, shares="min_language_score")


@dataclasses.dataclass(frozen=True)
class ScanConfig:
    """The pass over one WARC, in the order in which a page meets its parts."""

    limits: LimitsConfig = dataclasses.field(default_factory=LimitsConfig)
    url: UrlConfig = dataclasses.field(default_factory=UrlConfig)
    gate: GateConfig = dataclasses.field(default_factory=GateConfig)
    extract: ExtractConfig = dataclasses.field(default_factory=ExtractConfig)
    signals: SignalsConfig = dataclasses.field(default_factory=SignalsConfig)
    minhash: MinhashConfig = dataclasses.field(default_factory=MinhashConfig)

    def __post_init__(self) -> None:
        ranges.check(self)
