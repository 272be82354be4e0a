"""Where this user's copies and tables that can be made again lie on this machine."""

import os
from pathlib import Path


def cache_root() -> Path:
    """CRAWL2CHAT_CACHE, else ~/.cache/crawl2chat; not made yet."""
    chosen = os.environ.get("CRAWL2CHAT_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(chosen or f"{base}/crawl2chat").expanduser().absolute()
