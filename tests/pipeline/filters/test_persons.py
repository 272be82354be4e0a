"""Names of people in several scripts and addresses of houses, and what is neither."""

import pytest

from pipeline.filters.persons import is_address_line, person_before

PEOPLE = [
    *("Anna Keller, ", "Ludwig van Beethoven: ", "Maria de la Cruz – ", "Frank O'Connor ("),
    *("J. Smith | ", "McDonald, Jane; ", "Jean-Paul Martin\n", "Søren Åberg, "),
    '{"name": "Emre Novak", "person": "',
    *("Ольга Петрова, ", "王伟,", "欧阳 李娜:", "김민수: ", "高橋健一 ", "佐々木 花子,"),
]  # fmt: skip
NOBODY = [
    *("New York, ", "Harbour View ", "Serial Number: ", "table of contents ", "ANNA KELLER "),
    "Anna ",
    *("Anna Keller wrote 12 ", "Route 66 ", "大学,", "value: ", ""),
]  # fmt: skip


@pytest.mark.parametrize("said", PEOPLE)
def test_people(said: str) -> None:
    assert person_before(said, len(said)) is not None
    assert person_before("x. " + said + "1", len(said) + 3) is not None


@pytest.mark.parametrize("said", NOBODY)
def test_nobody(said: str) -> None:
    assert person_before(said, len(said)) is None


def test_what_stands_between_is_told() -> None:
    assert person_before("Anna Keller, ", 13) == ", "
    assert person_before("Anna Keller ", 12) == " "


def test_lines_of_addresses() -> None:
    for line in ("12 Mill Lane", "Hauptstraße 5", "Calle Mayor 7", "8 rue des Lilas"):
        assert is_address_line(line), line
    for line in ("ul. Długa 12", "Kerkstraat 9a", "Via Roma, 14", "東京都港区", "서울시 종로구"):
        assert is_address_line(line), line
    for line in ("", "Chapter 12", "12 apples", "Mill Lane", "the street " * 8 + "5", "Page 7"):
        assert not is_address_line(line), line
