"""A URL's host and its registered domain, by the public-suffix list.

The result is tldextract's, with the list inside that package, but without its network access, its
private domains ("blogspot.com" is a domain there, not a suffix) and its import, which takes as long
as a hundred pages. The list's rules: publicsuffix.org/list, "Format".
"""

import dataclasses
import functools
import importlib.util
import re
from pathlib import Path

SNAPSHOT = ".tld_set_snapshot"
PRIVATE = "// ===BEGIN PRIVATE DOMAINS==="
_RULE = re.compile(r"^[.*!]*\w\S*", re.MULTILINE)  # comments begin with //
_DOTS = "\u3002\uff0e\uff61"  # dots by RFC 3490
_TO_DOTS = str.maketrans(dict.fromkeys(_DOTS, "."))
_SCHEME = re.compile(r"[A-Za-z0-9+\-.]*:\Z")


@dataclasses.dataclass(frozen=True)
class HostParts:
    """A host and its registered domain, both lower case; "" for addresses and unknown suffixes."""

    host: str
    registered: str


@dataclasses.dataclass(frozen=True)
class Suffixes:
    """The list's rules, and all their ends that begin at a label ("co.uk" has "uk")."""

    rules: frozenset[str]
    ends: frozenset[str]


def split_host(url: str) -> HostParts:
    """Host and registered domain of a URL, with or without its scheme."""
    labels = _authority(url).translate(_TO_DOTS).split(".")
    first = _suffix_start(labels)
    if first is None:
        return HostParts("", "")
    suffix = ".".join(labels[first:])
    domain = labels[first - 1] if first > 0 else ""
    if not suffix or not domain:
        return HostParts("", "")
    below = ".".join(labels[: first - 1])
    registered = f"{domain}.{suffix}".lower()
    return HostParts(f"{below.lower()}.{registered}" if below else registered, registered)


@functools.cache
def suffixes() -> Suffixes:
    """The list, read once a process."""
    spec = importlib.util.find_spec("tldextract")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the package tldextract, which carries the public-suffix list")
    text = Path(spec.origin).with_name(SNAPSHOT).read_text(encoding="utf-8")
    rules = frozenset(_RULE.findall(text.partition(PRIVATE)[0]))
    ends = set(rules)
    for rule in rules:
        while rule := rule.partition(".")[2]:
            ends.add(rule)
    return Suffixes(rules, frozenset(ends))


@functools.cache
def top_level_domains() -> frozenset[str]:
    """The top-level domains of the public-suffix list, in Unicode: "com", "中国"."""
    return frozenset(rule.rpartition(".")[2] for rule in suffixes().rules)


def _authority(url: str) -> str:
    """The part of a URL that is the host, without user and port; more lenient than urllib."""
    slashes = url.find("//")
    if slashes == 0 or (slashes > 1 and _SCHEME.match(url[:slashes])):
        url = url[slashes + 2 :]
    place = url.partition("/")[0].partition("?")[0].partition("#")[0].rpartition("@")[2]
    if place.startswith("[") and "]" in place:
        return ""  # an address of IP version 6
    return place.partition(":")[0].strip().rstrip("." + _DOTS)


def _suffix_start(labels: list[str]) -> int | None:
    """The index of the public suffix's first label; None if the list has no rule for it."""
    known = suffixes()
    found = None
    end = ""
    for number in range(len(labels) - 1, -1, -1):
        label = _unicode(labels[number])
        longer = f"{label}.{end}" if end else label
        if longer in known.ends:
            end = longer
            if end in known.rules:
                found = number
        elif f"*.{end}" in known.rules:
            return number + (f"!{longer}" in known.rules)
        else:
            break
    return found


def _unicode(label: str) -> str:
    """A label in lower case, its punycode decoded if it is valid."""
    label = label.lower()
    if label.startswith("xn--"):
        import idna

        try:
            return idna.decode(label)
        except (UnicodeError, IndexError):
            pass
    return label
