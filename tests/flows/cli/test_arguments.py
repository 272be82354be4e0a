"""Every option of every command that takes a number, whatever it is given: exit 2 in one line, or
a number that the command can work with.
"""

import argparse
import contextlib
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_artifacts import post_training  # noqa: F401

from flows.cli import main
from flows.cli.arguments import parser
from flows.cli.option_types import number, whole
from flows.config import load
from storage import Lake
from storage.digest import artifact_digest
from storage.errors import UserError

BIG = ("9" * 30, "9" * 5000, "1e400", "inf", "-inf")
ODD = ("nan", *BIG, "-1", "0", "1e-320", "", "many", "٣", "0x1")


def options() -> Iterator[tuple[str, argparse.Action]]:
    """All options that read a number."""
    (commands,) = (a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    for name, command in commands.choices.items():
        for action in command._actions:
            if isinstance(action.type, Callable) and action.dest != "hosts":  # type: ignore[arg-type]
                yield name, action


OPTIONS = [(name, action.option_strings[0]) for name, action in options()]
# What each command needs besides.
LINES: dict[str, list[str]] = {
    "run": ["corpus"],
    "complete": ["Ada"],
    "search": ["Ada"],
    "chat": ["--message", "Hi"],
    "arena": ["--board"],
}


def test_no_number_is_read_without_bounds() -> None:
    assert len(OPTIONS) >= 20
    for name, action in options():
        assert action.type not in (int, float), (name, action.option_strings)
    defaults = [action for _, action in options() if action.default is not None]
    for action in defaults:
        assert action.type(str(action.default)) == action.default  # type: ignore[operator, misc]


@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_an_odd_number_is_refused_in_one_line_or_is_a_number(
    name: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for text in ODD:
        line = [name, *LINES.get(name, []), f"{option}={text}"]
        try:
            chosen = parser().parse_args(line)  # exits with 2, by argparse
        except SystemExit:
            said = capsys.readouterr().err
            assert said.startswith(f"crawl2chat: {name}: argument {option}: "), said
            assert said.count("\n") == 1
            assert len(said) < 300
            continue
        value = getattr(chosen, option.removeprefix("--").replace("-", "_"))
        assert math.isfinite(value)
        assert abs(value) < 2**63


SAMPLING = [option for name, option in OPTIONS if name == "complete"]


@pytest.mark.parametrize("option", SAMPLING)
def test_what_is_let_through_a_model_can_write_with(
    option: str,
    post_training: Any,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    common = ["--model", str(post_training.chat), "--lake", str(tmp_path), "--json"]
    short = [] if option == "--max-tokens" else ["--max-tokens=3"]
    values = {"--temperature": ("1e-320", "1e6"), "--seed": (str(2**63 - 1),)}
    for text in values.get(option, (str(2**31 - 1),)):
        line = ["chat", "--message", "Hi", "--temperature=0.7", *common, *short]
        assert main([*line, f"{option}={text}"]) == 0
        assert json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("text", [*ODD, "1e-9", "1e12", "2147483647"])
def test_a_plan_of_any_size_is_a_plan(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option in [option for name, option in OPTIONS if name == "plan"]:
        line = ["plan", "--preset", "gpu", "--lake", str(tmp_path), "--json", f"{option}={text}"]
        code = main(line)
        said = capsys.readouterr()
        assert code in (0, 2)
        if code == 0:
            json.loads(said.out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        else:
            assert said.err.count("\n") == 1


@given(st.one_of(st.text(), st.floats().map(str), st.integers().map(str)))
def test_readers_give_a_number_in_bounds_or_say_so(text: str) -> None:
    for read, least, most in ((whole(1, 9), 1, 9), (number(0.5, 2.0), 0.5, 2.0)):
        with contextlib.suppress(argparse.ArgumentTypeError):
            assert least <= read(text) <= most


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", str(2**63), str(-(10**40))])
def test_no_number_of_a_config_is_endless(value: str) -> None:
    for key in ("rl.temperature", "pretrain.optimizer.matrix_lr", "rl.steps", "input.files"):
        with pytest.raises(UserError, match=key):
            load("ci", [f"{key}={value}"])


def test_bytes_that_are_no_text(
    post_training: Any,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    byte = "caf\udce9"  # how Python passes on a Latin-1 byte
    lake = ["--lake", str(tmp_path)]
    for line in (
        ["sql", f"SELECT '{byte}'"],
        ["run", "corpus", "--input", byte],
        ["run", "corpus", "--set", f"rl.seed={byte}"],
        ["export", "--format", "hf", "--out", "x", "--name", byte],
    ):
        assert main([*line, *lake]) == 2
        said = capsys.readouterr().err
        assert "not UTF-8" in said
        assert said.count("\n") == 1
    for line in (["chat", "--message", byte], ["complete", byte]):
        assert main([*line, *lake, "--model", str(post_training.chat), "--json"]) == 0
        said = capsys.readouterr().out
        assert "caf\N{REPLACEMENT CHARACTER}" in said


@pytest.mark.parametrize(
    "sql", ["SELECT 'infinity'::timestamp", "SELECT '290000-01-01'::timestamp AS x"]
)
def test_dates_beyond_the_calendar(sql: str, tmp_path: Path, capsys: Any) -> None:
    assert main(["sql", sql, "--lake", str(tmp_path)]) == 2
    assert "cast it to VARCHAR" in capsys.readouterr().err


def test_json_has_no_nan(tmp_path: Path, capsys: Any) -> None:
    sql = "SELECT 'nan'::DOUBLE AS a, ['inf'::DOUBLE] AS b"
    assert main(["sql", sql, "--lake", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"a": None, "b": [None]}]


def test_a_lake_below_a_file_or_nowhere(tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "file"
    file.touch()
    for lake, words in ((str(file / "lake"), "is a file"), ("", "empty")):
        for command in (["sql", "SELECT 1"], ["artifacts"], ["plan"], ["run", "corpus"]):
            assert main([*command, "--lake", lake]) == 2
            said = capsys.readouterr().err
            assert words in said
            assert said.count("\n") == 1


@pytest.mark.parametrize("where", ["under a file", "a folder", "no folder"])
def test_results_that_can_not_be_written(
    where: str,
    post_training: Any,  # noqa: F811
    tmp_path: Path,
    capsys: Any,
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    out = {
        "under a file": tmp_path / "file" / "x",
        "a folder": tmp_path / "folder",
        "no folder": Path("/proc/none/x"),
    }[where]
    model = ["--model", str(post_training.chat)]
    lines = [
        ["report", "--out", str(out)],
        ["tokens", "Ada", "--html", str(out), *model],
        ["export", "--format", "gguf", "--out", str(out), "--no-check", *model],
    ]
    if where == "a folder":
        del lines[-1]  # a .gguf goes into it
    for line in lines:
        assert main([*line, "--lake", str(tmp_path / "lake")]) == 1, line
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert str(out).split("/")[1] in said


def test_a_long_list_of_artifacts_is_cut_and_says_so(tmp_path: Path, capsys: Any) -> None:
    lake = Lake(tmp_path)
    for n in range(63):
        kind, recipe, inputs = f"kind_{n}", {"n": n}, {"parts": ["ab" * 32] * 2}
        digest = artifact_digest(kind, 1, recipe, inputs)
        staging = lake.staging(kind, digest)
        (staging / "a").write_bytes(b"x")
        lake.commit(staging, kind, digest, 1, recipe, inputs, {}, {})
    assert main(["artifacts", "--lake", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert shown.count("parts abababab +1") == 60
    assert "… 3 more rows (--json shows all)" in shown
    assert main(["artifacts", "--lake", str(tmp_path), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 63


def test_lines_of_csv_end_as_a_shell_s_tools_expect(tmp_path: Path, capfd: Any) -> None:
    assert main(["sql", "SELECT 'a,b' AS x, 2 AS y", "--csv", "--lake", str(tmp_path)]) == 0
    assert capfd.readouterr().out.encode() == b'x,y\n"a,b",2\n'
