"""What was typed is kept for the next session, for this user's eyes alone."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from flows.cli import line_editor
from flows.cli.line_editor import LineEditor, history_file
from flows.runner import streams


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets somebody type lines at a terminal that can move its cursor."""
    monkeypatch.setattr(streams, "is_plain", lambda stream: False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)

    def type_(*lines: str) -> None:
        waiting = iter(lines)
        monkeypatch.setattr("builtins.input", lambda prompt: next(waiting))

    return type_


def read(editor: LineEditor, count: int) -> list[str]:
    return [editor.read("you> ") for _ in range(count)]


def test_lines_are_kept_where_nobody_else_reads(typed: Any, tmp_path: Path) -> None:
    file = tmp_path / "state" / "crawl2chat" / "chat_history"
    typed("One?", "", "Zoë", "x" * 20_000, "/new")
    read(LineEditor(file), 5)
    assert file.read_text("utf-8").splitlines() == ["One?", "Zoë", "/new"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    file.chmod(0o644)
    typed("Two?")
    read(LineEditor(file), 1)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_they_come_back(typed: Any, tmp_path: Path) -> None:
    import readline

    file = tmp_path / "history"
    typed("One?", "Two?")
    read(LineEditor(file), 2)
    LineEditor(file)
    assert [readline.get_history_item(n) for n in (1, 2, 3)] == ["One?", "Two?", None]
    LineEditor(None)
    assert readline.get_current_history_length() == 0


def test_nothing_is_kept_where_nobody_wants_it(typed: Any, tmp_path: Path) -> None:
    typed("One?")
    assert read(LineEditor(None), 1) == ["One?"]
    assert list(tmp_path.iterdir()) == []


def test_a_plain_terminal_edits_and_keeps_nothing(
    typed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "is_plain", lambda stream: True)
    typed("One?")
    read(LineEditor(tmp_path / "history"), 1)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_no_reason_not_to_talk(
    typed: Any, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")  # somebody's trap: it is not followed
    for place in (tmp_path / "file" / "history", link):
        typed("One?")
        assert read(LineEditor(place), 1) == ["One?"]
    assert not (tmp_path / "elsewhere").exists()


def test_a_long_history_is_cut_to_its_end(
    typed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_editor, "MOST_LINES", 3)
    file = tmp_path / "history"
    file.write_text("".join(f"{n}\n" for n in range(7)))
    LineEditor(file)
    assert file.read_text().split() == ["4", "5", "6"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["history"]  # noqa: PTH208


def test_a_message_of_several_lines(typed: Any) -> None:
    typed('"""Say', "  this:", 'word"""', '"""one line"""', '"""', 'a "quote"', '"""', 'an """ in')
    expected = ["Say\n  this:\nword", "one line", '\na "quote"\n', 'an """ in']
    assert read(LineEditor(None), 4) == expected


def test_the_state_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert history_file() == tmp_path / "crawl2chat" / "chat_history"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert history_file() == tmp_path / ".local" / "state" / "crawl2chat" / "chat_history"


def test_tab_completes_commands_at_the_beginning_of_a_line(
    typed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import readline

    editor = LineEditor(None, ["/new", "/model", "/max-tokens"])
    monkeypatch.setattr(readline, "get_begidx", lambda: 0)
    assert [editor._completion("/m", n) for n in range(3)] == ["/max-tokens ", "/model ", None]
    monkeypatch.setattr(readline, "get_begidx", lambda: 5)
    assert editor._completion("/m", 0) is None
