"""The recipes of the corpus behind the pass: selection, and what joins the parts.

Each filter owns the dataclass of its thresholds; here they are only put together. The pass has its
own (`pipeline.scan.config`), dedup too: each is a stage of its own, so that a change of a threshold
selects again without opening a WARC.
"""

import dataclasses

from pipeline import ranges
from pipeline.filters.c4 import C4Config
from pipeline.filters.decontamination import DecontaminationConfig
from pipeline.filters.fineweb import FinewebConfig
from pipeline.filters.gopher_quality import GopherQualityConfig
from pipeline.filters.language import LanguageConfig
from pipeline.filters.pii import PiiConfig
from pipeline.filters.repetition import RepetitionConfig
from pipeline.filters.toxicity import ToxicityConfig
from storage.tables import FILE_BYTES


@dataclasses.dataclass(frozen=True)
class SelectConfig:
    """Which of the measured pages are kept: thresholds on stored signals."""

    # the filters that decide, in this order: also toxicity, learned. Signals are stored of all.
    filters: tuple[str, ...] = ("language", "repetition", "gopher_quality", "c4", "fineweb")
    language: LanguageConfig = dataclasses.field(default_factory=LanguageConfig)
    repetition: RepetitionConfig = dataclasses.field(default_factory=RepetitionConfig)
    gopher_quality: GopherQualityConfig = dataclasses.field(default_factory=GopherQualityConfig)
    c4: C4Config = dataclasses.field(default_factory=C4Config)
    fineweb: FinewebConfig = dataclasses.field(default_factory=FinewebConfig)
    toxicity: ToxicityConfig = dataclasses.field(default_factory=ToxicityConfig)
    # of the learned quality model, 0..1
    min_quality_score: float = 0.0
    # keep the best by that score, of the pages that every other filter keeps: 0.1 is DCLM's tenth
    best_fraction: float = 1.0
    # the page's language's own thresholds where `pipeline.filters.languages` has them (FineWeb-2)
    per_language: bool = False

    def __post_init__(self) -> None:
        fields = dataclasses.fields(self)
        with_thresholds = [f.name for f in fields if dataclasses.is_dataclass(f.default_factory)]
        ranges.check(
            self,
            above_zero="best_fraction",
            shares="min_quality_score best_fraction",
            one_of={"filters": (*with_thresholds, "learned")},
        )


@dataclasses.dataclass(frozen=True)
class SplitConfig:
    """Which hosts are held out: whole hosts, so that no site's furniture is in both splits."""

    validation_fraction: float = 0.02  # of the hosts
    salt: str = "crawl2chat"  # hashed with the host's name; another salt holds out other hosts

    def __post_init__(self) -> None:
        ranges.check(self, shares="validation_fraction")


@dataclasses.dataclass(frozen=True)
class CorpusConfig:
    """What happens to the pages that are left."""

    pii: PiiConfig = dataclasses.field(default_factory=PiiConfig)
    # against evaluation sets, where any are given as benchmarks
    decontamination: DecontaminationConfig = dataclasses.field(
        default_factory=DecontaminationConfig
    )
    split: SplitConfig = dataclasses.field(default_factory=SplitConfig)
    # of a Parquet file of ledger or corpus: it is ended at the row group that reaches it
    max_file_bytes: int = FILE_BYTES

    def __post_init__(self) -> None:
        ranges.check(self, above_zero="max_file_bytes")
