"""Finds IPv4 and IPv6 addresses; four numbers with dots are often a version or a section.

FineWeb takes every public one for an address. Here the words before it decide, and without any the
size of its numbers: versions and sections have small ones.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator

Span = tuple[int, int]

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
# not inside a name of a file or a package (lib-1.2.3.4.tar.gz, v1.2.3.4, Chrome/91.0.44.72)
_IPV4 = re.compile(
    rf"(?<![\w.+])(?<!\w-)(?:{_OCTET}\.){{3}}{_OCTET}(?!\w|\.\d|\.(?:tar|t?gz|zip|exe|dll|so|jar"
    rf"|whl|deb|rpm)\b"
    r"|-\w*[a-z])",
    re.ASCII,
)
_PRODUCT_BEFORE = re.compile(r"(?<![\w.:/])[A-Za-z][\w.+-]*/$")  # of a user agent
_VERSION = re.compile(
    r"\b(?:v|vers?|versions?|versión|versão|versione|release[ds]?|build|firmware|driver|kernel"
    r"|sdk|api"
    r"|updated?|upgraded?|revision|rev|patch(?:ed)?|hotfix|installer|package|changelog|since"
    r"|requires?"
    r"|section|sect?|chapter|clause|figure|fig|table|annex|appendix|oid|chrome|chromium|firefox"
    r"|safari"
    r"|edge|opera|windows|android|ios|java|jdk|node|python|php|ruby|\.net|dll|assembly)\b|§|版本"
    r"|バージョン"
    r"|верси",
    re.IGNORECASE,
)
_NETWORK = re.compile(
    r"\b(?:ip(?:v4|v6)?s?|address(?:es)?|addr|adresse|dirección|endereço|indirizzo|hosts?"
    r"|servers?|dns|ping"
    r"|nameserver|gateway|router|subnet|netmask|inet|client|peer|remote|proxy|visitor|connect\w*"
    r"|traceroute"
    r"|ssh|telnet|curl|login|logged|blocked|banned|attack\w*|listen\w*|https?|ftp|port|lan|wan"
    r"|vpn|routed?)\b"
    r"|адрес|地址|アドレス|주소",
    re.IGNORECASE,
)
# Directly before it, in the field's or the sentence's own words: then small numbers count, too
_NAMED = re.compile(
    r"(?:\bip(?:v4)?|\bip[ _-]?addr(?:ess)?|\binet|\bnameserver)[\"']?"
    r"[ \t]*(?:is|ist|est|es)?[:=]?[ \t]*[\"']?$",
    re.IGNORECASE,
)
_PORT_OR_PREFIX = re.compile(r":\d{2,5}\b|/\d{1,2}\b(?!\.)")
_WORD_CHARACTERS = 48  # how far back words are looked for, on the same line
# Four parts below this are a section's or a version's number: on 700 real pages all six were, and
# about one public address in 4,000 looks so.
_SECTION_PART = 32
# With so many parts below ten and a small first one, too: 10.0.19.1, 5.10.0.248 (one in some 500).
_SMALL_PART = 10
_SMALL_PARTS = 2

_IPV6 = re.compile(
    r"(?<![\w.])(?<![0-9a-f:]:)(?:[23][0-9A-Fa-f]{3}:(?:[0-9A-Fa-f:]{1,31}:\d{1,3}(?:\.\d{1,3}){3}"
    r"|[0-9A-Fa-f:]{2,35})"
    # IPv4 mapped (RFC 4291) and translated (RFC 6052)
    r"|(?:::ffff:|64:ff9b::)(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}))(?!\w)",
    re.ASCII | re.IGNORECASE,
)


_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")


def find_ipv4s(text: str, positions: Iterable[int], public_only: bool) -> Iterator[Span]:
    """IPv4 addresses at these positions, but no versions, sections and object identifiers."""
    for position in positions:
        match = _IPV4.match(text, position)
        if match is None or not _is_address(text, *match.span()):
            continue
        if not public_only or _is_public_host(match.group()):
            yield match.span()


def _is_public_host(value: str) -> bool:
    """Whether it is a public host: no private, documentation, multicast or network address."""
    address = ipaddress.IPv4Address(value)
    network = value.endswith((".0.0", ".255.255"))
    return address.is_global and not address.is_multicast and not network


def _is_address(text: str, start: int, stop: int) -> bool:
    line = text[max(0, start - _WORD_CHARACTERS) : start].rpartition("\n")[2]
    parts = [int(part) for part in text[start:stop].split(".")]
    if _PRODUCT_BEFORE.search(line):
        return False
    if all(part < _SECTION_PART for part in parts):
        return _NAMED.search(line) is not None
    network, version = (_last(words, line) for words in (_NETWORK, _VERSION))
    if network != version:
        return network > version
    if _PORT_OR_PREFIX.match(text, stop):
        return True
    small = sum(part < _SMALL_PART for part in parts)
    return not (parts[0] < _SECTION_PART and small >= _SMALL_PARTS)


def _last(words: re.Pattern[str], line: str) -> int:
    """The end of the last of the words; -1 if there is none."""
    return max((match.end() for match in words.finditer(line)), default=-1)


def find_ipv6s(text: str, positions: Iterable[int], public_only: bool) -> Iterator[Span]:
    """IPv6 addresses of the range in use (2000::/3); a trailing colon is punctuation."""
    for position in positions:
        match = _IPV6.match(text, position)
        if match is None:
            continue
        value = match.group()
        if value.endswith(":") and not value.endswith("::"):
            value = value[:-1]
        try:
            address = ipaddress.IPv6Address(value)
        except ValueError:
            continue  # not an address, which is what was asked
        inner = address.ipv4_mapped
        if address in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if not public_only or (inner or address).is_global:
            yield match.start(), match.start() + len(value)
