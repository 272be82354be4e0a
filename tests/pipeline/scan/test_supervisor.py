"""Pages that hang, eat memory or crash cost their own row alone; kills from outside cost nothing.

What a hostile page does to C code, a stand-in for the extractor does here on certain pages.
"""

import ctypes
import dataclasses
import json
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
import pytest

from pipeline.crawl.warc import read_all
from pipeline.extract.config import ExtractConfig
from pipeline.extract.decode import decode
from pipeline.filters import measure
from pipeline.filters.url import UrlConfig
from pipeline.scan import batches, judge, page_process
from pipeline.scan import stage as scan
from pipeline.scan.config import ScanConfig
from pipeline.scan.judge import Judge
from pipeline.scan.second_try import TIME_DEPENDENT
from pipeline.scan.supervisor import NOTES, read_file
from pipeline.stage import SILENT
from storage.errors import UserError
from storage.tables import read_table

PAGES = 24
MEMORY_BYTES = 200 * 2**20
CONFIG = ScanConfig(
    url=UrlConfig(use_lists=False),
    extract=ExtractConfig(
        timeout_cpu_seconds=1.0, last_try_times=2.0, max_memory_bytes=MEMORY_BYTES
    ),
)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_RECORDS", 4)


@pytest.fixture(scope="module")
def warc(
    tmp_path_factory: pytest.TempPathFactory,
    make_warc: Callable[..., list[int]],
    make_page: Callable[..., bytes],
    prose: Callable[..., str],
) -> Path:
    pages = [
        {"url": f"http://h{number}.example/", "body": make_page(prose(str(number), 8))}
        for number in range(PAGES)
    ]
    path = tmp_path_factory.mktemp("supervised") / "a.warc.gz"
    make_warc(path, pages)
    return path


def build(path: Path, out: Path, config: ScanConfig = CONFIG) -> dict[str, dict]:
    """Rows of the ledger by URL."""
    out.mkdir()
    scratch = out.with_name(f"{out.name}.scratch")
    statistics = scan.build(
        out=out, inputs={"warc": [path]}, config=config, progress=SILENT, scratch=scratch
    )
    rows = read_table(out / "ledger.parquet").to_pylist()
    assert statistics["records"] == len(rows)
    timeouts = sum(row["rule"] == "timeout" for row in rows)
    assert statistics["time_dependent"] >= timeouts
    return {row["url"]: row for row in rows}


def contents(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir()}


def behave(
    monkeypatch: pytest.MonkeyPatch,
    prose: Callable[..., str],
    acts: Mapping[int, Callable[[], object]],
) -> None:
    """Have pages of these numbers do something to the process that works on them."""
    marks = {prose(str(number), 8)[:60]: act for number, act in acts.items()}

    def act_and_decode(html: bytes, charset: str = "") -> tuple[str, str]:
        text, found = decode(html, charset)
        for mark, act in marks.items():
            if mark in text:
                act()
        return text, found

    monkeypatch.setattr(judge, "plain_utf8", lambda *_: None)  # which needs no decoding
    monkeypatch.setattr(judge, "decode", act_and_decode)


def spin_in_c() -> None:
    libc = ctypes.PyDLL(None)  # holds the GIL: no Python signal handler could run
    while True:
        libc.qsort(bytes(4_000_000), 1_000_000, 4, libc.strcmp)


def sleep() -> None:
    ctypes.PyDLL(None).sleep(60)


def eat_memory() -> None:
    """Ask for ever more; never written to, so that the time limit can't come first anywhere."""
    eaten = []
    while True:
        eaten.append(bytes(2**22))


def segfault() -> None:
    ctypes.string_at(0)


def test_a_hostile_page_costs_its_own_row_alone(tmp_path, monkeypatch, warc, prose):
    calm = build(warc, tmp_path / "calm")
    assert {row["outcome"] for row in calm.values()} == {"kept"}
    acts = {3: spin_in_c, 8: eat_memory, 9: segfault, 23: os.abort}
    behave(monkeypatch, prose, acts)
    rows = build(warc, tmp_path / "out")
    wrong = {url: row for url, row in rows.items() if row["outcome"] != "kept"}
    found = {
        int(url[8:].split(".")[0]): (row["outcome"], row["stage"], row["rule"], row["value"])
        for url, row in wrong.items()
    }
    assert found == {
        3: ("error", "extract", "timeout", 2.0),  # the longer limit, since it had both
        8: ("error", "extract", "memory", None),
        9: ("error", "extract", "crash", None),
        23: ("error", "extract", "crash", None),
    }
    assert TIME_DEPENDENT in rows["http://h3.example/"]["detail"]
    assert "SIGSEGV" in rows["http://h9.example/"]["detail"]
    assert all(rows[url] == calm[url] for url in rows.keys() - wrong.keys())
    assert all(row["id"] == calm[url]["id"] for url, row in wrong.items())
    pages = {row["url"]: row for row in read_table(tmp_path / "out" / "pages.parquet").to_pylist()}
    before = read_table(tmp_path / "calm" / "pages.parquet").to_pylist()
    assert list(pages.values()) == [row for row in before if row["url"] not in wrong]
    # a second run knows the culprits and does not wait for them again
    notes = json.loads((tmp_path / "out.scratch" / NOTES).read_text())
    assert sorted(map(int, notes)) == [3, 8, 9, 23]
    judge = Judge(CONFIG)
    assert len(read_file(warc, judge, tmp_path / "out.scratch", lambda *_: None)) == 6


def test_a_page_that_waits_runs_into_the_clock(tmp_path, monkeypatch, warc, prose):
    behave(monkeypatch, prose, {15: sleep})
    extract = ExtractConfig(timeout_wall_seconds=0.7, last_try_times=2.0)
    rows = build(warc, tmp_path / "out", dataclasses.replace(CONFIG, extract=extract))
    (wrong,) = (row for row in rows.values() if row["outcome"] != "kept")
    assert (wrong["url"], wrong["rule"]) == ("http://h15.example/", "timeout")
    assert (wrong["value"], wrong["detail"]) == (1.4, f"seconds on the clock, {TIME_DEPENDENT}")


def first_times(marker: Path, times: int, act: Callable[[], object]) -> Callable[[], None]:
    """Do so the first times only, whichever process it is."""

    def act_or_not() -> None:
        with marker.open("a") as file:
            file.write("x")
        if marker.stat().st_size <= times:
            act()

    return act_or_not


def one_after_another(*acts: Callable[[], object]) -> Callable[[], None]:
    def act_all() -> None:
        for act in acts:
            act()

    return act_all


def test_a_busy_machine_changes_no_byte(tmp_path, monkeypatch, warc, prose):
    """Pages that load alone makes run out of time, or kills, are judged again at the end."""
    build(warc, tmp_path / "calm")

    def kill() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def take_longer() -> None:  # than the first limit, each time
        until = time.process_time() + 0.8
        while time.process_time() < until:
            pass

    acts = {
        2: take_longer,
        0: first_times(tmp_path / "0", 1, spin_in_c),
        10: first_times(tmp_path / "10", 3, kill),
        23: first_times(tmp_path / "23", 1, spin_in_c),
    }
    extract = ExtractConfig(timeout_cpu_seconds=0.5, last_try_times=60)
    config = dataclasses.replace(CONFIG, extract=extract)
    with monkeypatch.context() as patched:
        behave(patched, prose, acts)
        build(warc, tmp_path / "out", config)
    assert [(tmp_path / name).stat().st_size for name in ("0", "10", "23")] == [2, 4, 2]
    assert contents(tmp_path / "out") == contents(tmp_path / "calm")
    with monkeypatch.context() as patched:
        behave(patched, prose, {9: first_times(tmp_path / "9", 2, sleep)})
        waiting = ExtractConfig(timeout_wall_seconds=0.7, last_try_times=60)
        build(warc, tmp_path / "waited", dataclasses.replace(CONFIG, extract=waiting))
    assert (tmp_path / "9").stat().st_size == 3
    assert contents(tmp_path / "waited") == contents(tmp_path / "calm")
    # killed between a first try and the second: whatever is missing is done again
    scratch = tmp_path / "out.scratch"
    again = sorted(path.name for path in scratch.glob("again-*"))
    assert again == ["again-000000", "again-000002", "again-000005"]  # of four records each
    (scratch / "again-000002").unlink()
    (scratch / "again-000000").rename(scratch / "again-000001")  # of other records
    (scratch / "again-000005").write_bytes(b"cut short by a power cut")
    (tmp_path / "more.scratch").symlink_to(scratch)
    build(warc, tmp_path / "more", config)
    assert contents(tmp_path / "more") == contents(tmp_path / "calm")


def test_what_depends_on_time_even_then_is_counted(tmp_path, monkeypatch, warc, prose):
    """The row of a page that ends at neither limit is the same, whatever ended its first try."""

    def killed_then_slow() -> None:
        first_times(tmp_path / "kills", 3, lambda: os.kill(os.getpid(), signal.SIGKILL))()
        spin_in_c()

    made = []
    for name, act in (("slow", spin_in_c), ("killed", killed_then_slow)):
        with monkeypatch.context() as patched:
            behave(patched, prose, {6: act})
            folder = tmp_path / name
            rows = build(warc, folder)
        (wrong,) = (row for row in rows.values() if row["outcome"] != "kept")
        assert (wrong["rule"], wrong["value"]) == ("timeout", 2.0)
        made.append(contents(folder))
    assert made[0] == made[1]


def test_a_kill_from_outside_costs_nothing(tmp_path, monkeypatch, warc, prose):
    """Whoever is killed once (by the system, short of memory, say) is given another chance."""
    build(warc, tmp_path / "calm")
    marker = tmp_path / "killed"

    def die_once() -> None:
        with marker.open("a") as file:
            file.write("x")
        if marker.stat().st_size <= 2:
            os.kill(os.getpid(), signal.SIGKILL)

    behave(monkeypatch, prose, {10: die_once})
    build(warc, tmp_path / "out")
    assert marker.stat().st_size == 3
    assert contents(tmp_path / "out") == contents(tmp_path / "calm")


def test_a_page_that_is_always_killed_is_blamed(tmp_path, monkeypatch, warc, prose):
    behave(monkeypatch, prose, {10: lambda: os.kill(os.getpid(), signal.SIGKILL)})
    rows = build(warc, tmp_path / "out")
    assert [row["rule"] for row in rows.values() if row["outcome"] == "error"] == ["memory"]


def supervise(path: str, out: str) -> None:
    batches.BATCH_RECORDS = 4
    build(Path(path), Path(out))


def test_killed_at_any_moment_the_bytes_are_the_same(tmp_path, warc):
    """SIGKILL to the page process or to its supervisor, then the same once more."""
    build(warc, tmp_path / "calm")
    draw = random.Random(5)
    spawn = multiprocessing.get_context("spawn")
    scratch = tmp_path / "out.scratch"
    kills = 0
    for _ in range(30):
        out = tmp_path / "out"
        for file in out.iterdir() if out.is_dir() else ():
            file.unlink()
        out.rmdir() if out.is_dir() else None
        process = spawn.Process(target=supervise, args=(str(warc), str(out)))
        process.start()
        supervisor = psutil.Process(process.pid)
        wanted = len(list(scratch.glob("batch-*"))) + draw.randint(0, 1)
        deadline = time.monotonic() + 60
        while process.is_alive() and time.monotonic() < deadline:
            children = [p for p in supervisor.children() if p.is_running()]
            if children and len(list(scratch.glob("batch-*"))) >= wanted and kills < 5:
                victim = children[0] if draw.random() < 0.5 else supervisor
                victim.kill()
                kills += 1
                _, alive = psutil.wait_procs([victim], timeout=20)
                if victim is supervisor:
                    _, alive = psutil.wait_procs(children, timeout=20)
                    assert not alive, "the page process outlived its supervisor"
                    break
            time.sleep(0.002)
        process.join(60)
        if process.exitcode == 0:
            break
    assert process.exitcode == 0
    assert kills >= 2
    assert contents(tmp_path / "out") == contents(tmp_path / "calm")


def test_what_is_our_own_fault_fails_the_stage(tmp_path, monkeypatch, warc, capfd):
    monkeypatch.setattr(measure, "measure", lambda *_: 1 / 0)
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        build(warc, tmp_path / "out")
    assert "Traceback" in capfd.readouterr().err


def test_what_the_extractor_raises_is_the_page_s_row(tmp_path, monkeypatch, warc, prose):
    def fail() -> None:
        raise ValueError("odd markup")

    behave(monkeypatch, prose, {5: fail})
    row = build(warc, tmp_path / "out")["http://h5.example/"]
    assert (row["outcome"], row["rule"]) == ("error", "extractor_error")
    assert row["detail"] == "ValueError: odd markup"


def test_users_mistakes_and_full_disks_pass_through(tmp_path, monkeypatch, warc):
    path = tmp_path / "no.warc"
    path.write_text("nothing of the kind")
    with pytest.raises(UserError, match="is no WARC file"):
        build(path, tmp_path / "out")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(batches.BatchRows, "write", full)
    with pytest.raises(OSError, match="No space") as caught:
        build(warc, tmp_path / "full")
    assert caught.value.errno == 28


def test_a_cancelled_build_leaves_no_page_process(tmp_path, monkeypatch, warc, prose):
    behave(monkeypatch, prose, {2: sleep})
    calls = []

    def interrupt(*_: object) -> None:
        calls.append(_)
        raise KeyboardInterrupt

    config = dataclasses.replace(CONFIG, extract=ExtractConfig())
    before = set(psutil.Process().children())
    with pytest.raises(KeyboardInterrupt):
        read_file(warc, Judge(config), tmp_path / "scratch", interrupt)
    assert calls
    assert set(psutil.Process().children()) <= before


def test_what_a_page_died_of_at_its_second_try_is_what_its_row_says(
    tmp_path, monkeypatch, warc, prose
):
    """However the batches are cut: alone in its batch, or beside another that is tried again."""
    rows = []
    for size in (1, 4):
        monkeypatch.setattr(batches, "BATCH_RECORDS", size)
        out = tmp_path / str(size)
        slow = first_times(tmp_path / f"marker{size}", 1, spin_in_c)
        late = first_times(tmp_path / f"late{size}", 1, spin_in_c)
        with monkeypatch.context() as patched:
            behave(patched, prose, {6: one_after_another(slow, segfault), 7: late})
            extract = ExtractConfig(timeout_cpu_seconds=0.5, last_try_times=60)
            rows.append(build(warc, out, dataclasses.replace(CONFIG, extract=extract)))
    assert rows[0] == rows[1]
    assert [row["rule"] for row in rows[0].values() if row["outcome"] == "error"] == ["crash"]


def test_a_process_that_dies_before_a_record_is_not_laid_at_the_last_ones_door(
    tmp_path, monkeypatch, warc, prose
):
    """It is our reader's fault, and said so, however often the page before it has died."""

    def torn(path, limits, offset, *given):
        if offset:  # a second process, which goes on behind the first batches
            os.kill(os.getpid(), signal.SIGSEGV)
        return read_all(path, limits, offset, *given)

    monkeypatch.setattr(page_process, "read_all", torn)
    behave(monkeypatch, prose, {6: segfault})
    with pytest.raises(RuntimeError, match="died between records, at record"):
        build(warc, tmp_path / "out")
