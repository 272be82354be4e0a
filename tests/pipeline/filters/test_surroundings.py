"""What stands beside a number, above and below it, at a text's borders too."""

import pytest

from pipeline.filters.surroundings import is_in_contact_block

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
