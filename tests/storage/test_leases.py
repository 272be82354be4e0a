"""Leases: what a living owner holds is in use; what a dead one held is not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from storage import leases

HOLDER = """
import sys
from pathlib import Path
from storage import leases
leases.of_process(Path(sys.argv[1])).hold("theirs")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_file_is_in_use_until_it_is_let_go_as_often_as_held(tmp_path: Path) -> None:
    with leases.lease(tmp_path) as mine, leases.lease(tmp_path) as other:
        for _ in range(2):
            mine.hold("a")
        mine.hold("b")
        other.hold("c")
        assert leases.in_use(tmp_path) == {"a", "b", "c"}
        mine.release("a")
        assert leases.in_use(tmp_path) == {"a", "b", "c"}, "held once more"
        mine.release("a")
        mine.release("never held")
        assert leases.in_use(tmp_path) == {"b", "c"}
    assert leases.in_use(tmp_path) == set()
    assert not list((tmp_path / leases.LEASES).iterdir())


def test_a_cache_that_was_cleared_meanwhile_is_no_error(tmp_path: Path) -> None:
    with leases.lease(tmp_path) as mine:
        for path in (tmp_path / leases.LEASES).iterdir():
            path.unlink()
        (tmp_path / leases.LEASES).rmdir()
        mine.hold("a")


def test_of_a_process_there_is_one_for_a_folder(tmp_path: Path) -> None:
    one = leases.of_process(tmp_path / "a")
    assert leases.of_process(tmp_path / "a") is one
    assert leases.of_process(tmp_path / "b") is not one
    one.path.unlink()
    assert leases.of_process(tmp_path / "a") is not one, "its file is gone: a new one"


def test_what_a_killed_process_held_is_free(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    assert leases.in_use(tmp_path) == {"theirs"}
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    assert leases.in_use(tmp_path) == set()
    assert not list((tmp_path / leases.LEASES).iterdir())
