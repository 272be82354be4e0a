"""Settings of the embedded sample web: how much of the fictional world is written, from which seed.

The defaults are those of preset `demo`; about 350 pages and 30 entities (preset `ci`) still hold
every kind of page. Shares of page kinds live in page_counts.py, next to the pages they are about.
"""

import dataclasses

from pipeline import ranges

MINIMUM_PAGES = 250


@dataclasses.dataclass(frozen=True)
class SampleWebConfig:
    """The same values give the same bytes."""

    seed: int = 1
    pages: int = 4_400  # response records; at least 250, or some kinds of page would be missing
    hosts: int = 64  # at least 48; the planted blocked hosts and mirrors are counted
    warc_files: int = 4  # pages are spread over them as a crawler would
    entities: int = 160  # people, towns, rivers and companies with facts; at least 24
    mentions: int = 42  # statements aimed at for a fact stated often; at least 28 (20 guaranteed)
    pii_share: float = 0.06  # of kept English pages: those that hold planted personal data

    def __post_init__(self) -> None:
        ranges.check(self, shares="pii_share")
        ranges.refuse(
            self,
            (
                self.pages < MINIMUM_PAGES,
                f"pages: {self.pages}: the sample web needs {MINIMUM_PAGES} or more",
            ),
            (
                not 1 <= self.warc_files <= self.pages,
                f"warc_files: {self.warc_files}: at least 1, at most one a page",
            ),
        )
