"""`crawl2chat label` as raters use it: lines from a pipe, keys at a terminal, kills, mistakes."""

import fcntl
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from labeling import states
from patience import PATIENCE_SECONDS, eventually
from toy_artifacts import post_training  # noqa: F401

from flows.cli.entry import main
from flows.labeling_store import store_path
from pipeline.labels import guideline
from pipeline.labels.finished_work import FinishedRow, finished
from pipeline.labels.labeling_task import LabelingTask
from pipeline.labels.task_store import opened, tasks_of
from storage import Lake
from storage.digest import artifact_digest
from storage.errors import UserError

TASKS: list[dict[str, Any]] = [
    {"prompt": "Why is the sky blue?"},
    {"prompt": "What is 2 + 2?", "answer": "It is 5."},
    {"prompt": "Who are you?", "answers": ["A model.", "A pirate \x1b[31m, arr."]},
]
Typed = Callable[[str, Sequence[str]], int]


@pytest.fixture
def lake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A lake with a store of three tasks and two raters."""
    rows = "".join(json.dumps(row) + "\n" for row in TASKS)
    (tmp_path / "tasks.jsonl").write_text(rows)
    lake = str(tmp_path / "lake")
    settings = ("--set", "overlap_share=0", "--set", "gold_share=0")
    assert main(["label", "add", str(tmp_path / "tasks.jsonl"), "--lake", lake, *settings]) == 0
    assert main(["label", "raters", "mara", "tom", "--lake", lake]) == 0
    said = capsys.readouterr().out
    assert "3 tasks added to" in said
    assert "(0 gold, 0 for several raters), 0 were there" in said
    assert said.endswith("mara\ntom\n")
    return tmp_path / "lake"


@pytest.fixture
def typed(lake: Path, monkeypatch: pytest.MonkeyPatch) -> Typed:
    def run(lines: str, options: Sequence[str] = ("--rater", "mara")) -> int:
        monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
        return main(["label", "--lake", str(lake), *options])

    return run


def answers(lake: Path) -> list[FinishedRow]:
    with opened(lake / ".labels" / "tasks.sqlite") as store:
        return list(finished(store))


def by_kind(lake: Path) -> dict[str, str]:
    return {row["kind"]: row["answer"] for row in answers(lake)}


def tasks(lake: Path) -> list[LabelingTask]:
    with opened(lake / ".labels" / "tasks.sqlite") as store:
        return tasks_of(store)


def state(lake: Path, number: int) -> dict[str, str]:
    with opened(lake / ".labels" / "tasks.sqlite") as store:
        return states(store, tasks_of(store)[number].id)


def first_answer(screen: str) -> str:
    """The winner behind key 1: which of the pirate and the model is shown first."""
    return "a" if screen.index("A model.") < screen.index("A pirate") else "b"


def test_a_rater_answers_everything(
    lake: Path, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("Air scatters\n\nblue light.\n.\nIt is 4.\n.\n1\n", ("--rater", "mara")) == 0
    screen = capsys.readouterr().out
    assert by_kind(lake) == {
        "write": "Air scatters\n\nblue light.",
        "correct": "It is 4.",
        "compare": first_answer(screen),
    }
    assert "\x1b" not in screen  # the model's answer commands no terminal
    assert screen.count("Saved.") == 3
    assert screen.endswith("3 answered, 0 skipped; there is nothing more for you now.\n")
    assert all(row["rater"] == "mara" and row["seconds"] is not None for row in answers(lake))


@pytest.mark.parametrize(("key", "winner"), [("1", 0), ("2", 1), ("=", "tie")])
def test_keys_of_a_comparison(
    lake: Path, typed: Typed, capsys: pytest.CaptureFixture[str], key: str, winner: int | str
) -> None:
    assert typed(f"/skip\n/skip\n 3\nyes\n{key}\n", ("--rater", "tom")) == 0
    screen = capsys.readouterr().out
    assert screen.count("Not understood") == 2
    order = ("a", "b") if first_answer(screen) == "a" else ("b", "a")
    assert by_kind(lake) == {"compare": winner if isinstance(winner, str) else order[winner]}
    assert state(lake, 0) == {"tom": "skipped"}


def test_skip_back_and_quit_and_who_comes_again_goes_on(
    lake: Path, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        typed("/back\nNo idea.\n.\n/back\nBetter idea.\n.\nhalf\n/quit\n", ("--rater", "mara")) == 0
    )
    screen = capsys.readouterr().out
    assert "Nothing before this one." in screen
    assert "your earlier answer" in screen
    assert "No idea." in screen
    assert screen.endswith("2 answered, 0 skipped; the rest waits for you.\n")
    assert by_kind(lake) == {"write": "Better idea."}
    assert state(lake, 1) == {}  # let go of
    assert typed("/ok\n/back\n/back\n/keep\nq\n", ("--rater", "mara")) == 0
    assert by_kind(lake) == {"write": "Better idea.", "correct": "It is 5."}
    assert typed("b\n/keep\n=\n", ("--rater", "mara")) == 0
    assert by_kind(lake) == {"write": "Better idea.", "correct": "It is 5.", "compare": "tie"}
    assert typed("1\n", ("--rater", "mara")) == 0
    assert capsys.readouterr().out.endswith("there is nothing more for you now.\n")
    assert by_kind(lake)["compare"] == "tie"


def test_the_end_of_input_in_an_answer_keeps_none_of_it(lake: Path, typed: Typed) -> None:
    assert typed("I was about to\n", ("--rater", "mara")) == 0
    assert answers(lake) == []
    assert state(lake, 0) == {}
    assert typed("", ("--rater", "mara")) == 0


def test_lines_that_would_be_commands(lake: Path, typed: Typed) -> None:
    assert typed("\\?\n\\/quit\n\\.\n\\n is a line break\n.\n", ("--rater", "mara")) == 0
    assert by_kind(lake) == {"write": "?\n/quit\n.\n\\n is a line break"}


def test_an_empty_answer_is_none(
    lake: Path, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(".\n\n  \n.\n/ok\n/keep\nAn answer.\n.\n", ("--rater", "mara")) == 0
    assert capsys.readouterr().out.count("Not understood") == 4
    assert by_kind(lake) == {"write": "An answer."}


def test_the_guideline_is_shown_and_is_the_documents(
    typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("?\n/skip\n?\n/quit\n", ("--rater", "mara")) == 0
    screen = capsys.readouterr().out
    plain = " ".join(guideline().split())
    assert " ".join(screen.split()).count(plain) == 2
    page = Path(__file__).parents[3] / "docs" / "labeling.md"
    assert page.read_text().endswith("\n\n" + guideline())
    assert all(word in plain for word in ("Helpful", "Truthful", "Harmless"))


def test_the_editor_begins_with_the_answer(
    lake: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "editor.sh"
    script.write_text('#!/bin/sh\nsed -i s/5/4/ "$2"\necho "$1" >> "$2"\n')
    script.chmod(0o755)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"{script} 'Quite so.'")
    assert typed("/skip\n/edit\n/quit\n", ("--rater", "mara")) == 0
    assert by_kind(lake) == {"correct": "It is 4.Quite so."}
    monkeypatch.setenv("EDITOR", "/no/such/editor")
    assert typed("/back\n/edit\n", ("--rater", "mara")) == 2
    assert by_kind(lake) == {"correct": "It is 4.Quite so."}


def test_json_is_one_document(typed: Typed, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("Yes.\n.\n/skip\n/quit\n", ("--rater", "mara", "--json")) == 0
    out, screen = capsys.readouterr()
    assert json.loads(out) == {
        "rater": "mara",
        "answered": 1,
        "skipped": 1,
        "surplus": 0,
        "left": True,
    }
    assert "Why is the sky blue?" in screen


def test_status_and_export(
    lake: Path, typed: Typed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("Yes.\n.\n/ok\n2\n", ("--rater", "mara")) == 0
    capsys.readouterr()
    assert typed("", ("status", "--json")) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["counts"]["open"] == {"compare": 0, "correct": 0, "write": 0}
    assert [rater["rater"] for rater in found["raters"]] == ["mara"]
    assert typed("", ("status",)) == 0
    assert "no comparisons by several raters yet" in capsys.readouterr().out
    target = tmp_path / "out.jsonl"
    assert typed("", ("export", str(target))) == 0
    other = str(tmp_path / "other.sqlite")
    assert main(["label", "add", str(target), "--store", other]) == 0
    with opened(Path(other)) as store:
        assert tasks_of(store) == tasks(lake)


def refused(capsys: pytest.CaptureFixture[str], words: str, *arguments: str) -> None:
    capsys.readouterr()
    assert main(["label", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert words in err


def test_mistakes_are_one_line(
    lake: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    at = ("--lake", str(lake))
    refused(capsys, "say who you are: --rater NAME", *at)
    refused(capsys, "no rater 'Mara' in", "--rater", "Mara", *at)
    refused(capsys, "no labelers' store at", "--rater", "mara", "--lake", str(tmp_path / "new"))
    refused(capsys, "no labelers' store at", "status", "--lake", str(tmp_path / "new"))
    assert not (tmp_path / "new").exists()
    refused(capsys, "name files of tasks, or --conversations N", "add", *at)
    refused(capsys, "no conversations in lake", "add", "--conversations", "3", *at)
    (tmp_path / "bad.jsonl").write_text('{"prompt": "fine"}\n{"instruction": "x"}\n')
    refused(capsys, "bad.jsonl:2: unknown 'instruction'", "add", str(tmp_path / "bad.jsonl"), *at)
    assert len(tasks(lake)) == len(TASKS)
    refused(
        capsys, "bad.jsonl:2", "add", str(tmp_path / "bad.jsonl"), "--lake", str(tmp_path / "n")
    )
    assert not (tmp_path / "n").exists()
    good = str(tmp_path / "tasks.jsonl")
    refused(capsys, "--set is for a new store", "add", good, "--set", "seed=1", *at)
    new = ("--store", str(tmp_path / "x.sqlite"))
    refused(capsys, "a labelers' store has lease_seconds", "add", good, "--set", "lease=1", *new)
    refused(capsys, "no whole number", "add", good, "--set", "seed=1.5", *new)
    refused(capsys, "must be above 0", "add", good, "--set", "lease_seconds=0", *new)
    (tmp_path / "prompts.txt").write_text("Who?\n")
    prompts = ("add", str(tmp_path / "prompts.txt"))
    refused(capsys, "no sft model in lake", *prompts, "--model", "sft", *new)
    refused(capsys, "shows 0 answers, 1 are given", "add", good, "--model", "sft", *new)
    refused(capsys, "no labelers' store at", "raters", "mara", *new)
    assert not (tmp_path / "x.sqlite").exists()
    refused(capsys, "name one file", "export", *at)


def test_the_store_of_a_lake_in_an_object_store_is_a_file_here(tmp_path: Path) -> None:
    remote: Any = types.SimpleNamespace(tree=object(), url="s3://bucket/lake")
    with pytest.raises(UserError, match=r"lake s3://bucket/lake: .*--store FILE, or input.labels"):
        store_path(remote, "")
    assert store_path(remote, str(tmp_path / "s")) == tmp_path / "s"
    assert store_path(Lake(tmp_path), "") == tmp_path / ".labels" / "tasks.sqlite"


def test_the_lakes_conversations_as_tasks(
    lake: Path,
    post_training: Any,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    opened_lake = Lake(lake)
    digest = artifact_digest("conversations", 1, {}, {})
    staging = opened_lake.staging("conversations", digest)
    source = post_training.conversations / "conversations.parquet"
    (staging / "conversations.parquet").write_bytes(source.read_bytes())
    opened_lake.commit(staging, "conversations", digest, 1, {}, {}, {}, {})
    opened_lake.set_heads({"conversations": digest})
    add = ("label", "add", "--conversations", "5", "--lake", str(lake), "--json")
    assert main([*add, "--kind", "correct"]) == 0
    capsys.readouterr()
    assert [task.kind for task in tasks(lake)[3:]] == ["correct"] * 5
    model = ("--model", str(post_training.chat), "--max-tokens", "6")
    assert main([*add, *model]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["new"] + found["answered_alike"] + found["too_long"] == 5
    assert [task.kind for task in tasks(lake)[8:]] == ["compare"] * found["new"]


def start(lake: Path, **options: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "flows.cli", "label", "--lake", str(lake), "--rater", "mara"]
    return subprocess.Popen(command, **options)


def test_a_killed_rater_loses_the_line_being_typed_and_nothing_else(
    lake: Path, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    process = start(lake, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert process.stdin is not None
    process.stdin.write(b"Air scatters blue light.\n.\nIt is\n")
    process.stdin.flush()
    eventually(lambda: state(lake, 1) == {"mara": "leased"})
    os.kill(process.pid, signal.SIGKILL)
    process.wait(PATIENCE_SECONDS)
    process.stdin.close()
    assert by_kind(lake) == {"write": "Air scatters blue light."}
    assert state(lake, 1) == {"mara": "leased"}  # until its lease ends
    assert typed("1\n", ("--rater", "tom")) == 0  # who gets the next one
    assert by_kind(lake).keys() == {"write", "compare"}
    assert typed("It is 4.\n.\n", ("--rater", "mara")) == 0  # and goes on where she was
    assert by_kind(lake)["correct"] == "It is 4."


def own_terminal() -> None:
    """In the child: stdin is its terminal; Ctrl-C is heard, which background jobs ignore."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Screen:
    """A terminal at which a process runs."""

    def __init__(self, lake: Path, columns: int = 100) -> None:
        main_end, other = pty.openpty()
        self.descriptor, self.text = main_end, ""
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": f"{columns}"}
        environment.pop("NO_COLOR", None)
        self.process = start(
            lake,
            stdin=other,
            stdout=other,
            stderr=other,
            env=environment,
            start_new_session=True,  # whose terminal it is: Ctrl-C reaches it
            preexec_fn=own_terminal,
        )
        os.close(other)

    def interrupt(self) -> None:
        """Ctrl-C, again after some seconds if it wasn't heard: as Python begins to read a line, a
        signal may come after its last look for one and before it waits for keys, and is then
        heard at the next."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while "interrupted" not in self.text:
            assert time.monotonic() < deadline, self.text
            self.types("\x03")
            again = time.monotonic() + 5
            while "interrupted" not in self.text and time.monotonic() < again:
                if select.select([self.descriptor], [], [], 1)[0]:
                    self.text += os.read(self.descriptor, 4096).decode("utf-8", "replace")

    def shows(self, words: str) -> str:
        """All that was shown, once these words are there; what was shown before is forgotten."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while words not in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.text):
            assert time.monotonic() < deadline, self.text
            if select.select([self.descriptor], [], [], 1)[0]:
                try:
                    self.text += os.read(self.descriptor, 4096).decode("utf-8", "replace")
                except OSError:  # the other end is closed
                    assert words in self.text, self.text
        found, self.text = self.text, ""
        return found

    def types(self, text: str) -> None:
        os.write(self.descriptor, text.encode())


def test_at_a_terminal(lake: Path) -> None:
    screen = Screen(lake)
    assert "Why is the sky blue?" in screen.shows("> ")
    screen.types("?\n")
    assert "\x1b[" in screen.shows("Nobody asks why.")  # set as Markdown
    screen.types("Air scattters\x7f\x7f\x7f\x7f\x7fters blue light.\n.\n")
    screen.shows("Saved.")
    screen.types("/ok\n")
    screen.shows("1, 2 or = (tie)")
    screen.interrupt()
    assert screen.process.wait(PATIENCE_SECONDS) == 130
    assert by_kind(lake) == {"write": "Air scatters blue light.", "correct": "It is 5."}
    assert state(lake, 2) == {}


def test_the_end_of_typing_ends_it(lake: Path) -> None:
    screen = Screen(lake)
    screen.shows("> ")
    screen.types("\x04")
    screen.shows("0 answered, 0 skipped; the rest waits for you.")
    assert screen.process.wait(PATIENCE_SECONDS) == 0
