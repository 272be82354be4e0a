"""Scripts of letters against the names that Unicode gives them."""

import unicodedata

import pytest

from pipeline.filters.scripts import is_possible, letter_shares, scripts_of

NAMES = {
    "Arab": ("ARABIC", "EXTENDED ARABIC"),
    "Armn": ("ARMENIAN",),
    "Beng": ("BENGALI",),
    "Cyrl": ("CYRILLIC", "COMBINING CYRILLIC"),
    "Deva": ("DEVANAGARI",),
    "Ethi": ("ETHIOPIC",),
    "Geor": ("GEORGIAN", "MODIFIER LETTER GEORGIAN"),
    "Grek": ("GREEK", "COPTIC"),
    "Gujr": ("GUJARATI",),
    "Guru": ("GURMUKHI",),
    "Hang": ("HANGUL", "HALFWIDTH HANGUL"),
    "Hani": ("CJK",),
    "Hebr": ("HEBREW",),
    "Kana": ("KATAKANA", "HIRAGANA", "HALFWIDTH KATAKANA", "COMBINING KATAKANA"),
    "Khmr": ("KHMER",),
    "Knda": ("KANNADA",),
    "Laoo": ("LAO",),
    "Latn": ("LATIN", "FULLWIDTH LATIN"),
    "Mlym": ("MALAYALAM",),
    "Mong": ("MONGOLIAN",),
    "Mymr": ("MYANMAR",),
    "Orya": ("ORIYA",),
    "Sinh": ("SINHALA",),
    "Taml": ("TAMIL",),
    "Telu": ("TELUGU",),
    "Thaa": ("THAANA",),
    "Thai": ("THAI",),
    "Tibt": ("TIBETAN",),
}
# Letters of rare use that the table leaves out: blocks by their names in Unicode's Blocks.txt.
LEFT_OUT = (
    (0x0250, 0x02AF),  # IPA extensions
    (0x0870, 0x089F),  # Arabic extended-B
    (0x1C90, 0x1CBF),  # Georgian extended: capitals that no word begins with
    (0x1D00, 0x1DBF),  # phonetic extensions
)


def script_by_name(character: str) -> str | None:
    name = unicodedata.name(character, "")
    return next((script for script, names in NAMES.items() if name.startswith(names)), None)


def script_counted(character: str) -> str | None:
    return next(iter(letter_shares(character)), None)


def letters(first: int, last: int) -> list[str]:
    points = map(chr, range(first, last + 1))
    return [c for c in points if unicodedata.category(c)[0] == "L"]


def test_every_letter_that_is_counted_belongs_to_its_script_by_name() -> None:
    asked = letters(0, 0x4E10) + letters(0x9FF0, 0xAC10) + letters(0xD790, 0x10FFF)
    counted = {c: script_counted(c) for c in asked + letters(0x1FFF0, 0x20010)}
    assert {c: s for c, s in counted.items() if s and s != script_by_name(c)} == {}


def test_every_letter_of_the_scripts_main_blocks_is_counted() -> None:
    """All below U+2000, and the blocks of Han, kana and Hangul."""
    asked = [c for c in letters(0, 0x1FFF) if not any(a <= ord(c) <= b for a, b in LEFT_OUT)]
    for first, last in ((0x3041, 0x318F), (0x31F0, 0x31FF), (0x3400, 0x4E10), (0xAC00, 0xAC10)):
        asked += letters(first, last)
    # Compatibility ideographs, presentation forms of Hebrew and Arabic, half and full width.
    for first, last in ((0xF900, 0xFAFF), (0xFB1D, 0xFDFF), (0xFE70, 0xFEFE), (0xFF21, 0xFF9F)):
        asked += letters(first, last)
    for first, last in ((0x9FF0, 0x9FFF), (0xD790, 0xD7A3), (0x20000, 0x20010), (0x31340, 0x3134F)):
        asked += letters(first, last)
    missed = [c for c in asked if script_by_name(c) and script_counted(c) != script_by_name(c)]
    assert missed == []


def test_shares_are_of_letters_alone() -> None:
    assert letter_shares("αβγ дд!! 12 ...") == {"Grek": 0.6, "Cyrl": 0.4}
    assert letter_shares("12, 34 — «»") == {}
    assert letter_shares("،؏") == {}  # Arabic by name, of the categories Po and So
    assert letter_shares("12.") == {}


@pytest.mark.parametrize(
    ("language", "shares", "can"),
    [
        ("ja", {"Kana": 0.02, "Hani": 0.98}, True),
        ("ja", {"Kana": 0.01, "Hani": 0.99}, False),
        ("ja", {"Kana": 0.03, "Hani": 0.02, "Latn": 0.95}, True),
        ("ja", {"Kana": 0.02, "Hani": 0.02, "Latn": 0.96}, False),
        ("zh", {"Kana": 0.3, "Hani": 0.7}, True),
        ("zh", {"Kana": 0.4, "Hani": 0.6}, False),
        ("zh", {"Hani": 0.05, "Latn": 0.95}, True),
        ("zh", {"Hani": 0.04, "Latn": 0.96}, False),
        ("ko", {"Hang": 0.05, "Latn": 0.95}, True),
        ("ko", {"Hani": 1.0}, False),
        ("sr", {"Cyrl": 0.05, "Latn": 0.05, "Grek": 0.9}, True),
        ("ru", {"Cyrl": 0.09, "Latn": 0.91}, False),
        ("ru", {}, True),
    ],
)
def test_a_label_stands_only_on_letters_of_its_script(
    language: str, shares: dict[str, float], can: bool
) -> None:
    assert is_possible(language, shares) is can


def test_a_language_may_have_two_scripts() -> None:
    assert scripts_of("sr") == ("Cyrl", "Latn")
    assert scripts_of("fr") == ("Latn",)
