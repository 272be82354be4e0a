"""The two recipes of the corpus: one for the pass over a WARC, one for joining its parts.

Each filter owns the dataclass of its thresholds; here they are only put together. They are two
configs so that a change of what comes after the pass (dedup, personal data, split) leaves the
parts, which are nearly all of the work, as they are.
"""

import dataclasses

from pipeline.crawl.limits import LimitsConfig
from pipeline.dedup.minhash import MinhashConfig
from pipeline.extract.config import ExtractConfig
from pipeline.filters.c4 import C4Config
from pipeline.filters.fineweb import FinewebConfig
from pipeline.filters.language import LanguageConfig
from pipeline.filters.pii import PiiConfig
from pipeline.filters.quality import GopherQualityConfig
from pipeline.filters.repetition import RepetitionConfig
from pipeline.filters.url import UrlConfig


@dataclasses.dataclass(frozen=True)
class CorpusConfig:
    """The pass over one WARC, in the order in which a page meets the filters."""

    # the named recipe this one follows; `recipes.deviations` lists where it does not
    recipe: str = "fineweb-code"
    limits: LimitsConfig = dataclasses.field(default_factory=LimitsConfig)
    url: UrlConfig = dataclasses.field(default_factory=UrlConfig)
    extract: ExtractConfig = dataclasses.field(default_factory=ExtractConfig)
    language: LanguageConfig = dataclasses.field(default_factory=LanguageConfig)
    repetition: RepetitionConfig = dataclasses.field(default_factory=RepetitionConfig)
    quality: GopherQualityConfig = dataclasses.field(default_factory=GopherQualityConfig)
    c4: C4Config = dataclasses.field(default_factory=C4Config)
    fineweb: FinewebConfig = dataclasses.field(default_factory=FinewebConfig)
    minhash: MinhashConfig = dataclasses.field(default_factory=MinhashConfig)


@dataclasses.dataclass(frozen=True)
class SplitConfig:
    """Which hosts are held out: whole hosts, so that no site's furniture is in both splits."""

    validation_fraction: float = 0.02  # of the hosts
    salt: str = "crawl2chat"  # hashed with the host's name; another salt holds out other hosts


@dataclasses.dataclass(frozen=True)
class AssembleConfig:
    """What happens once, over the pages of all WARCs; MinHash's settings come with the parts."""

    # drop pages whose text is the same but for case and spacing, before MinHash (FineWeb has
    # MinHash alone, which finds them too; so the ledger tells copies from near-copies)
    exact: bool = True
    pii: PiiConfig = dataclasses.field(default_factory=PiiConfig)
    split: SplitConfig = dataclasses.field(default_factory=SplitConfig)
