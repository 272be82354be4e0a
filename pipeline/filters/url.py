"""URL filter with FineWeb's rules and the lists that ship inside the `datatrove` package.

Dropped are: a registered domain or a host on the list, an exact URL on the list, one hard word,
two or more soft words, a sub-word anywhere in the URL stripped to its letters and digits. The 4.6
million domains stay one sorted block of bytes that is searched by bisection: 120 MB and half a
second a process, where a Python set takes 600 MB and several. Words are compared in the case the
URL has them in, as in the original; only sub-words ignore case.
"""

import dataclasses
import functools
import importlib.util
import re
import tarfile
import urllib.parse
from pathlib import Path

import tldextract

from pipeline.filters import _lines
from pipeline.filters.verdict import Verdict

NOT_ALPHANUMERIC = re.compile(r"[^a-zA-Z0-9]+")
ARCHIVE = "url_filterblacklistsv0_3_0.tar.gz"


READ_BYTES = 1 << 20  # of the archive at a time


@dataclasses.dataclass(frozen=True)
class UrlConfig:
    """Source: FineWeb (arXiv 2406.17557), section 3.1, and datatrove's `URLFilter`."""

    use_lists: bool = True  # the lists inside the datatrove package
    min_soft_words: int = 2  # so many different soft words in a URL drop it
    extra_domains: tuple[str, ...] = ()  # more to drop, with all hosts below them
    extra_urls: tuple[str, ...] = ()  # more exact URLs to drop


@dataclasses.dataclass(frozen=True)
class Lists:
    """What is blocked. Domains and URLs are sorted lines in one block of bytes each."""

    domains: bytes
    urls: bytes
    hard_words: tuple[str, ...]
    soft_words: tuple[str, ...]
    sub_words: tuple[str, ...]


class UrlFilter:
    """The rules, with the lists loaded once a process."""

    def __init__(self, config: UrlConfig) -> None:
        self.config = config
        self.lists = load_lists() if config.use_lists else Lists(b"", b"", (), (), ())
        self._extra_urls = frozenset(config.extra_urls)
        self._sub_word = alternation(self.lists.sub_words)

    def check(self, url: str) -> Verdict | None:
        """Why the URL is dropped, the offending word or domain as detail; None if it is not."""
        parts = split_host(url)
        if holds_line(self.lists.domains, parts.registered):
            return Verdict("domain", detail=parts.registered)
        if holds_line(self.lists.domains, parts.host):
            return Verdict("host", detail=parts.host)
        host = host_of(url)
        for domain in self.config.extra_domains:
            if host == domain or host.endswith(f".{domain}"):
                return Verdict("domain", detail=domain)
        if url in self._extra_urls or holds_line(self.lists.urls, url):
            return Verdict("url", detail=url)
        words = frozenset(NOT_ALPHANUMERIC.split(url))
        for word in self.lists.hard_words:
            if word in words:
                return Verdict("hard_word", detail=word)
        soft = [word for word in self.lists.soft_words if word in words]
        if len(soft) >= self.config.min_soft_words:
            return Verdict(
                "soft_words", float(len(soft)), float(self.config.min_soft_words), " ".join(soft)
            )
        if self._sub_word is not None:
            match = self._sub_word.search(NOT_ALPHANUMERIC.sub("", url).lower())
            if match:
                return Verdict("sub_word", detail=match.group())
        return None


@dataclasses.dataclass(frozen=True)
class HostParts:
    """A host and its registered domain, both lower case; "" for addresses and unknown suffixes."""

    host: str
    registered: str


def split_host(url: str) -> HostParts:
    """Host and registered domain by the public-suffix list inside tldextract; never by network."""
    parts = _extractor()(url)
    return HostParts(parts.fqdn.lower(), parts.top_domain_under_public_suffix.lower())


def host_of(url: str) -> str:
    """The host as it stands in the URL, lower case, without port; "" if there is none."""
    try:
        return urllib.parse.urlsplit(url).hostname or ""
    except ValueError:  # a malformed IPv6 address in brackets
        return ""


@functools.cache
def top_level_domains() -> frozenset[str]:
    """Those of the public-suffix list, as they are written: "com", "中国"."""
    return frozenset(suffix.rpartition(".")[2] for suffix in _extractor().tlds)


@functools.cache
def _extractor() -> tldextract.TLDExtract:
    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


def holds_line(block: bytes, line: str) -> bool:
    """Whether one of the sorted, newline-ended lines of `block` is exactly `line`."""
    key = line.encode("utf-8", "replace")
    if not block or not key or b"\n" in key:
        return False
    return _lines.holds(block, key)


def alternation(words: tuple[str, ...]) -> re.Pattern[str] | None:
    """One compiled pattern for all words; None for no words."""
    return re.compile("|".join(map(re.escape, words))) if words else None


@functools.cache
def load_lists() -> Lists:
    """Read the lists out of the installed datatrove package, without importing it."""
    folder = assets_folder()
    members = read_members(folder / ARCHIVE, {"domains", "urls"})
    return Lists(
        # In this version of the archive the domains are sorted and clean, which a test checks:
        # sorting 4.6 million lines again would cost each process six seconds and a gigabyte.
        members["domains"] + b"\n",
        sorted_lines(members["urls"]),
        word_list(folder / "banned_words.txt"),
        word_list(folder / "soft_banned_words.txt"),
        word_list(folder / "banned_subwords.txt"),
    )


def read_members(path: Path, names: set[str]) -> dict[str, bytes]:
    """Files out of a compressed tar archive, gone through once: seeking inflates it again."""
    found: dict[str, bytes] = {}
    with tarfile.open(path, "r|gz", bufsize=READ_BYTES) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name in names else None
            if file is not None:
                found[member.name] = file.read()
    if missing := names - found.keys():
        raise FileNotFoundError(f"no list {sorted(missing)} in {path}")
    return found


def sorted_lines(block: bytes) -> bytes:
    """The lines of a block, stripped and in order, each newline-ended; comments (#) left out."""
    lines = {line.strip() for line in block.split(b"\n") if not line.startswith(b"#")}
    return b"".join(line + b"\n" for line in sorted(lines) if line)


def word_list(path: Path) -> tuple[str, ...]:
    """Words of a list, stripped to letters and digits, lower case, sorted."""
    lines = path.read_text(encoding="utf-8").split("\n")
    words = {NOT_ALPHANUMERIC.sub("", line).lower() for line in lines if not line.startswith("#")}
    return tuple(sorted(word for word in words if word))


def assets_folder() -> Path:
    """datatrove's assets, found without importing its heavy modules."""
    spec = importlib.util.find_spec("datatrove")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the package datatrove, which carries FineWeb's URL lists")
    return Path(spec.origin).parent / "assets"
