"""Caps on one record of a web archive: its bytes, its inflated size and its headers.

A crawl is hostile input: a few kilobytes of gzip can inflate to gigabytes, and a header without an
end would be read for ever. A record above a cap becomes a row of the ledger, never a crash.
"""

import dataclasses

from pipeline import ranges

MIB = 1024 * 1024


@dataclasses.dataclass(frozen=True)
class LimitsConfig:
    """Sizes in bytes."""

    # of a decoded page; Common Crawl itself cuts bodies at 1 MiB, since 2025 at 5 MiB
    max_html_bytes: int = 5 * MIB
    # of one WARC record, headers included; larger ones are dropped unread
    max_record_bytes: int = 64 * MIB
    # of what one gzip member may inflate to: a member is one record in well-made files, a whole
    # file in badly made ones
    max_member_bytes: int = 16 * 1024 * MIB
    max_header_bytes: int = 256 * 1024  # of a record's own headers, and of its HTTP headers

    def __post_init__(self) -> None:
        ranges.check(self)
