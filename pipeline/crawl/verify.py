"""Whether a fetched web archive is sound: gzip members to the end, and the digests of its records.

A right length proves little: a server may give a wrong one, a mirror may have half a file. Every
gzip member has a checksum, so members that inflate from the first byte to the last are unchanged. A
record whose own WARC-Block-Digest is wrong inside a sound member was wrong before we fetched it: it
is counted and reported, not fetched again.
"""

import base64
import dataclasses
import hashlib
import re
import zlib
from pathlib import Path

from pipeline.crawl.limits import LimitsConfig
from pipeline.crawl.warc import Record, read_records
from storage.errors import UserError

UNSOUND = ("truncated_gzip", "broken_gzip", "truncated_zstd", "broken_zstd")
DIGEST = re.compile(r"(sha1|sha256|md5):([A-Za-z0-9+/=]+)$")


@dataclasses.dataclass(frozen=True)
class Check:
    """The result of checking a file."""

    problem: str  # why the file is not sound; "" if it is
    records: int = 0
    digests: int = 0  # checked
    wrong_digests: int = 0
    first_wrong: str = ""  # the address of the first record with a wrong digest


def check_archive(path: Path, digests: bool) -> Check:
    """Read all records of a WARC, WET or ARC file; with `digests` their block digests as well."""
    records = checked = wrong = 0
    first_wrong = ""
    try:
        for record in read_records(path, LimitsConfig()):
            records += 1
            if record.problem in UNSOUND:
                return Check(f"{record.problem} at byte {record.offset:,}: {record.detail}")
            if digests and (sound := has_right_digest(record)) is not None:
                checked += 1
                if not sound:
                    wrong += 1
                    first_wrong = first_wrong or record.url or f"offset {record.offset}"
    except UserError as error:
        return Check(str(error))
    return Check("", records, checked, wrong, first_wrong)


def has_right_digest(record: Record) -> bool | None:
    """Whether the record's content has its WARC-Block-Digest; None if it has none to check."""
    match = DIGEST.match(record.headers.get("warc-block-digest", ""))
    if match is None or record.problem or len(record.content) != record.length:
        return None
    algorithm, text = match.groups()
    digest = hashlib.new(algorithm, record.content, usedforsecurity=False)
    if len(text) == 2 * digest.digest_size:
        return text.lower() == digest.hexdigest()
    return text.rstrip("=") == base64.b32encode(digest.digest()).decode().rstrip("=")


def count_members(data: bytes) -> int:
    """How many gzip members the bytes are; 0 if they are anything but complete members."""
    count = 0
    while data:
        inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            pending = data
            while pending and not inflater.eof:
                inflater.decompress(pending, 1 << 22)
                pending = inflater.unconsumed_tail
        except zlib.error:
            return 0
        if not inflater.eof:
            return 0
        data = inflater.unused_data
        count += 1
    return count
