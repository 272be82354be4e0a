"""Train or validation by a hash of the page's host, so that a site never stands in both.

At least one host is held out when there are two or more, and never all of them: a small crawl
would else have nothing to validate on, or nothing to train on.
"""

import hashlib
from collections.abc import Iterable

from pipeline.corpus.config import SplitConfig


def validation_hosts(hosts: Iterable[str], config: SplitConfig) -> frozenset[str]:
    """The hosts that are held out."""
    ranked = sorted(set(hosts), key=lambda host: (host_rank(host, config.salt), host))
    if len(ranked) < 2:
        return frozenset()
    below = sum(host_rank(host, config.salt) < config.validation_fraction for host in ranked)
    return frozenset(ranked[: min(max(1, below), len(ranked) - 1)])


def host_rank(host: str, salt: str) -> float:
    """A number of [0, 1) that only the host's name and the salt decide."""
    digest = hashlib.sha256(f"{salt}:{host}".encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
