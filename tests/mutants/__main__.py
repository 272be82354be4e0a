"""Plants mutants in a copy of this repository and says which of them its tests let pass.

python -m tests.mutants --packages training,storage --sample 30 --seed 0
"""

import argparse
import os
import shutil
import signal
import sys
from pathlib import Path

from tests.mutants import warm
from tests.mutants.session import Session

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = {
    name: f"pipeline/{name}"
    for name in ("training", "sft", "rl", "curriculum", "model", "filters", "dedup")
} | {"storage": "storage"}
TABLE = "mutants-table"
LEFT = shutil.ignore_patterns("__pycache__", "*.egg-info", "lake", "build", "dist", ".?*")


def lay_out(repository: Path, work: Path) -> Path:
    """A fresh copy, whatever an interrupted run left of the last, and shared/ beside it."""
    tree = work / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(repository, tree, ignore=LEFT, symlinks=True)
    beside, shared = work / "shared", repository.parent / "shared"
    if shared.is_dir() and not beside.exists():
        beside.symlink_to(shared)
    return tree


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--packages", default=",".join(PACKAGES), help="names, by comma")
    parser.add_argument("--sample", type=int, default=30, help="mutants a package")
    parser.add_argument("--seed", type=int, default=0, help="decides which")
    parser.add_argument("--work", type=Path, default=REPOSITORY / ".mutants", help="kept folder")
    parser.add_argument("--write", type=Path, help="page whose table is written anew")
    asked = parser.parse_args()
    work = asked.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    tree = lay_out(REPOSITORY, work)
    warm.preload()
    by_package = {}
    for name in asked.packages.split(","):
        session = Session(tree, work, PACKAGES[name], asked.seed)
        by_package[name] = session.judge(asked.sample, lambda line: print(line, flush=True))

    # Only now: nothing of the project may be loaded where mutants are forked from.
    from tests.benchmarks.tables import write_table
    from tests.mutants.table import Equivalents, survivors, table

    equivalents = Equivalents.read()
    whole = table(by_package, equivalents)
    alive = survivors([m for mutants in by_package.values() for m in mutants], equivalents)
    (work / "survivors.txt").write_text(alive)
    print(f"\n{whole}\n\n{alive}", flush=True)
    if asked.write:
        write_table(asked.write, TABLE, f"Seed {asked.seed}:\n\n{whole}")


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no test is left behind
    main()
