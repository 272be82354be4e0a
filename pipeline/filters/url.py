"""URL filter with FineWeb's rules and the lists in the `datatrove` package.

Dropped are: a registered domain or a host on the list, an exact URL on the list, one hard word, two
or more soft words, a sub-word anywhere in the URL stripped to its letters and digits. Words are
compared in the URL's own case, as in the original; only sub-words ignore case.
"""

import dataclasses
import re
import urllib.parse

from pipeline import ranges
from pipeline.decision import Decision, dropped
from pipeline.filters.line_file import Lines
from pipeline.filters.public_suffix import split_host
from pipeline.filters.url_lists import NONE, NOT_ALPHANUMERIC, load_lists


@dataclasses.dataclass(frozen=True)
class UrlConfig:
    """Source: FineWeb (arXiv 2406.17557), section 3.1, and datatrove's `URLFilter`."""

    use_lists: bool = True  # the lists inside the datatrove package
    min_soft_words: int = 2  # so many different soft words in a URL drop it
    extra_domains: tuple[str, ...] = ()  # more to drop, with all hosts below them
    extra_urls: tuple[str, ...] = ()  # more exact URLs to drop

    def __post_init__(self) -> None:
        ranges.check(self)


class UrlFilter:
    """The rules, with the lists loaded once a process."""

    def __init__(self, config: UrlConfig) -> None:
        self.config = config
        self.lists = load_lists() if config.use_lists else NONE
        self._extra_urls = frozenset(config.extra_urls)
        self._hard_words = frozenset(self.lists.hard_words)
        self._soft_words = frozenset(self.lists.soft_words)

    def check(self, url: str) -> Decision | None:
        """Why the URL is dropped, with the word or domain as detail; None if it is not."""
        parts = split_host(url)
        if contains_line(self.lists.domains, parts.registered):
            return dropped("url", "domain", detail=parts.registered)
        if contains_line(self.lists.domains, parts.host):
            return dropped("url", "host", detail=parts.host)
        host = host_of(url) if self.config.extra_domains else ""
        for domain in self.config.extra_domains:
            if host == domain or host.endswith(f".{domain}"):
                return dropped("url", "domain", detail=domain)
        if url in self._extra_urls or contains_line(self.lists.urls, url):
            return dropped("url", "url", detail=url)
        pieces = NOT_ALPHANUMERIC.split(url)
        words = frozenset(pieces)
        if hard := self._hard_words & words:
            return dropped("url", "hard_word", detail=min(hard))
        soft = sorted(self._soft_words & words)
        if len(soft) >= self.config.min_soft_words:
            least = self.config.min_soft_words
            return dropped("url", "soft_words", len(soft), least, " ".join(soft))
        letters = "".join(pieces).lower()
        if sub_words := [word for word in self.lists.sub_words if word in letters]:
            first = min(sub_words, key=letters.index)  # of two at one position, the first in order
            return dropped("url", "sub_word", detail=first)
        return None


# Most URLs are like this, and urllib takes ten times as long.
_PLAIN_HOST = re.compile(r"https?://([A-Za-z0-9.-]+)(?::\d+)?(?:[/?#]|\Z)", re.ASCII)


def host_of(url: str) -> str:
    """The URL's host in lower case, without port; "" if there is none."""
    if match := _PLAIN_HOST.match(url):
        return match[1].lower()
    try:
        return urllib.parse.urlsplit(url).hostname or ""
    except ValueError:  # a malformed IPv6 address in brackets
        return ""


def contains_line(lines: Lines, line: str) -> bool:
    """Whether it is one of the lines."""
    key = line.encode("utf-8", "replace")
    return bool(key) and b"\n" not in key and lines.contains(key)
