"""How each character counts when texts are compared: lower case, no diacritics, numbers as 0.

datatrove's rules for MinHash (`simplify_text`), a character at a time so that a table can hold
them: punctuation parts words, combining marks (Mn) go, a run of digits becomes 0. One rule is ours:
scripts written without spaces (Han, kana, Thai, Lao, Khmer, Burmese) have one word a character,
for else a "word" would be a whole clause and one changed sign would make it another.
"""

import unicodedata
from functools import lru_cache

import numpy as np

from pipeline.filters import unspaced
from pipeline.filters.punctuation import PUNCTUATION

BLOCK = 256  # characters in a block of the table
WORD, SPACE, DIGIT, DROP, ALONE = range(5)
SIGN = 8  # added to the kind: one of these between digits belongs to the number
_NUMBER_SIGNS = frozenset(".,،٫⎖⎗⎘")
_PARTING = frozenset(PUNCTUATION) | frozenset(unspaced.SYLLABLE_ENDS)


def block(number: int) -> bytes:
    """Characters [256 number, 256 number + 256): for each its kind and up to three code points."""
    table = np.zeros((BLOCK, 4), dtype=np.uint32)
    for index in range(BLOCK):
        kind, folded = fold_character(chr(number * BLOCK + index))
        table[index, 0] = kind
        table[index, 1 : 1 + len(folded)] = [ord(sign) for sign in folded]
    return table.tobytes()


@lru_cache(maxsize=1024)
def fold_character(character: str) -> tuple[int, str]:
    """Its kind, and what it becomes."""
    sign = SIGN if character in _NUMBER_SIGNS else 0
    if character.isdecimal():
        return DIGIT, "0"
    if character in _PARTING or character.isspace():
        return SPACE | sign, ""
    decomposed = unicodedata.normalize("NFD", character.lower())
    folded = "".join(part for part in decomposed if unicodedata.category(part) != "Mn")
    if not folded:
        return DROP | sign, ""
    folded = folded.replace("ς", "σ")  # how lower() writes a capital sigma depends on its place
    point = ord(character)
    if any(low <= point <= high for low, high in unspaced.RANGES):
        return ALONE | sign, folded
    return WORD | sign, folded
