"""Tests that share something costly run in one process: else each process makes it for itself."""

import re
import subprocess
import sys
from pathlib import Path

from patience import PATIENCE_SECONDS

REPOSITORY = Path(__file__).resolve().parents[1]
FILES = ("tests/storage/test_redaction.py", "tests/storage/test_manifest.py")
LEAST = 8  # tests of each file: that chance sends them all to one of two processes is 1 in 128


def test_the_tests_of_a_file_stay_in_one_process() -> None:
    """Our hook comes before pytest-xdist's, and pytest shows the groups that it writes."""
    command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadgroup", "-vv", *FILES]
    done = subprocess.run(
        [*command, "--no-loadscope-reorder", "-p", "no:cacheprovider"],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=PATIENCE_SECONDS,
    )
    ran = re.findall(r"^\[(gw\d)\].* PASSED (\S+?)::", done.stdout, re.MULTILINE)
    for file in FILES:
        workers = [worker for worker, of in ran if of == file]
        assert len(workers) >= LEAST, done.stdout
        assert len(set(workers)) == 1, file
