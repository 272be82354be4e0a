"""Under Landlock one folder can be read, and not even that one be changed."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.tools.sandbox import landlock, system_calls


def kinds_of_errors(folder: Path, *deeds: Callable[[], object]) -> list[str]:
    """How each deed ends in a process that may read the folder alone; "" where it succeeds."""
    if not sys.platform.startswith("linux"):
        pytest.skip("Landlock is Linux's")
    try:
        landlock.version()
    except OSError as error:
        pytest.skip(f"no Landlock here: {error}")
    says, said = os.pipe()
    if (child := os.fork()) == 0:
        system_calls.prctl(system_calls.PR_SET_NO_NEW_PRIVS, 1, "prctl")
        landlock.restrict(landlock.reading_alone(os.open(folder, os.O_PATH)))
        for deed in deeds:
            try:
                deed()
                os.write(said, b"\n")
            except BaseException as error:
                os.write(said, f"{type(error).__name__}\n".encode())
        os._exit(0)
    os.close(said)
    os.waitpid(child, 0)
    text = os.read(says, 9999).decode()
    os.close(says)
    return text.split("\n")[:-1]


def deeds_in(place: Path) -> list[Callable[[], object]]:
    return [
        (place / "file").read_text,
        lambda: [*place.iterdir()],
        lambda: (place / "file").write_text("changed"),
        (place / "new").touch,
        (place / "folder").mkdir,
        (place / "file").unlink,
        lambda: (place / "link").symlink_to("file"),
        lambda: os.truncate(place / "file", 0),
        lambda: os.execv(place / "program", ["program"]),
    ]


def test_the_folder_can_be_read_and_nothing_else_be_done(tmp_path: Path) -> None:
    inside, beside = tmp_path / "inside", tmp_path / "beside"
    for place in (inside, beside):
        place.mkdir()
        (place / "file").write_text("it")
        (place / "program").write_text("#!/bin/sh\n")
        (place / "program").chmod(0o755)
    deeds = [*deeds_in(inside), *deeds_in(beside)]
    no = "PermissionError"
    assert kinds_of_errors(inside, *deeds) == ["", "", *[no] * 7, *[no] * 9]
    for place in (inside, beside):
        assert (place / "file").read_text() == "it"
        assert {path.name for path in place.iterdir()} == {"file", "program"}
