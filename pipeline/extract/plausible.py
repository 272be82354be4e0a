"""How plausible a decoded text is: whether a charset was the right one for a page.

Faults prove little: a charset of single bytes decodes anything, and words of any language have
bytes that are rare Chinese characters. So the decoded text is judged, by the kind of charset. CJK:
the share of everyday characters (the first level of each national standard, kana, syllables). Latin
letters with accents are among plain ones, rarely many in a row. Letters of other scripts are not
next to Latin ones, and capitals begin words.
"""

import functools
import re
from collections.abc import Iterable, Sequence

from pipeline.extract.charsets import MULTI_BYTE, decode_as

SAMPLE_CHARACTERS = 1500  # outside ASCII

_NON_ASCII = re.compile(r"[^\x00-\x7f]+")
# Replaced, controls, private use: no page has them on purpose.
_NO_TEXT = re.compile("[\ufffd\x80-\x9f\ue000-\uf8ff]")
# Spaces, quotes, dashes, bullets, ellipses, currency and the like, which may be anywhere.
_PUNCTUATION = re.compile("[\xa0\xa3\xa7\xa9\xab\xad\xae\xb0\xb7\xbb\u2010-\u206f\u20a0-\u20bf№™]")
_SYMBOL_IN_WORD = re.compile(
    r"[^\W\d_][\xa1-\xa9\xab\xac\xae-\xb1\xb4\xb6\xb8\xbb\xbf\xd7\xf7ˆ˜†‡‰™⌐-◿](?=[^\W\d_])"
)
_LATIN_AMONG_OTHERS = re.compile(
    r"[\xc0-\u024f](?=[\u0370-\u1fff])|(?<=[\u0370-\u1fff])[\xc0-\u024f]"
)
_INNER_CAPITAL = re.compile(r"[a-zа-яёђ-џάέήία-ώ][А-ЯЁЂ-ЏΆΈ-Ώ]")
_LATIN = (
    *("windows-1250", "windows-1252", "windows-1254", "windows-1257", "windows-1258"),
    *(f"iso-8859-{part}" for part in (2, 3, 4, 10, 13, 14, 15, 16)),
    *("macintosh", "cp437", "cp775", "cp850", "cp852", "cp857", "cp858", "cp860", "cp861"),
    *("cp863", "cp865"),
)
# Letters with accents in a row: more are hardly a word (Vietnamese writes marks of their own)
MAX_ACCENTED_RUN = {"windows-1258": 7}
_MAX_ACCENTED_RUN = 3


def plausibility(text: str, name: str) -> float:
    """The share, 0 to 1, of the characters outside ASCII that is plausible; 1 if there are none."""
    if name in MULTI_BYTE:
        found = "".join(_NON_ASCII.findall(text))[:SAMPLE_CHARACTERS]
        return sum(map(core(name).__contains__, found)) / len(found) if found else 1.0
    sample = _sample(text)
    characters = sum(len(run) for run, _, _ in sample)
    if not characters:
        return 1.0
    longest = MAX_ACCENTED_RUN.get(name, _MAX_ACCENTED_RUN)
    latin = name in _LATIN
    bad = 0
    for run, before, after in sample:
        odd = len(_NO_TEXT.findall(run))
        letters = len(run) - len(_PUNCTUATION.findall(run))
        around = (before if before.isalpha() else " ") + run + (after if after.isalpha() else " ")
        if latin and letters > longest:
            odd = len(run)
        elif not latin and letters and (before.isalpha() or after.isalpha()):
            odd = letters if run[0].isalpha() and run[-1].isalpha() else max(odd, 1)
        if not latin:
            odd += len(_LATIN_AMONG_OTHERS.findall(run))
        odd += len(_SYMBOL_IN_WORD.findall(around)) + len(_INNER_CAPITAL.findall(run))
        bad += min(odd, len(run))
    return 1 - bad / characters


def _sample(text: str) -> list[tuple[str, str, str]]:
    """Runs of characters outside ASCII, each with the text before and after."""
    found, characters = [], 0
    for match in _NON_ASCII.finditer(text):
        start, end = match.span()
        found.append((match.group(), text[start - 1 : start], text[end : end + 1]))
        characters += end - start
        if characters > SAMPLE_CHARACTERS:
            break
    return found


@functools.cache
def core(name: str) -> frozenset[str]:
    """The everyday characters of a charset of several bytes."""
    if name in ("shift_jis", "euc-jp"):  # signs, kana and the 2,965 kanji of level 1
        return _rows("euc-jp", (*range(0xA1, 0xA6), *range(0xB0, 0xD0)))
    if name == "gb18030":  # signs, full width and the 3,755 characters of level 1
        return _rows(name, (*range(0xA1, 0xA4), *range(0xB0, 0xD8)))
    if name == "euc-kr":  # signs, full width and the 2,350 syllables
        return _rows(name, (*range(0xA1, 0xA4), *range(0xB0, 0xC9)))
    assert name == "big5"  # signs and the 5,401 characters of level 1, with their lower trails
    return _rows(name, range(0xA1, 0xC7), (*range(0x40, 0x7F), *range(0xA1, 0xFF)))


def _rows(
    name: str, leads: Iterable[int], trails: Sequence[int] = range(0xA1, 0xFF)
) -> frozenset[str]:
    pairs = (bytes([lead, trail]) for lead in leads for trail in trails)
    return frozenset(decode_as(pair, name) for pair in pairs) - {"\ufffd"}
