"""How each character counts when texts are compared: lower case, no diacritics, numbers as 0.

datatrove's rules for MinHash (`simplify_text`), a character at a time so that they fit a table:
punctuation separates words, combining marks (Mn) are removed, a run of digits becomes 0. One rule
is ours: scripts written without spaces (Han, kana, Thai, Lao, Khmer, Burmese) have one word a
character. Otherwise a "word" would be a whole clause, and one changed character would change all of
it.
"""

import unicodedata
from array import array
from bisect import bisect_right

from pipeline import unspaced
from pipeline.filters.punctuation import PUNCTUATION

BLOCK = 256  # characters in a block of the table
WORD, SPACE, DIGIT, DROP, ALONE = range(5)
SIGN = 8  # added to the kind of a character that belongs to the number if it is between digits
_NUMBER_SIGNS = frozenset(".,،٫⎖⎗⎘")
_PARTING = frozenset(PUNCTUATION) | frozenset(unspaced.SYLLABLE_ENDS)
_NOTHING = (0, 0, 0)  # a character becomes three code points at most
# Where the ranges of scripts without spaces begin and end, in turn: inside after an odd number.
_EDGES = [edge for low, high in unspaced.RANGES for edge in (low, high + 1)]


def block(number: int) -> bytes:
    """Characters [256 number, 256 number + 256): for each its kind and up to three code points.

    Every page process makes a hundred or more blocks, those that its pages need: keep it fast.
    """
    table = array("I")
    for point in range(number * BLOCK, (number + 1) * BLOCK):
        kind, folded = fold_character(chr(point))
        table.extend((kind, *map(ord, folded), *_NOTHING[len(folded) :]))
    return table.tobytes()


def fold_character(character: str) -> tuple[int, str]:
    """A character's kind, and what it becomes."""
    sign = SIGN if character in _NUMBER_SIGNS else 0
    if character.isdecimal():
        return DIGIT, "0"
    if character in _PARTING or character.isspace():
        return SPACE | sign, ""
    folded = unicodedata.normalize("NFD", character.lower())
    if len(folded) > 1 or not folded.isalnum():
        folded = "".join([part for part in folded if unicodedata.category(part) != "Mn"])
    if not folded:
        return DROP | sign, ""
    folded = folded.replace("ς", "σ")  # lower() of a capital sigma depends on its position
    if bisect_right(_EDGES, ord(character)) & 1:
        return ALONE | sign, folded
    return WORD | sign, folded
