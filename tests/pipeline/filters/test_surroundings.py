"""What stands beside a number, above and below it, at a text's borders too."""

import pytest

from pipeline.filters.surroundings import is_in_contact_block, is_in_row

NUMBER = "12 34 56 78"


@pytest.mark.parametrize(
    ("text", "is_in"),
    [
        (f"www.example.org\n{NUMBER}", True),
        (f"{NUMBER}\nann@example.org\n", True),
        (f"{NUMBER}\nann@example.org", True),
        # The last line has none below it: the first line of the text is not its neighbour.
        (f"ann@example.org\nMuch else\nstands between\nthe two\n{NUMBER}", False),
        (f"Opening hours\n{NUMBER}\nand much else", False),
        # On one line with an address, parted from it.
        (f"ann@example.org | {NUMBER}", True),
        (f"{NUMBER}, ann@example.org", True),
        (f"{NUMBER} ann@example.org", False),
        # Up to the very last sign of the text.
        (f"www.example.org\n{NUMBER}x", False),
        (NUMBER, False),
    ],
)
def test_a_line_by_itself_near_an_address(text: str, is_in: bool) -> None:
    start = text.index(NUMBER)
    assert is_in_contact_block(text, start, start + len(NUMBER)) is is_in


@pytest.mark.parametrize(
    ("before", "number", "after", "is_in"),
    [
        ("2021 ", "2022", "", True),
        ("", "2022", " 2023", True),
        ("", "2022", "", False),
        # Groups as long as the number's own first or last one, parted as its own are.
        ("21 ", "2022", "", False),
        ("", "2022", " 23", False),
        ("56 ", "12 3456", "", True),
        ("5678 ", "12 3456", "", False),
        ("", "12 3456", " 5678", True),
        ("", "12 3456", " 56", False),
        ("56 ", "12-34", "", False),
        ("56, ", "12,34", "", True),
        ("56,", "12 34", "", False),
        # No part of a word, and not far away.
        ("a56 ", "12 34", "", False),
        ("", "12 34", " 56a", False),
        ("", "12 34", "   56", True),
        ("", "12 34", "    56", False),
        ("56    ", "12 34", "", False),
        ("56", "12 34", "", False),
        # A dump: two groups of two hexadecimal digits, of which one is a decimal one.
        ("", "12 34", " 4f de", True),
        ("", "12 34", " BE 50", True),
        ("", "12 34", " de be", False),
        ("", "12 34", " 4g de", False),
        ("", "1234 5678", " 4f de", False),
        ("", "12 345", " 4f de", False),
    ],
)
def test_a_number_amid_others_of_its_kind(
    before: str, number: str, after: str, is_in: bool
) -> None:
    start = len(before)
    assert is_in_row(before + number + after, start, start + len(number)) is is_in
