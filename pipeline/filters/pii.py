"""Replaces personal data in a text by fixed placeholders and counts what was replaced, by kind.

FineWeb replaces e-mail addresses and public IPv4 addresses; the other kinds are ours. Its
placeholders rotate in the order of the documents, so that they depend on sharding. Here the value's
hash chooses one, so the same value becomes the same placeholder everywhere, in any order. A
placeholder in the text is left as it is and not counted: replacing twice changes nothing.
"""

import dataclasses
import hashlib
import itertools
from collections.abc import Callable, Iterator

from pipeline import ranges
from pipeline.filters._places import places
from pipeline.filters.bank_numbers import find_cards, find_ibans
from pipeline.filters.digit_windows import digit_windows
from pipeline.filters.emails import find_emails
from pipeline.filters.ip_addresses import find_ipv4s, find_ipv6s
from pipeline.filters.keys import find_keys
from pipeline.filters.national_ids import find_national_ids
from pipeline.filters.phones import find_phones
from storage.schemas import PII_KINDS

# The data that decides besides the code, by the names of pipeline.reference_data: for stages that
# replace.
DATA = ("public-suffixes", "telephone-numbers", "identity-numbers", "check-digits", "unicode")


@dataclasses.dataclass(frozen=True)
class PiiConfig:
    """Which kinds of personal data are replaced."""

    emails: bool = True  # FineWeb replaces these two
    ipv4s: bool = True
    ipv6s: bool = True  # the kinds below are ours
    phones: bool = True
    cards: bool = True
    ibans: bool = True
    keys: bool = True
    national_ids: bool = True
    public_ips_only: bool = True  # leave private, loopback and documentation addresses (FineWeb)
    # regions (ISO 3166) whose national forms of phone numbers are known, besides "+CC …"
    phone_regions: tuple[str, ...] = ("US", "GB", "FR", "DE", "ES", "IT", "NL", "AU", "IN", "JP")
    # and those whose forms count behind a telephone's name only
    named_phone_regions: tuple[str, ...] = (
        *("AR", "AT", "BE", "BR", "CA", "CH", "CL", "CN", "CO", "CZ", "DK", "EG", "FI", "GR", "HK"),
        *("HU", "ID", "IE", "IL", "KR", "MX", "MY", "NG", "NO", "NZ", "PH", "PK", "PL", "PT", "RO"),
        *("RU", "SA", "SE", "SG", "TH", "TR", "TW", "UA", "VN", "ZA", "AE", "BD", "BG", "BY", "CR"),
        *("CY", "EC", "EE", "GE", "GH", "HR", "IR", "IS", "JO", "KE", "KZ", "LB", "LK", "LT", "LU"),
        *("LV", "MA", "MT", "NP", "PE", "QA", "RS", "SI", "SK", "TN", "UY", "VE"),
    )

    def __post_init__(self) -> None:
        ranges.check(self)


PLACEHOLDERS: dict[str, tuple[str, ...]] = {
    # FineWeb's: names kept for examples (RFC 2606), and addresses that answered no ping
    "email": ("email@example.com", "firstname.lastname@example.org"),
    "ipv4": (
        "22.214.171.124",
        "126.96.36.199",
        "188.8.131.52",
        "184.108.40.206",
        "220.127.116.11",
        "18.104.22.168",
    ),
    "ipv6": ("2001:db8::1", "2001:db8::2"),  # for documentation (RFC 3849)
    "phone": ("+1 202-555-0199", "+44 20 7946 0991"),  # set aside for fiction
    "card": ("4111 1111 1111 1111", "5555 5555 5555 4444"),  # card companies' test numbers
    "iban": ("GB82 WEST 1234 5698 7654 32", "DE75 5121 0800 1245 1261 99"),  # textbook examples
    "key": ("AKIAIOSFODNN7EXAMPLE", "AKIAI44QH8DHBEXAMPLE"),  # from Amazon's manual
    "national_id": ("078-05-1120", "219-09-9999"),  # printed in advertisements, void since
}

_EVERY_PLACEHOLDER = frozenset(value for values in PLACEHOLDERS.values() for value in values)

_AROUND = 500  # characters on either side of an excerpt that may show what a number in it is

# After a replacement its neighbours may together look like personal data; passes are repeated until
# one finds nothing. Only hostile input needs more than two.
_MAX_PASSES = 8


def replace(text: str, config: PiiConfig) -> tuple[str, dict[str, int]]:
    """Replace personal data.

    Returns:
        The text with placeholders, and for every kind the number of values that were replaced.
    """
    counts = dict.fromkeys(PII_KINDS, 0)
    for _ in range(_MAX_PASSES):
        found = find(text, config)
        if not found:
            break
        pieces, end = [], 0
        for start, stop, kind in found:
            counts[kind] += 1
            pieces += [text[end:start], placeholder(kind, text[start:stop])]
            end = stop
        text = "".join(pieces) + text[end:]
    return text, counts


def excerpt(text: str, start: int, end: int, config: PiiConfig) -> str:
    """The text from `start` to `end` with placeholders; the text around it is evidence as well.

    A value that the border cuts is replaced as a whole.
    """
    first = max(0, start - _AROUND)
    pieces, here = [], start
    for begin, stop, kind in find(text[first : end + _AROUND], config):
        begin, stop = first + begin, first + stop
        if stop > here and begin < end:
            pieces += [text[here : max(here, begin)], placeholder(kind, text[begin:stop])]
            here = stop
    return replace("".join(pieces) + text[here : max(here, end)], config)[0]


def find(text: str, config: PiiConfig) -> list[tuple[int, int, str]]:
    """Values that are no placeholders, as (start, end, kind), in order and disjoint.

    If two overlap, the kind with the stronger evidence is taken; a placeholder is never changed.
    """
    found = []
    taken = bytearray(len(text))  # 1 for each character of a value or placeholder
    for kind, spans in _finders(text, config):
        for start, stop in spans():
            if 1 in taken[start:stop]:
                continue
            taken[start:stop] = b"\1" * (stop - start)
            if text[start:stop] not in _EVERY_PLACEHOLDER:
                found.append((start, stop, kind))
    return sorted(found)


def placeholder(kind: str, value: str) -> str:
    """The placeholder of a value: by its hash, never by its position."""
    choices = PLACEHOLDERS[kind]
    digest = hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return choices[int.from_bytes(digest, "big") % len(choices)]


Finder = Callable[[], Iterator[tuple[int, int]]]


def _finders(text: str, config: PiiConfig) -> Iterator[tuple[str, Finder]]:
    """The finders of the kinds that the config names, the one with the strongest evidence first."""
    public_only = config.public_ips_only
    numbers, fours, sixes, keys = places(text)
    windows = digit_windows(text, numbers)

    def in_windows(find_in: Callable[[str, int, int], Iterator[tuple[int, int]]]) -> Finder:
        return lambda: itertools.chain.from_iterable(find_in(text, *window) for window in windows)

    def phones(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
        return find_phones(text, config.phone_regions, config.named_phone_regions, start, end)

    finders: list[tuple[bool, str, Finder]] = [
        (config.keys, "key", lambda: find_keys(text, keys)),
        (config.emails, "email", lambda: find_emails(text)),
        (config.ibans, "iban", in_windows(find_ibans)),
        (config.cards, "card", in_windows(find_cards)),
        (config.national_ids, "national_id", in_windows(find_national_ids)),
        (config.ipv6s, "ipv6", lambda: find_ipv6s(text, sixes, public_only)),
        (config.ipv4s, "ipv4", lambda: find_ipv4s(text, fours, public_only)),
        (config.phones, "phone", in_windows(phones)),
    ]
    return ((kind, finder) for wanted, kind, finder in finders if wanted)
