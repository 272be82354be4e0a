"""Numbers as people write them, read from a text: what judges sums must know every form.

In: any text. Out: every number in it with its exact value, in order. Signs (also U+2212 and the
dashes people type for it), thousands in all their forms, decimals with point or comma, fractions,
percent, powers of ten and magnitudes are read, and digits of every script. What looks like a number
but has no single value (a date, a range, a version, `347 + 58` without its result, 007) is found
without a value. In doubt there is no value: a reward must not be paid for a guess. One form is read
the English way where countries differ: 3.405 is a little more than three, 3,405 is thousands.
docs/numbers.md lists forms and values (written by tests/helpers/number_forms.py).
"""

import dataclasses
import re
import unicodedata
from fractions import Fraction

SPACES = "\u00a0\u2007\u2009\u202f"  # no line breaks there: what typesetters put between thousands
_MINUS = "\u2212\uff0d\ufe63\u207b"
_HYPHENS = "\u2010\u2011\u2012\u00ad"
_SAME = {ord(c): "\u2212" for c in _MINUS} | {ord(c): "-" for c in _HYPHENS}
_SAME |= {
    ord(character): sign
    for sign, characters in {
        ".": "\u066b\uff0e",
        ",": "\u066c\uff0c",
        "+": "\uff0b",
        "%": "\uff05\u066a",
        "/": "\u2044\u2215\uff0f",
        "\u00d7": "\u22c5\u00b7",
        "'": "\u2019",
        "=": "\uff1d",
    }.items()
    for character in characters
}
_LATEX = (
    (re.compile(r"\\[dtc]?frac\s*\{([^{}]+)\}\s*\{([^{}]+)\}"), r"\1/\2"),
    (re.compile(r"\{,\}"), ","),
    (re.compile(r"(?<=\d)\\[,;: ](?=\d)"), "\u2009"),
    (re.compile(r"\\(?:times|cdot)\b\s*"), "\u00d7"),
    (re.compile(r"\\([%$!])"), r"\1"),
    (re.compile(r"\^\{([^{}]*)\}"), r"^\1"),
)
_SUPERSCRIPTS = re.compile(r"\u2212?[\u00b2\u00b3\u00b9\u2070-\u2079]+")

_PLAIN = r"\d+(?:[.,'_]\d+)*"
_SPACED = (
    rf"[1-9]\d{{0,2}}(?P<space>[ {SPACES}])\d{{3}}(?:(?P=space)\d{{3}})*(?:[.,]\d+)?(?!\d|[.,]\d)"
)
_NUMBER = re.compile(rf"(?<!\d)(?:{_SPACED}|{_PLAIN}|(?<![\w.])\.\d+)")
_LETTER = r"A-Za-z\u00b5\u00c0-\u024f\u0370-\u03ff\u0400-\u04ff"
_GAP = rf"[ {SPACES}]?"
# After a number; each is tried once at its end.
_FRACTION = re.compile(rf"{_GAP}/{_GAP}(\d+)(?![\d/]|[.,]\d)")
_MIXED = re.compile(rf"[ {SPACES}](\d+)/(\d+)(?![\d/]|[.,]\d)")
_TEN = re.compile(rf"{_GAP}[\u00d7x*]{_GAP}10\^([-\u2212+]?\d{{1,3}})(?![\d.])")
_EXPONENT = re.compile(r"[eE]([-\u2212+]?\d{1,3})(?![\w.])")
_PERCENT = re.compile(rf"{_GAP}(?:%|per ?cent\b)")
_MAGNITUDE = re.compile(
    rf"[ {SPACES}-]?(?:(hundred|thousand|million|billion|trillion)s?|([kKMB]|mn|bn))"
    rf"(?![{_LETTER}\d])"
)
_POWERS = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_POWERS |= {"k": 3, "K": 3, "M": 6, "mn": 6, "B": 9, "bn": 9}
_ORDINAL = re.compile(rf"(?:st|nd|rd|th)(?![{_LETTER}])", re.IGNORECASE)
_IDENTIFIER = re.compile(rf"[{_LETTER}_]+\d[\w]*")
# More of an expression, a range, a date, a time, a ratio: no single value.
_MORE = re.compile(
    rf"(?:{_GAP}[-+\u2212\u2013*\u00d7\u00f7]{_GAP}[-+\u2212]?(?:{_PLAIN}))+|[:^/]\S*\d"
)
# Before a number, read backwards from it: opening marks, then a sign.
_OPENING = re.compile(r"[*_`$\u20ac\u00a3\u00a5(\[{]*$")
_SIGN = re.compile(rf"(?:^|(?<=[^\w)\]}}]))([-+\u2212\u2013\u2014])$|([-\u2212]){_GAP}$")
_WORD_SIGN = re.compile(r"\b(?:minus|negative)\s+$", re.IGNORECASE)
_UNEQUAL = re.compile(rf"(?:[<>\u2264\u2265\u2260\u00b1\u221a^]|!=){_GAP}$")
_LOOK_BACK = 40  # characters before a number that can change its meaning
_NAMED = re.compile(rf"[{_LETTER}]_*$")


@dataclasses.dataclass(frozen=True)
class FoundNumber:
    """A number, or what looks like one but has no single value (None)."""

    start: int  # in the text as `plain` writes it, without its sign
    end: int  # after its last digit, exponent, magnitude or percent sign
    value: Fraction | None


def scan(text: str) -> list[FoundNumber]:
    """Every number, in order."""
    text = plain(text)
    found: list[FoundNumber] = []
    at = 0
    while (match := _NUMBER.search(text, at)) is not None:
        start, at = match.start(), match.end()
        value, at = _with_what_follows(text, of_digits(match[0]), at)
        if at < 0:  # a name or an ordinal
            at = -at
            continue
        before = text[max(0, start - _LOOK_BACK) : start]
        if _NAMED.search(before):
            continue
        before = _OPENING.sub("", before)
        if _UNEQUAL.search(before):
            value = None
        sign = _sign(before)
        found.append(FoundNumber(start, at, None if value is None else sign * value))
    return found


def last(text: str) -> Fraction | None:
    """The value of the last number; None if there is no number or it has no single value."""
    found = scan(text)
    return found[-1].value if found else None


def whole(text: str) -> Fraction | None:
    """The value of a text that is a number and nothing else."""
    found = scan(text) if re.fullmatch(r"[-+\u2212]?[\d.,'_ \u00a0\u2009\u202f/%]+", text) else []
    return found[0].value if len(found) == 1 else None


def of_digits(text: str) -> Fraction | None:
    """The value of digits with separators, by the kind and positions of the separators."""
    separators = re.sub(r"\d", "", text)
    if not separators:
        return _integer(text)
    whole, mark, decimals = text, "", ""
    if separators[-1] in ".," and separators.count(separators[-1]) == 1:
        alone = len(separators) == 1
        parts = text.rpartition(separators[-1])
        if not (alone and parts[1] == "," and _grouped(text, ",")):
            whole, mark, decimals = parts
    for kind in sorted(set(re.sub(r"\d", "", whole))):
        if not _grouped(whole, kind):
            return None
        whole = whole.replace(kind, "")
    units = Fraction(0) if not whole and mark else _integer(whole)
    if units is None or not mark:
        return units
    return units + Fraction(int(decimals), 10 ** len(decimals))


def plain(text: str) -> str:
    """The text with one form for each sign: ASCII digits, one minus, `/` in fractions, `^`."""
    for pattern, to in _LATEX:
        text = pattern.sub(to, text)
    text = text.translate(_SAME)
    if text.isascii():
        return text
    text = _SUPERSCRIPTS.sub(_power, text)
    return "".join(_one(c, text[i - 1 : i]) if ord(c) > 127 else c for i, c in enumerate(text))


def _power(match: re.Match[str]) -> str:
    """10 to a power in superscript digits; a minus before them is the power's."""
    return "^" + "".join(str(unicodedata.digit(c)) if c != "\u2212" else "-" for c in match[0])


def _one(character: str, before: str) -> str:
    if unicodedata.category(character) == "Nd":
        return str(unicodedata.decimal(character))
    if "<fraction>" in unicodedata.decomposition(character):
        parts = Fraction(unicodedata.numeric(character)).limit_denominator(1000)
        return f"{' ' if before.isdigit() else ''}{parts.numerator}/{parts.denominator}"
    return character


def _with_what_follows(text: str, value: Fraction | None, at: int) -> tuple[Fraction | None, int]:
    """The value with its fraction, exponent and unit, and its end; -1 if it is not a number."""
    more = _MIXED.match(text, at) if value is not None and value.denominator == 1 else None
    if value is not None and more is not None and int(more[1]) < int(more[2]):
        return value + Fraction(int(more[1]), int(more[2])), more.end()
    if (more := _FRACTION.match(text, at)) is not None:
        below = int(more[1])
        value = None if value is None or not below else value / below
        at = more.end()
    for power in (_TEN, _EXPONENT):
        if (more := power.match(text, at)) is not None:
            digits = int(more[1].replace("\u2212", "-"))
            value, at = None if value is None else value * Fraction(10) ** digits, more.end()
            break
    if (more := _MORE.match(text, at)) is not None:
        return None, more.end()
    if (more := _ORDINAL.match(text, at) or _IDENTIFIER.match(text, at)) is not None:
        return None, -more.end()
    if (more := _MAGNITUDE.match(text, at)) is not None and value is not None:
        value, at = value * 10 ** _POWERS[more[1] or more[2]], more.end()
    if (more := _PERCENT.match(text, at)) is not None and value is not None:
        value, at = value / 100, more.end()
    return value, at


def _sign(before: str) -> int:
    if _WORD_SIGN.search(before):
        return -1
    sign = _SIGN.search(before)
    return 1 if sign is None or (sign[1] or sign[2]) == "+" else -1


def _grouped(text: str, separator: str) -> bool:
    """Whether digits are in groups of three, or as in India of two before the last three."""
    first, *others = text.split(separator)
    *middle, end = others
    if first.startswith("0") or len(end) != 3:
        return False
    western = len(first) <= 3 and all(len(part) == 3 for part in middle)
    indian = separator == "," and len(first) <= 2 and all(len(part) == 2 for part in middle)
    return western or indian


def _integer(digits: str) -> Fraction | None:
    return None if len(digits) > 1 and digits.startswith("0") else Fraction(int(digits))
