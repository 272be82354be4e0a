"""What each command costs over a lake of many parts: time, memory, requests to S3 and to Prefect.

`make bench-scale` makes lakes of 1,000, 10,000 and 90,000 tiny parts (scale_lake.py) in FOLDER,
joins each to a corpus by the project's own flow, runs every command in a process of its own, and
writes the tables into docs/operations.md. What is there already is not made again, and what was
measured is kept in FOLDER/measured.json: `--commands` measures some of them anew.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from storage.index import FOLDER as INDEX
from tests.benchmarks import scale_pages
from tests.benchmarks.tables import add_option, write_table

REPOSITORY = Path(__file__).resolve().parents[2]
TABLE = "scale"
LIMIT_SECONDS = 3600.0
BUCKET = "bucket"
PYTHON = sys.executable
FIRST_RUN = "run corpus, parts made, the rest not"
CACHED_RUN = "run corpus, all made"
READ_RUN = "run corpus, nothing made"
FIRST_LOOK = "artifacts, no index yet"
SECONDS_TO_ANSWER = 120.0


def commands(parts: int) -> dict[str, list[str]]:
    """What is asked of a lake that has a corpus; LAKE and FILES are filled in."""
    url = scale_pages.page_url(parts // 2, 1)
    collect = "import sys; from storage import Lake; Lake(sys.argv[1]).collect_garbage()"
    cli = [PYTHON, "-m", "flows.cli"]
    asked = {
        FIRST_LOOK: ["artifacts"],
        "artifacts": ["artifacts"],
        "sql, one URL in ledger": ["sql", f"SELECT outcome, rule FROM ledger WHERE url = '{url}'"],
        "sql, ledger by rule": ["sql", "SELECT stage, rule, count(*) FROM ledger GROUP BY ALL"],
        "sql, one URL in pages": ["sql", f"SELECT language FROM pages WHERE url = '{url}'"],
        "explain": ["explain", url],
        "funnel": ["funnel"],
        "plan": ["plan", "--preset", "cpu"],
        "report": ["report", "--out", os.devnull],
    }
    lake = ["--lake", "LAKE"]
    found = {name: [*cli, *arguments, *lake] for name, arguments in asked.items()}
    found["collect garbage"] = [PYTHON, "-c", collect, "LAKE"]
    found[CACHED_RUN] = [*cli, "run", "corpus", "--preset", "cpu", "--input", "FILES", *lake]
    return found


@dataclasses.dataclass
class Cost:
    """Of one command."""

    command: str
    store: str  # disk or S3
    parts: int
    seconds: float = 0.0
    cpu_seconds: float = 0.0  # with the processes it waited for
    peak_bytes: int = 0  # of the largest of them
    code: int = 0
    s3_requests: dict[str, int] = dataclasses.field(default_factory=dict)
    api_requests: dict[str, int] = dataclasses.field(default_factory=dict)
    api_cpu_seconds: float = 0.0  # of the Prefect server
    task_runs: int = 0  # that it had recorded when the run ended
    database_bytes: int = 0  # that it grew by

    @property
    def key(self) -> tuple[str, str, int]:
        return self.command, self.store, self.parts


def run(command: list[str], environment: dict[str, str], log: Path) -> dict[str, Any]:
    """Run it to its end: time, CPU time, peak memory, exit code."""
    started = time.monotonic()
    with log.open("wb") as said:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=REPOSITORY,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        timer = threading.Timer(LIMIT_SECONDS, lambda: os.killpg(process.pid, signal.SIGKILL))
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
    return {
        "seconds": time.monotonic() - started,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * 1024,
        "code": process.returncode,
    }


class Server:
    """A process that says its port, and counts requests."""

    def __init__(self, module: str, *arguments: str, path: str, **environment: str) -> None:
        command = [PYTHON, "-m", module, *arguments]
        self._process = subprocess.Popen(
            command, env={**os.environ, **environment}, cwd=REPOSITORY, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        self.address = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        self._counts = self.address + path

    def wait(self) -> None:
        """Until it answers."""
        deadline = time.monotonic() + SECONDS_TO_ANSWER
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                self.counts()
                return
            time.sleep(0.2)
        raise RuntimeError(f"{self._counts} does not answer")

    def counts(self) -> dict[str, int]:
        with urllib.request.urlopen(self._counts, timeout=60) as answer:
            found: dict[str, int] = json.load(answer)
        return found

    def cpu_seconds(self) -> float:
        used = psutil.Process(self._process.pid).cpu_times()
        return float(used.user + used.system)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


class Bench:
    """Lakes, what was measured of them, and the servers that a measurement wants."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.results = folder / "measured.json"
        known = json.loads(self.results.read_text()) if self.results.exists() else []
        self.costs = {cost.key: cost for cost in (Cost(**row) for row in known)}
        self.environment = {
            **os.environ,
            "DO_NOT_TRACK": "1",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_HOME": str(folder / "prefect"),
            "CRAWL2CHAT_CACHE": str(folder / "cache"),
            "AWS_ACCESS_KEY_ID": "scale",
            "AWS_SECRET_ACCESS_KEY": "scale",
        }

    def lake(self, parts: int) -> Path:
        return self.folder / f"{parts}" / "lake"

    def prepare(self, parts: int) -> None:
        """The lake of so many parts, joined to a corpus."""
        place = self.folder / f"{parts}"
        if (FIRST_RUN, "disk", parts) in self.costs:
            return
        build = [PYTHON, "-m", "tests.benchmarks.scale_lake", str(place), "--parts", str(parts)]
        subprocess.run(build, check=True, cwd=REPOSITORY)
        command = commands(parts)[CACHED_RUN]
        self.measure(FIRST_RUN, command, "disk", parts, str(self.lake(parts)))

    def measure(self, name: str, command: list[str], store: str, parts: int, lake: str) -> None:
        """One command, with the servers it talks to."""
        files = str(self.folder / f"{parts}" / "files")
        filled = [{"LAKE": lake, "FILES": files}.get(word, word) for word in command]
        log = self.folder / "last.log"
        cost = Cost(name, store, parts)
        if name == FIRST_LOOK:
            place = self.lake(parts) if store == "disk" else self.bucket_folder(parts)
            shutil.rmtree(place / INDEX, ignore_errors=True)
        with contextlib.ExitStack() as stack:
            environment = dict(self.environment)
            if store == "S3":
                self.forget_copies()
                bucket = self.folder / f"{parts}" / "s3"
                s3 = Server("tests.benchmarks.scale_s3", str(bucket), path="/?counts")
                stack.callback(s3.stop)
                environment["AWS_ENDPOINT_URL"] = s3.address
            api = None
            if "run" in filled:
                api = stack.enter_context(self.prefect(environment))
                before, size, used = api.counts(), self.database_bytes(), api.cpu_seconds()
            for key, value in run(filled, environment, log).items():
                setattr(cost, key, value)
            if store == "S3":
                cost.s3_requests = s3.counts()
            if api is not None:
                now = api.counts()
                cost.api_requests = {k: n - before.get(k, 0) for k, n in now.items()}
                cost.api_cpu_seconds = api.cpu_seconds() - used
        if "run" in filled:
            cost.database_bytes = self.database_bytes() - size
            cost.task_runs = self.task_runs()
        if cost.code and cost.code != -signal.SIGKILL:
            print(log.read_text()[-2000:], file=sys.stderr)
        self.costs[cost.key] = cost
        rows = [dataclasses.asdict(c) for c in self.costs.values()]
        self.results.write_text(json.dumps(rows, indent=1))
        asked = sum(cost.s3_requests.values()), sum(cost.api_requests.values())
        print(
            f"{name} ({store}, {parts:,}): {cost.seconds:.1f} s, CPU {cost.cpu_seconds:.1f} s,"
            f" {cost.peak_bytes / 1e6:,.0f} MB, S3 {asked[0]:,}, API {asked[1]:,}"
            f"{f', code {cost.code}' if cost.code else ''}",
            flush=True,
        )

    def forget_copies(self) -> None:
        """Each command begins with none of the lake's; hashes of local files and the like stay."""
        for copies in (self.folder / "cache").glob("*/.copies"):
            shutil.rmtree(copies.parent)

    @contextlib.contextmanager
    def prefect(self, environment: dict[str, str]) -> Iterator[Server]:
        """A server with an empty database."""
        shutil.rmtree(self.folder / "prefect", ignore_errors=True)
        names = ("PREFECT_HOME", "DO_NOT_TRACK", "PREFECT_SERVER_ANALYTICS_ENABLED")
        its = {name: environment[name] for name in names}
        api = Server("tests.benchmarks.scale_prefect", path="/counts", **its)
        try:
            api.wait()
            environment["PREFECT_API_URL"] = f"{api.address}/api"
            yield api
        finally:
            api.stop()

    def database_bytes(self) -> int:
        return sum(file.stat().st_size for file in (self.folder / "prefect").glob("prefect.db*"))

    def task_runs(self) -> int:
        path = self.folder / "prefect" / "prefect.db"
        with contextlib.closing(sqlite3.connect(path)) as database:
            return int(database.execute("SELECT count(*) FROM task_run").fetchone()[0])

    def bucket_folder(self, parts: int) -> Path:
        return self.folder / f"{parts}" / "s3" / BUCKET / "lake"

    def bucket(self, parts: int) -> str:
        """The lake as a bucket's folder, by links, without its index: objects have other times."""
        target = self.bucket_folder(parts)
        if not target.exists():
            hidden = shutil.ignore_patterns(".*", "runs")
            shutil.copytree(self.lake(parts), target, copy_function=os.link, ignore=hidden)
        return f"s3://{BUCKET}/lake"

    def read(self, parts: int) -> None:
        """A run that makes every part."""
        shutil.rmtree(self.folder / "fresh", ignore_errors=True)
        files = self.folder / f"{parts}" / "files"
        files.mkdir(parents=True, exist_ok=True)
        for number in range(parts):
            (files / scale_pages.warc_name(number)).write_bytes(scale_pages.warc(number))
        command = commands(parts)[CACHED_RUN]
        self.measure(READ_RUN, command, "disk", parts, str(self.folder / "fresh"))


def tables(costs: dict[tuple[str, str, int], Cost]) -> str:
    """Markdown: a table of each store, and what the runs asked of Prefect."""
    sizes = sorted({parts for _, _, parts in costs if (FIRST_RUN, "disk", parts) in costs})
    lines: list[str] = []
    for store in ("disk", "S3"):
        names = dict.fromkeys(name for name, where, _ in costs if where == store)
        names.pop(READ_RUN, None)
        if not names:
            continue
        head = [f"{parts:,} parts" for parts in sizes]
        lines += [f"| {store} | " + " | ".join(head) + " |", "|---" * (len(sizes) + 1) + "|"]
        for name in names:
            cells = [_cell(costs.get((name, store, parts))) for parts in sizes]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        lines.append("")
    runs = [c for c in costs.values() if c.api_requests]
    head = ["run", "parts", "task runs", "API requests", "messages", "server's CPU", "database"]
    lines += ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for cost in sorted(runs, key=lambda c: (c.command, c.store, c.parts)):
        messages = sum(n for what, n in cost.api_requests.items() if what.startswith("message"))
        requests = sum(cost.api_requests.values()) - messages
        cells = [f"{cost.command} ({cost.store})", f"{cost.parts:,}", f"{cost.task_runs:,}"]
        cells += [f"{requests:,}", f"{messages:,}", f"{_seconds(cost.api_cpu_seconds)} s"]
        cells += [f"{cost.database_bytes / 1e6:.1f} MB"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(cost: Cost | None) -> str:
    if cost is None:
        return ""
    if cost.code == -signal.SIGKILL:
        return f"more than {LIMIT_SECONDS:,.0f} s"
    if cost.code:
        return f"failed ({cost.code})"
    times = f"{_seconds(cost.seconds)} s (CPU {_seconds(cost.cpu_seconds)})"
    cell = f"{times}, {cost.peak_bytes / 1e6:,.0f} MB"
    asked = sum(cost.s3_requests.values())
    return f"{cell}, {asked:,} requests" if cost.store == "S3" else cell


def _seconds(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--parts", default="1000,10000,90000")
    parser.add_argument("--s3", default="1000,10000", help="sizes that are measured on S3 as well")
    parser.add_argument("--read", type=int, default=200, help="parts of a run that makes them all")
    parser.add_argument("--commands", help="only those whose names begin with one of these (;)")
    add_option(parser)
    chosen = parser.parse_args()
    bench = Bench(chosen.folder.resolve())
    only = tuple(chosen.commands.split(";")) if chosen.commands else ("",)
    stores = {"disk": _sizes(chosen.parts), "S3": _sizes(chosen.s3)}
    for parts in stores["disk"]:
        bench.prepare(parts)
    for store, sizes in stores.items():
        for parts in sizes:
            lake = str(bench.lake(parts)) if store == "disk" else bench.bucket(parts)
            for name, command in commands(parts).items():
                if name.startswith(only):
                    bench.measure(name, command, store, parts, lake)
    if chosen.read and READ_RUN.startswith(only):
        bench.read(chosen.read)
    text = tables(bench.costs)
    print(text)
    if chosen.write:
        write_table(chosen.write, TABLE, text)


def _sizes(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


if __name__ == "__main__":
    main()
