"""What a worker process is started with."""

import subprocess
import sys

import pytest

from flows.runner import child_process

FAULTS = """
import resource, threading, torch
from pipeline.training.allocator import keep_freed_memory
keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def work():
    for turn in range(6):
        if turn == 3:
            before = faults()
        kept = [torch.empty(3_000_000, dtype=torch.uint8).fill_(1) for _ in range(60)]
        kept.clear()
    print(faults() - before)
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's")
def test_threads_of_a_worker_keep_freed_memory() -> None:
    """Sixty blocks of 3 MB, three times, cost 5,000 page faults in an arena of their own."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", FAULTS],
        capture_output=True,
        text=True,
        check=True,
        env=child_process.worker_environment(),
    )
    assert int(done.stdout) < 500


def test_what_the_user_sets_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"MALLOC_ARENA_MAX": "7", "OMP_WAIT_POLICY": "ACTIVE"}
    for name in given:
        monkeypatch.delenv(name, raising=False)
    assert child_process.worker_environment()["OMP_WAIT_POLICY"] == "PASSIVE"
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert given.items() <= child_process.worker_environment().items()
