"""Capitalised words that hardly are any, out of syllables: `Bralen`, `Stomis`.

What is asked about a name that stands nowhere else can only be answered by reading it. There are
some 35,000, so that hardly one comes twice.
"""

import random

_BEGINNINGS = (*"bdfghjklmnprstvwz", "br", "cl", "gr", "pr", "st", "th", "tr")
_VOWELS = "aeiou"
_MIDDLES = (*"bdgklmnprstvz", "ld", "ll", "nd", "rn", "rt", "ss", "st")
_ENDS = ("", "a", "an", "ard", "e", "en", "er", "et", "in", "is", "o", "ot", "us", "y")


def made_up_word(rng: random.Random) -> str:
    """A random one."""
    parts = (_BEGINNINGS, _VOWELS, _MIDDLES, _ENDS)
    return "".join(rng.choice(part) for part in parts).capitalize()
