"""Check digits by their standards' wording; nothing here knows a country."""

from collections.abc import Sequence
from random import Random

VERHOEFF_PERMUTE = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def draw(rng: Random, alphabet: str, count: int) -> str:
    return "".join(rng.choice(alphabet) for _ in range(count))


def weighted(digits: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))


def luhn(digits: str) -> str:
    """The digit that makes `digits` + it pass ISO/IEC 7812-1, annex B."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def mod_97_10(number: str) -> str:
    """Two ISO 7064 MOD 97-10 digits for text whose letters count 10 to 35."""
    return f"{98 - int(''.join(str(int(char, 36)) for char in number) + '00') % 97:02d}"


def mod_11_10(digits: str) -> str:
    """ISO 7064 MOD 11,10."""
    carry = 10
    for char in digits:
        carry = (carry + int(char)) % 10 or 10
        carry = carry * 2 % 11
    return str((11 - carry) % 10)


def mod_11_2(digits: str) -> str:
    """ISO 7064 MOD 11-2, X for ten."""
    carry = 0
    for char in digits:
        carry = (carry + int(char)) * 2 % 11
    value = (12 - carry) % 11
    return "X" if value == 10 else str(value)


def verhoeff(digits: str) -> str:
    """Verhoeff's dihedral check digit (Aadhaar), from the group's law, not from printed tables."""

    def times(a: int, b: int) -> int:  # the dihedral group of order 10
        if a < 5:
            return (a + b) % 5 if b < 5 else 5 + (a + b - 5) % 5
        return 5 + (a - 5 - b) % 5 if b < 5 else (a - b) % 5

    check = 0
    for place, char in enumerate(reversed(digits), start=1):
        value = int(char)
        for _ in range(place % 8):
            value = VERHOEFF_PERMUTE[value]
        check = times(check, value)
    return str(next(digit for digit in range(10) if times(check, digit) == 0))


def ean(digits: str) -> str:
    """GS1's check digit: weights 3 and 1 from the right."""
    return str(-sum(int(c) * (3, 1)[i % 2] for i, c in enumerate(reversed(digits))) % 10)
