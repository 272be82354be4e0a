"""What a larger corpus will cost, from what a smaller one has cost: figures with intervals.

In: for each WARC file that was read its bytes, pages, seconds and sizes (manifests hold them), and
how much there is to read. Out: rows of name, value, low, high, unit. Figures are scaled by
compressed bytes, since pages differ tenfold in size from crawl to crawl; the interval is Student's,
over files, of that ratio. It says how much the measured files differ, not how much other crawls do.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import TypedDict

from pipeline.intervals import student_t
from storage.errors import UserError

GB = 1e9
DEDUP_BYTES_PER_PAGE = 16  # of memory while clusters are joined (pipeline.dedup.components)


@dataclasses.dataclass(frozen=True)
class MeasuredPart:
    """One WARC file that was read."""

    warc_bytes: int  # compressed
    records: int
    documents: int  # pages whose signals were stored
    text_bytes: int
    stored_bytes: int  # of the part's files
    cpu_seconds: float
    peak_memory_bytes: int
    energy_kwh: float


@dataclasses.dataclass(frozen=True)
class Joined:
    """What follows over all parts together: selection, dedup, corpus."""

    warc_bytes: int  # of the parts that went in
    documents: int  # of the corpus
    compared: int  # pages that went into dedup
    text_bytes: int
    stored_bytes: int
    cpu_seconds: float
    peak_memory_bytes: int


@dataclasses.dataclass(frozen=True)
class Target:
    """What is to be read, and where."""

    files: int = 90_000  # a dump of Common Crawl has 80,000 to 100,000 WARC files …
    gigabytes_per_file: float = 1.0  # … of about 1 GB each
    cores: int = 64
    price_per_core_hour: float = 0.04  # any currency; an on-demand cloud core in US dollars
    download_megabytes_per_second: float = 100.0  # all connections together


class Estimate(TypedDict):
    """A figure of a run to come."""

    name: str
    value: float
    low: float | None  # of its 95% interval; None where nothing varies
    high: float | None
    unit: str


def extrapolate(
    parts: Sequence[MeasuredPart], joined: Joined | None, target: Target
) -> list[Estimate]:
    """What the target will cost, by what the measured parts did.

    Raises:
        UserError: nothing was measured, or the target is empty.
    """
    if not parts or not sum(part.warc_bytes for part in parts):
        raise UserError(
            "nothing to extrapolate from: run `crawl2chat run corpus` on a few WARC files first"
        )
    if min(target.files, target.cores) < 1 or target.gigabytes_per_file <= 0:
        raise UserError("plan: files, cores and the size of a file must be above zero")
    total = target.files * target.gigabytes_per_file * GB

    def scaled(
        name: str, unit: str, of: Callable[[MeasuredPart], float], factor: float = 1.0
    ) -> Estimate:
        value, half = per_byte(parts, of)
        least, most = max(0.0, value - half), value + half
        low, high = (least * total * factor, most * total * factor) if half else (None, None)
        figure = value * total * factor
        return {"name": name, "value": figure, "unit": unit, "low": low, "high": high}

    hours = scaled(
        "core-hours, reading and measuring pages", "h", lambda p: p.cpu_seconds, 1 / 3600
    )
    rows = [
        _fixed("to download", total / GB, "GB"),
        _fixed("time to download", total / 1e6 / target.download_megabytes_per_second / 3600, "h"),
        scaled("records", "", lambda p: p.records),
        scaled("pages measured (before selection)", "", lambda p: p.documents),
        scaled("their text", "GB", lambda p: p.text_bytes, 1 / GB),
        scaled("disk for parts", "GB", lambda p: p.stored_bytes, 1 / GB),
        hours,
        _times(hours, f"the same on {target.cores} cores", 1 / target.cores, "h"),
        _times(hours, "money for that", target.price_per_core_hour, "at the given price"),
        scaled("energy", "kWh", lambda p: p.energy_kwh),
        _fixed(
            f"memory for {target.cores} files at a time",
            max(part.peak_memory_bytes for part in parts) * target.cores / GB,
            "GB",
        ),
    ]
    if joined is not None and joined.warc_bytes:
        ratio = total / joined.warc_bytes
        join_hours = joined.cpu_seconds * ratio / 3600
        rows += [
            _fixed(
                "documents of the corpus (dedup finds more in a larger one)",
                joined.documents * ratio,
                "",
            ),
            _fixed("text of the corpus", joined.text_bytes * ratio / GB, "GB"),
            _fixed("disk for selection, dedup and corpus", joined.stored_bytes * ratio / GB, "GB"),
            _fixed("core-hours, selection, dedup, personal data", join_hours, "h"),
            _fixed(
                "memory for dedup",
                (joined.peak_memory_bytes + joined.compared * ratio * DEDUP_BYTES_PER_PAGE) / GB,
                "GB",
            ),
        ]
    return rows


def per_byte(
    parts: Sequence[MeasuredPart], of: Callable[[MeasuredPart], float]
) -> tuple[float, float]:
    """Ratio of a figure to compressed bytes over all files, and half of its 95% interval.

    The standard error is that of a ratio estimator (Cochran, Sampling Techniques, 6.4).
    """
    n = len(parts)
    size = sum(part.warc_bytes for part in parts)
    ratio = sum(of(part) for part in parts) / size
    if n < 2:
        return ratio, 0.0
    residuals = sum((of(part) - ratio * part.warc_bytes) ** 2 for part in parts)
    error = math.sqrt(residuals / (n - 1) / n) / (size / n)
    return ratio, student_t(n - 1) * error


def _fixed(name: str, value: float, unit: str) -> Estimate:
    return {"name": name, "value": value, "low": None, "high": None, "unit": unit}


def _times(row: Estimate, name: str, factor: float, unit: str) -> Estimate:
    low, high = (end if end is None else end * factor for end in (row["low"], row["high"]))
    return {"name": name, "value": row["value"] * factor, "unit": unit, "low": low, "high": high}
