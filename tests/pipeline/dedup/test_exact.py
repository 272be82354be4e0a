"""Hashes of texts."""

import hashlib
import random
import sys
import unicodedata

from pipeline.dedup import _words
from pipeline.dedup.exact import text_sha256


def test_hash_puts_case_spacing_and_unicode_form_aside() -> None:
    same = {
        text_sha256(text)
        for text in ("Café  au lait\n\nnow", "café au lait now", "CAFE\u0301 AU LAIT NOW ")
    }
    assert len(same) == 1
    assert text_sha256("cafe au lait now") not in same
    assert text_sha256("café au lait now.") not in same
    # sha256 of "abc", so that other programs can be compared with
    assert text_sha256("ABC").startswith("ba7816bf8f01cfea414140de5dae2223")


def test_lower_case_as_python_has_it() -> None:
    """Character by character: but for a dotted capital I, and a sigma at a word's end."""
    for point in range(sys.maxunicode + 1):
        character = chr(point)
        if character.isspace() or character == "İ":
            continue
        expected = character.lower().encode("utf-8", "surrogatepass")
        assert _words.lower(character) == expected, hex(point)
    draw = random.Random("lower")
    for _ in range(300):
        text = "".join(draw.choices(" \n\tABCxyzÄéЖ\u2003漢😀\ud800", k=draw.randint(0, 30)))
        plain = " ".join(text.split()).lower()
        normal = unicodedata.normalize("NFC", plain).encode("utf-8", "surrogatepass")
        assert text_sha256(text) == hashlib.sha256(normal).hexdigest()
