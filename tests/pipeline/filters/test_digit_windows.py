"""Windows around digits, worked out by hand: 64 characters on each side and on to a space, which is
looked for in 256 more."""

import pytest

from pipeline.filters.digit_windows import digit_windows

WORDS = ("w" * 9 + " ") * 200  # spaces at 9, 19, 29, …
SOLID = "x" * 2000


def with_space(at: int) -> str:
    return SOLID[:at] + " " + SOLID[at + 1 :]


@pytest.mark.parametrize(
    ("text", "digits", "windows"),
    [
        ("", [], []),
        ("ab 12 cd", [(3, 5)], [(0, 8)]),
        # 300 - 64 = 236, the space before at 229; 303 + 64 = 367, the space behind at 369
        (WORDS, [(300, 303)], [(230, 369)]),
        (WORDS, [(64, 66)], [(0, 139)]),
        (WORDS, [(74, 76)], [(10, 149)]),
        # no space within 500 - 64 - 256 and 503 + 64 + 256
        (SOLID, [(500, 503)], [(180, 823)]),
        (SOLID, [(100, 103)], [(0, 423)]),
        (SOLID, [(1900, 1903)], [(1580, 2000)]),
        # the first and the last place where a space is seen, and those just beyond
        (with_space(179), [(500, 503)], [(180, 823)]),
        (with_space(180), [(500, 503)], [(181, 823)]),
        (with_space(435), [(500, 503)], [(436, 823)]),
        (with_space(436), [(500, 503)], [(180, 823)]),
        (with_space(566), [(500, 503)], [(180, 823)]),
        (with_space(567), [(500, 503)], [(180, 567)]),
        (with_space(822), [(500, 503)], [(180, 822)]),
        (with_space(823), [(500, 503)], [(180, 823)]),
        # windows that overlap or touch are one, whatever their order
        (WORDS, [(230, 232), (100, 102)], [(30, 299)]),
        (WORDS, [(245, 247), (100, 102)], [(30, 169), (180, 319)]),
        (SOLID, [(500, 503), (1143, 1146)], [(180, 1466)]),
        (SOLID, [(500, 503), (1144, 1147)], [(180, 823), (824, 1467)]),
        (SOLID, [(500, 900), (600, 601)], [(180, 1220)]),
    ],
)
def test_windows(text: str, digits: list[tuple[int, int]], windows: list[tuple[int, int]]) -> None:
    assert digit_windows(text, digits) == windows
