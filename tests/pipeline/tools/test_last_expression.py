"""The last statement is found by tokens alone, wherever it stands."""

import pytest

from pipeline.tools.last_expression import VALUE, shown


def by_python(program: str) -> object:
    """What a program shows, run here: these are ours."""
    names: dict[str, object] = {}
    whole = shown(program, 100)
    assert whole is not None
    head, _, tail = whole.rpartition("\n")
    exec(compile(head, "program", "exec"), names)
    return eval(tail, names)


@pytest.mark.parametrize(
    ("program", "value"),
    [
        ("1 + 1", "2"),
        ("x = 3\nx * 2", "6"),
        ("x = 3; x * 2", "6"),
        ("x = 3; x * 2;", None),
        ("x = [1,\n 2]\n(x,\n  x)\n", "([1, 2], [1, 2])"),
        ("1, 2", "(1, 2)"),
        ("def f():\n    return 5\nf()  # it is", "5"),
        ("def f():\n    return 5\n\n\n\nf()\n\n\n# the end", "5"),
        ("'a;b'", "'a;b'"),
        ("{'a': 1}['a']; 'x'", "'x'"),
        ("x = 1\r\nx", "1"),
        ("x = 1\rx", "1"),
        ("'''a\nb'''", "'a\\nb'"),
        ("x = '''\nif'''; x[1:]", "'if'"),
        ("f'{1 + 1}'", "'2'"),
        ("lambda: 1", None),
        ("None", None),
        ("if True:\n    x = 1\nx", "1"),
        ("'\u2028'", "'\\u2028'"),
        ("[\n1\n][0]", "1"),
    ],
)
def test_what_is_shown(program: str, value: str | None) -> None:
    if program.startswith("lambda"):
        assert str(by_python(program)).startswith("<function <lambda>")
    elif program.endswith(";"):
        # What ends with a semicolon isn't shown, as in notebooks.
        with pytest.raises(SyntaxError):
            by_python(program)
    else:
        assert by_python(program) == value


@pytest.mark.parametrize(
    "program",
    [
        "x = 3",
        "if 1:\n    2",
        "for i in (1, 2):\n    i",
        "import os",
        "pass",
        "def f(): 1",
        "del x",
    ],
)
def test_a_statement_gives_no_program(program: str) -> None:
    with pytest.raises(SyntaxError):
        compile(shown(program, 100) or "(", "program", "exec")


@pytest.mark.parametrize("program", ["", "# nothing", "(", "'''", "  x\n y", "x = (\n1"])
def test_what_has_no_last_statement(program: str) -> None:
    whole = shown(program, 100)
    if whole is not None:
        with pytest.raises(SyntaxError):
            compile(whole, "program", "exec")


def test_lines_keep_their_numbers() -> None:
    whole = shown("a = 1\nb = 2\n1 / 0", 100)
    assert whole is not None
    assert whole.split("\n")[2] == f"{VALUE} = (1 / 0"


def test_the_value_is_cut() -> None:
    assert str(by_python("'x' * 1000")) == "'" + "x" * 99
