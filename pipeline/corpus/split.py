"""Train or validation by a hash of the page's host, so that a site never stands in both.

At least one host is held out when there are two or more, and never all of them: a small crawl
would else have nothing to validate on, or nothing to train on. A host is a number of 64 bits here,
so that a whole dump's hosts fit into memory.
"""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from pipeline.corpus.config import SplitConfig


def host_numbers(hosts: Sequence[str], salt: str) -> np.ndarray:
    """A number of 64 bits for each host, that only its name and the salt decide."""
    known: dict[str, int] = {}
    for host in hosts:
        if host not in known:
            digest = hashlib.sha256(f"{salt}:{host}".encode("utf-8", "replace")).digest()
            known[host] = int.from_bytes(digest[:8], "big")
    return np.array([known[host] for host in hosts], dtype=np.uint64)


def validation_limit(numbers: np.ndarray, config: SplitConfig) -> int:
    """The number below which a host is held out; `numbers` are those of all hosts, sorted.

    For hosts that fit into memory, as `validation_hosts`; held_out_hosts.py counts a corpus's.
    """
    below = int(np.searchsorted(numbers, np.uint64(share_limit(config))))
    held_out = held_out_of(len(numbers), below)
    return int(numbers[held_out]) if held_out else 0


def held_out_of(hosts: int, below: int) -> int:
    """How many hosts are held out of so many, when the share asked for takes so many."""
    return min(max(1, below), hosts - 1) if hosts > 1 else 0


def share_limit(config: SplitConfig) -> int:
    """The number below which the share of hosts that is asked for lies."""
    return min(2**64 - 1, int(config.validation_fraction * 2**64))


def is_validation(hosts: Sequence[str], limit: int, config: SplitConfig) -> np.ndarray:
    """Which of the hosts are held out."""
    return host_numbers(hosts, config.salt) < np.uint64(limit)


def validation_hosts(hosts: Iterable[str], config: SplitConfig) -> frozenset[str]:
    """The hosts that are held out, of hosts that fit into memory."""
    names = sorted(set(hosts))
    limit = validation_limit(np.unique(host_numbers(names, config.salt)), config)
    held_out = is_validation(names, limit, config)
    return frozenset(name for name, held in zip(names, held_out.tolist()) if held)
