"""The ends of the command line, as real processes: pipes that close, full devices, terminals."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from terminals import CLI, at_terminal  # noqa: F401
from toy_artifacts import post_training  # noqa: F401

from flows.runner import streams

ROWS = "SELECT range AS n, repeat('x', 100) AS x FROM range(20000)"
ESCAPE = "\x1b"


def shell(script: str, tmp_path: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """`crawl2chat` is the command line; the exit code is that of the first program of a pipe."""
    ours = 'crawl2chat() { "$PYTHON" -m flows.cli "$@"; }'
    line = f"{ours}; set -o pipefail; {script}; exit ${{PIPESTATUS[0]}}"
    environ = {**os.environ, "PYTHON": sys.executable, "L": str(tmp_path / "lake"), **environment}
    return subprocess.run(
        ["bash", "-c", line], env=environ, capture_output=True, text=True, errors="replace"
    )


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("form", ["--csv", "--json", ""])
def test_a_reader_that_has_had_enough(form: str, unbuffered: str, tmp_path: Path) -> None:
    sql = "SELECT 1 AS n" if not form else ROWS  # a table for people is short: lost at the end
    reader = "head -1" if form else "true"
    done = shell(
        f'crawl2chat sql "{sql}" --lake $L {form} | {reader}', tmp_path, PYTHONUNBUFFERED=unbuffered
    )
    assert done.stderr == ""
    assert done.returncode in ((141,) if form else (0, 141))  # a fast writer may have been done


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_stdout(unbuffered: str, tmp_path: Path) -> None:
    script = 'crawl2chat sql "SELECT 1" --lake $L > /dev/full'
    done = shell(script, tmp_path, PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 1
    assert done.stderr == "crawl2chat: stdout: No space left on device\n"


def test_closed_streams_are_no_files_and_no_failure(tmp_path: Path) -> None:
    for ends in (">&-", "<&- >&-", "2>&-", "<&-"):
        done = shell(f'crawl2chat sql "SELECT 1 AS one" --lake $L --csv {ends}', tmp_path)
        assert done.returncode == 0, ends
        assert done.stderr == ""
        assert done.stdout == (
            ""
            if ">&-" in ends.split() or "<&- >&-" in ends
            else "one\r\n1\r\n".replace("\r\n", "\n")
        )


def test_help_and_mistakes_into_a_closed_pipe(tmp_path: Path) -> None:
    assert shell("crawl2chat --help | true", tmp_path).stderr == ""
    done = shell("crawl2chat nonsense", tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_text_that_stdout_can_not_encode(encoding: str, tmp_path: Path) -> None:
    import json

    script = "crawl2chat sql \"SELECT 'Zoë — 😀' AS x\" --lake $L"
    done = shell(f"{script} --json", tmp_path, PYTHONIOENCODING=encoding)
    assert json.loads(done.stdout) == [{"x": "Zoë — 😀"}]
    done = shell(script, tmp_path, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, "")


PLAIN = [{"TERM": "dumb"}, {"TERM": "xterm-256color", "NO_COLOR": "1"}]


@pytest.mark.parametrize("environment", [*PLAIN, {"TERM": "xterm-256color", "NO_COLOR": ""}])
def test_no_escape_codes_where_none_are_wanted(
    environment: dict[str, str],
    at_terminal: Any,  # noqa: F811
    post_training: Any,  # noqa: F811
    tmp_path: Path,
) -> None:
    common = ["--lake", str(tmp_path / "lake")]
    model = ["--model", str(post_training.chat)]
    tokens = at_terminal("tokens", "Ada Lovelace", *model, *common, **environment)
    table = at_terminal("sql", "SELECT chr(27) || '[31mred' AS x", *common, **environment)
    assert (tokens.end(), table.end()) == (0, 0)
    assert "␛[31mred" in table.text
    plain = environment in PLAIN
    assert (ESCAPE not in tokens.text) == plain
    assert (ESCAPE not in table.text) == plain


@pytest.mark.parametrize("environment", PLAIN)
def test_progress_is_plain_lines_there(environment: dict[str, str], monkeypatch: Any) -> None:
    from flows.runner import terminal

    for name, value in {"NO_COLOR": "", **environment}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert streams.is_plain(sys.stderr)
    assert not terminal.Screen().moving
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "")
    assert terminal.Screen().moving


def test_a_conversation_goes_on(
    at_terminal: Any,  # noqa: F811
    post_training: Any,  # noqa: F811
    tmp_path: Path,
) -> None:
    """Empty lines, one too long, /new, Ctrl-C in an answer; then Ctrl-D ends it."""
    model = ["--model", str(post_training.chat), "--lake", str(tmp_path / "lake")]
    talk = at_terminal("chat", *model, "--max-tokens", "10", TERM="dumb", NO_COLOR="")
    talk.until("you> ")
    for number, line in enumerate(("", "Hi there", "word " * 300, "/new", "And you?"), start=2):
        talk.say(line + "\n")
        talk.until("you> ", number)
    assert "shorten it" in talk.text
    talk.say("\x04")
    assert talk.end("\x04") == 0
    assert "Traceback" not in talk.text
    assert ESCAPE not in talk.text


@pytest.mark.parametrize("key", ["\x03", "\x04"])
def test_a_key_at_the_prompt_ends_it(
    key: str,
    at_terminal: Any,  # noqa: F811
    post_training: Any,  # noqa: F811
    tmp_path: Path,
) -> None:
    model = ["--model", str(post_training.chat), "--lake", str(tmp_path / "lake")]
    talk = at_terminal("chat", *model, TERM="dumb")
    talk.until("you> ")
    talk.say(key)
    assert talk.end(key) == 0
    assert "Traceback" not in talk.text
    assert "crawl2chat:" not in talk.text


def test_ctrl_c_ends_an_answer_but_not_the_talk(monkeypatch: Any, capsys: Any) -> None:
    from types import SimpleNamespace

    from flows.cli import local_voice, main
    from pipeline.chat import streaming

    def answer(*_: Any, **__: Any) -> Iterator[str]:
        yield "It is"
        raise KeyboardInterrupt

    heard: list[list[str]] = []

    def reply(model: Any, tokenizer: Any, asked: Any, **_: Any) -> Iterator[str]:
        heard.append([message.content for message in asked])
        return answer()

    monkeypatch.setattr(streaming, "reply", reply)
    loaded = (None, SimpleNamespace(has_conversation_tokens=True))
    monkeypatch.setattr(local_voice, "loaded", lambda lake, name: loaded)
    lines = iter(["What is it?", "Go on"])

    def ask(prompt: str) -> str:
        for line in lines:
            return line
        raise EOFError

    monkeypatch.setattr("builtins.input", ask)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    assert main(["chat"]) == 0
    assert heard == [["What is it?"], ["What is it?", "It is", "Go on"]]
    assert capsys.readouterr().out.count("rl> It is\n") == 2


def test_piped_lines_are_all_answered(
    post_training: Any,  # noqa: F811
    tmp_path: Path,
) -> None:
    import json

    line = [*CLI, "chat", "--model", str(post_training.chat), "--lake", str(tmp_path), "--json"]
    given = b"Hi caf\xe9\r\n\n" + b"word " * 300 + b"\n\x00\x1b[31m\n" + b"And you?"
    done = subprocess.run([*line, "--max-tokens", "5"], input=given, capture_output=True)
    said = json.loads(done.stdout)
    assert [row["user"][:6] for row in said] == ["Hi caf", "word w", "\x00\x1b[31m", "And yo"]
    assert said[0]["user"] == "Hi caf\N{REPLACEMENT CHARACTER}"
    assert [row["assistant"] is None for row in said] == [False, True, False, False]
    assert done.returncode == 2
    (complaint,) = done.stderr.decode().splitlines()
    assert complaint.startswith("crawl2chat: line 2: the message has")


def test_an_interrupted_query_is_an_interrupt(tmp_path: Path, capsys: Any) -> None:
    from flows.cli import main

    slow = "SELECT count(*) FROM range(100000000000) a, range(100000) b"
    timer = threading.Timer(3, lambda: os.kill(os.getpid(), signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
    try:
        timer.start()
        assert main(["sql", slow, "--lake", str(tmp_path)]) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    said = capsys.readouterr().err
    assert said.startswith("crawl2chat: interrupted")
    assert said.count("\n") == 1


def test_control_characters_are_visible_and_text_is_untouched() -> None:
    assert streams.harmless("a\x1b[2J\x07\x7f\x9b\r\n\tä😀") == "a␛[2J␇␡\ufffd␍\n\tä😀"
