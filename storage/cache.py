"""Where this user's copies and tables that can be made again lie on this machine, and how many."""

import os
from pathlib import Path

from storage.errors import UserError

GIGABYTE = 1_000_000_000
LAKE_GIGABYTES = 200.0  # of copies from one s3:// lake


def cache_root() -> Path:
    """CRAWL2CHAT_CACHE, else ~/.cache/crawl2chat; not made yet."""
    chosen = os.environ.get("CRAWL2CHAT_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(chosen or f"{base}/crawl2chat").expanduser().absolute()


def lake_bytes() -> int:
    """What copies of an s3:// lake's files may take: CRAWL2CHAT_LAKE_CACHE_GB, else 200 GB."""
    given = os.environ.get("CRAWL2CHAT_LAKE_CACHE_GB") or str(LAKE_GIGABYTES)
    try:
        size = float(given)
    except ValueError:
        size = -1.0
    if not 0 <= size < float("inf"):
        raise UserError(f"CRAWL2CHAT_LAKE_CACHE_GB: {given!r} is no number of gigabytes")
    return int(size * GIGABYTE)
