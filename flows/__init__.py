"""Orchestration: the only place that imports prefect, and so the place that settles how it
behaves.
"""

import os
import sys


def _forget_current_directory() -> None:
    """Take the user's folder out of the search path, where this is a program and no library.

    First of all: with `python -m flows.cli`, or `PYTHONPATH=.`, any `queue.py` there would be taken
    for the standard library's, and any `pipeline.py` for ours.
    """
    line = sys.orig_argv
    module = line[line.index("-m") + 1 : line.index("-m") + 2] if "-m" in line else []
    program = os.path.basename(sys.argv[0] if sys.argv else "")
    if program != "crawl2chat" and not (module and module[0].split(".")[0] == __name__):
        return
    try:
        here = os.path.realpath(os.getcwd())
    except OSError:  # deleted
        return
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    relative = {os.path.join(here, path) for path in given if not os.path.isabs(path)}
    root = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    unwanted = {here, *map(os.path.realpath, relative)} - {root}
    # pathlib, say, would be looked for in the very folders that are to be left out
    sys.path[:] = [path for path in sys.path if os.path.realpath(path) not in unwanted]


_forget_current_directory()

from flows.runner import settings  # noqa: E402

settings.configure()
