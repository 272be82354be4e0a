"""A file system that nobody can write in, root neither."""

import subprocess
from pathlib import Path

import pytest


@pytest.fixture
def read_only(tmp_path):
    """Makes a folder read-only, by mounting it over itself; skips where nothing can be mounted."""
    mounted: list[Path] = []

    def make(folder):
        for options in (["--bind"], ["-o", "remount,bind,ro"]):
            try:
                done = subprocess.run(
                    ["mount", *options, folder, folder], capture_output=True, text=True
                )
            except FileNotFoundError:
                pytest.skip("no mount command")
            if done.returncode != 0:
                pytest.skip(f"can't mount here: {done.stderr.strip()}")
            if not mounted:
                mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run(["umount", folder], check=True)
