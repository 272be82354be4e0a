"""Folding of characters: against datatrove's rules, for every character and for whole texts."""

import random
import sys
import unicodedata

import pytest

from pipeline.dedup import _minhash, _words
from pipeline.dedup.fold import ALONE, DIGIT, DROP, SPACE, WORD, block, fold_character
from pipeline.dedup.minhash import normalize

SIGNS = "aZé1٣ 9.,'\"-()[]:;!?…$%#@/=<>+*_&~°\n\tñИǺ»—😀"


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("It's  THE\n1,234.5 End!", "it s the 0 0 end"),  # one decimal part a number
        ("Café à São-Paulo", "cafe a sao paulo"),
        ("3.14 and 42%", "0 and 0"),
        ("٣٫٥ kg", "0 kg"),
        ("abc123def 1.", "abc0def 0"),
        ("1,", "0"),
        ("", ""),
        (" … ", ""),
        ("漢字かな a", "漢 字 か な a"),
        ("ก่า", "ก า"),
        ("İstanbul ΣΑΣ", "istanbul σασ"),
        ("한국어 말", unicodedata.normalize("NFD", "한국어 말")),
        ("a\ud800b\U0001f600 x", "a\ud800b\U0001f600 x"),
    ],
)
def test_normalize(text: str, normal: str) -> None:
    assert normalize(text) == normal


def test_normalize_as_datatrove() -> None:
    simplify_text = pytest.importorskip("datatrove.utils.text").simplify_text
    rng = random.Random("normalize")
    for _ in range(1000):
        text = "".join(rng.choices(SIGNS, k=rng.randint(0, 40)))
        assert normalize(text) == simplify_text(text)
        ascii_text = text.encode("ascii", "ignore").decode()
        assert normalize(ascii_text) == simplify_text(ascii_text)


def test_every_character_as_datatrove() -> None:
    """Each by itself between letters, but for scripts without spaces and final sigma."""
    simplify_text = pytest.importorskip("datatrove.utils.text").simplify_text
    strange = []
    for point in range(sys.maxunicode + 1):
        if unicodedata.category(chr(point)) in ("Cn", "Co", "Cs"):
            continue
        kind, folded = fold_character(chr(point))
        kind &= 7
        expected = simplify_text(f"a{chr(point)}b")
        ours = {SPACE: "a b", DIGIT: "a0b", DROP: "ab", WORD: f"a{folded}b"}
        if kind != ALONE and ours[kind] != expected.replace("ς", "σ"):
            strange.append((point, expected))
    # Tibetan's sign between syllables
    assert [point for point, _ in strange] == [0x0F0B, 0x0F0C]


def test_table_has_room_for_every_character() -> None:
    for number in (0, 1, 3, 0x1F, 0x4E, 0xAC, 0xD8, 0x1D1, 0x2F8, 0x10FF):
        assert len(block(number)) == 256 * 16
    longest = max(len(fold_character(chr(point))[1]) for point in range(0x30000))
    assert longest == 3


def test_one_text_whichever_way_it_is_stored() -> None:
    """ASCII, one, two and four bytes a character: Python keeps these apart, the hash must not."""
    plain = "the old boat lay 1,000 days"
    for other in ("é", "ж", "😀"):
        folded = normalize(f"{plain} {other}")
        assert folded.startswith(normalize(plain) + " ")


def test_wrong_arguments() -> None:
    with pytest.raises(TypeError):
        _words.fold(b"bytes")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        _words.set_folding(7)  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        _minhash.shingles(b"", 0)
    with pytest.raises(ValueError):
        _minhash.signature(b"", 5, b"x")
    with pytest.raises(ValueError):
        _minhash.bucket_keys(b"x" * 8, 2, 1)
    with pytest.raises(TypeError):
        _words.hashes(["a", 1])  # type: ignore[list-item]
    assert normalize("Still") == "still"
