"""Files of a dump as tasks: each as soon as it is there, cached, never fetched for nothing."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from crawl_server import CrawlServer, Trouble, crawl_server
from toy_dump import NAME, toy_dump

from storage.digest import file_sha256
from storage.errors import UserError

PAGES = {f"https://site{n % 6}.example/page/{n}": ("deu", "eng")[n % 2] for n in range(48)}
FILES, CAPTURES = toy_dump(PAGES, warcs=6)
WARCS = sorted(path for path in FILES if path.endswith(".warc.gz"))


@pytest.fixture
def server() -> Iterator[CrawlServer]:
    with crawl_server() as running:
        running.files.update(FILES)
        yield running


@pytest.fixture
def run_over(prefect: None, server: CrawlServer, tmp_path: Path) -> Any:
    """run_over(use, made=…, download={…}, **input): a flow that calls use(files)."""
    from prefect import flow

    from flows.config import load
    from flows.downloads import warc_inputs
    from flows.inputs import spoken
    from flows.runner.flow_run import Run
    from storage import Lake

    def start(use: Any, made: Any = None, download: Any = None, **given: Any) -> Any:
        how = {
            "base_url": server.url,
            "cache": str(tmp_path / "cache"),
            "backoff_seconds": 0.01,
            "max_backoff_seconds": 0.05,
            "timeout_seconds": 5.0,
            "tries": 3,
            **(download or {}),
        }
        given.setdefault("paths", [NAME])
        tables: Any = {"input": given, "download": how}
        if "language" in given:  # as the command line does it
            kept = [spoken(given["language"])]
            tables["scan"] = {"gate": {"languages": kept}}
            tables["select"] = {"language": {"languages": kept}}
        config = load("ci", **tables)
        run = Run(config, Lake(tmp_path / "lake"))

        @flow(name="use-crawl")
        def over() -> Any:
            with warc_inputs(run, made) as files:
                return use(files)

        return over()

    return start


def number_of(pair: Any) -> int:
    return int(pair[0])


def names(files: Any) -> list[str]:
    return [file.path.name for _, file in sorted(files, key=number_of)]


def test_the_files_of_a_dump_in_its_order(run_over: Any, server: CrawlServer) -> None:
    found = sorted(run_over(list, files=3), key=number_of)
    assert sorted(number for number, _ in found) == [1, 2, 3]
    assert names(found) == [Path(path).name for path in WARCS[:3]]
    for number, file in found:
        assert file.path.read_bytes() == FILES[WARCS[number - 1]]
    fetched = [seen for seen in server.seen if seen.path in WARCS]
    assert len(fetched) == 3
    assert server.most_open <= 4
    assert sorted(run_over(list, files=3), key=number_of) == found
    assert len([seen for seen in server.seen if seen.path in WARCS]) == 3  # none again


def test_one_file_where_no_number_is_given_and_all_with_minus_one(run_over: Any) -> None:
    assert len(run_over(list)) == 1
    assert len(run_over(list, files=-1)) == 6


def test_local_files_come_first_and_dumps_after(run_over: Any, tmp_path: Path) -> None:
    local = tmp_path / "z.warc.gz"
    local.write_bytes(FILES[WARCS[0]])
    found = run_over(list, paths=[NAME, str(local)], files=2)
    assert names(found)[0] == "z.warc.gz"
    assert len(found) == 3


@pytest.fixture
def local(tmp_path: Path) -> list[str]:
    """Eight files of this disk."""
    folder = tmp_path / "local"
    folder.mkdir()
    for number in range(8):
        (folder / f"{number}.warc.gz").write_bytes(FILES[WARCS[number % 6]] + bytes(number))
    return [str(folder)]


def test_local_files_are_hashed_once_for_all_runs(
    run_over: Any, local: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from storage import file_hashes

    monkeypatch.setattr(file_hashes, "SETTLED_SECONDS", -1e9)  # as if they had lain here for long
    read: list[str] = []
    take = file_hashes.Hashes.take

    def counted(self: Any, path: Path, *given: Any) -> Any:
        read.append(path.name)
        return take(self, path, *given)

    monkeypatch.setattr(file_hashes.Hashes, "take", counted)
    found = sorted(run_over(list, paths=local), key=number_of)
    assert [number for number, _ in found] == list(range(1, 9))
    assert names(found) == sorted(read) == [f"{number}.warc.gz" for number in range(8)]
    assert all(file.sha256 == file_sha256(file.path) for _, file in found)
    assert run_over(list, paths=local) == found
    changed = Path(local[0]) / "3.warc.gz"
    changed.write_bytes(b"another")
    run_over(list, paths=local)
    assert len(read) == 9
    assert read[-1] == "3.warc.gz"


def test_local_files_are_hashed_side_by_side_and_not_long_before_they_are_read(
    run_over: Any, local: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect import task
    from prefect.task_runners import ThreadPoolTaskRunner

    from storage import file_hashes

    both = threading.Barrier(2, timeout=60)  # the first two, which wait for one another
    hashed: list[str] = []
    take = file_hashes.Hashes.take

    def met(self: Any, path: Path, *given: Any) -> Any:
        if path.name in ("0.warc.gz", "1.warc.gz"):
            both.wait()
        hashed.append(path.name)
        return take(self, path, *given)

    monkeypatch.setattr(file_hashes.Hashes, "take", met)
    ahead: list[int] = []
    done: list[str] = []

    @task
    def read(path: str) -> None:
        ahead.append(len(hashed) - len(done))
        done.append(path)

    def use(files: Any) -> int:
        pool: Any = ThreadPoolTaskRunner(max_workers=1)
        futures = []
        with pool as runner:
            for _, file in files:
                futures.append(runner.submit(read, parameters={"path": str(file.path)}))
                files.done_with(file, futures[-1])
            for future in futures:
                future.result()
        return len(done)

    assert run_over(use, paths=local, download={"files_ahead": 1}, workers=2) == 8
    assert max(ahead) <= 3 + 1  # what is under way, and the one that has just been let go


def test_a_file_that_vanishes_before_it_is_hashed_is_one_line(
    run_over: Any, local: list[str]
) -> None:
    def use(files: Any) -> Any:
        (Path(local[0]) / "7.warc.gz").unlink()
        return list(files)

    with pytest.raises(UserError, match=r"input .*7.warc.gz: No such file"):
        run_over(use, paths=local)


def test_one_address_is_an_input_too(run_over: Any, server: CrawlServer) -> None:
    ((number, file),) = run_over(list, paths=[f"{server.url}/{WARCS[2]}"])
    assert number == 1
    assert file.path.read_bytes() == FILES[WARCS[2]]


def test_two_addresses_that_differ_in_their_query_are_two_files(
    run_over: Any, server: CrawlServer
) -> None:
    addresses = []
    for number in range(2):
        server.files[f"get.warc.gz?file={number}"] = FILES[WARCS[number]]
        addresses.append(f"{server.url}/get.warc.gz?file={number}&X-Amz-Signature={number}")
        server.files[f"get.warc.gz?file={number}&X-Amz-Signature={number}"] = FILES[WARCS[number]]
    found = sorted(run_over(list, paths=addresses), key=number_of)
    assert [file.path.read_bytes() for _, file in found] == [FILES[WARCS[n]] for n in range(2)]
    assert all(name.startswith("get-") and name.endswith(".warc.gz") for name in names(found))
    server.seen.clear()
    unsigned = [address.partition("&")[0] for address in addresses]
    assert sorted(run_over(list, paths=unsigned), key=number_of) == found  # the same files
    assert not server.seen


def test_wet_files(run_over: Any) -> None:
    found = run_over(list, files=2, wet=True)
    assert all(name.endswith(".warc.wet.gz") for name in names(found))


def test_the_first_is_used_while_the_others_are_fetched(run_over: Any, server: CrawlServer) -> None:
    server.always[WARCS[4]] = Trouble(drip_seconds=0.0, stall_after=50)
    first = threading.Event()

    def use(files: Any) -> int:
        count = 0
        for count, _ in enumerate(files, 1):
            first.set()
            if count == 5:  # the stalled one is missing
                server.always.clear()
        return count

    assert run_over(use, files=6, download={"timeout_seconds": 0.5}) == 6
    assert first.is_set()


def test_downloads_wait_when_they_are_far_ahead(run_over: Any, server: CrawlServer) -> None:
    from prefect import task
    from prefect.task_runners import ThreadPoolTaskRunner

    most: list[int] = []

    @task
    def read(path: str) -> None:
        time.sleep(0.1)
        fetched = len({seen.path for seen in server.seen if seen.path in WARCS})
        most.append(fetched - len(most))

    def use(files: Any) -> int:
        pool: Any = ThreadPoolTaskRunner(max_workers=1)
        with pool as runner:
            for _, file in files:
                future = runner.submit(read, parameters={"path": str(file.path)})
                files.done_with(file, future)
        return len(files)

    assert run_over(use, files=6, download={"files_ahead": 1}, workers=1) == 6
    assert max(most) <= 2


def test_what_is_made_already_is_not_fetched_again(
    run_over: Any, server: CrawlServer, tmp_path: Path
) -> None:
    found = run_over(list, files=2)
    for _, file in found:
        file.path.unlink()  # as the cap would do
    server.seen.clear()
    again = run_over(list, made=lambda file: True, files=2)
    assert {file.sha256 for _, file in again} == {file.sha256 for _, file in found}
    assert not [seen for seen in server.seen if seen.path in WARCS]
    needed = found[0][1]
    again = run_over(list, made=lambda file: file.sha256 != needed.sha256, files=2)
    assert [seen.path for seen in server.seen if seen.path in WARCS] == [
        path for path in WARCS if path.endswith(needed.path.name)
    ]
    assert needed.path.exists()
    assert len(again) == 2


def test_chosen_pages_become_files_of_their_own(run_over: Any) -> None:
    from pipeline.crawl.limits import LimitsConfig
    from pipeline.crawl.warc import read_records

    for given in (
        {"language": "de"},
        {"hosts": ["site1.example", "site2.example"]},
        {"match": "*/page/1*"},
    ):
        urls = [
            record.url
            for _, file in run_over(list, **given)
            for record in read_records(file.path, LimitsConfig())
        ]
        wanted = [
            url
            for url, language in PAGES.items()
            if (language == "deu" or "language" not in given)
            and ("hosts" not in given or "site1." in url or "site2." in url)
            and ("match" not in given or "/page/1" in url)
        ]
        assert sorted(urls) == sorted(wanted)
    (file,) = run_over(list, language="de", pages=3)
    assert len(list(read_records(file[1].path, LimitsConfig()))) == 3
    one = run_over(list, language="de", files=1, pages=100)
    urls = [r.url for _, file in one for r in read_records(file.path, LimitsConfig())]
    assert sorted(urls) == sorted(
        c.url for c in CAPTURES if c.language == "deu" and c.filename == WARCS[0]
    )
    # of some files alone the pass picks out the language: they come whole
    ((_, file),) = run_over(list, language="de", files=1)
    assert file.path.read_bytes() == FILES[WARCS[0]]


def test_a_server_that_stays_away_is_one_line(
    run_over: Any, server: CrawlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import downloads
    from flows.runner.workers import NetworkError

    monkeypatch.setattr(downloads, "download", downloads.download.with_options(retries=0))
    server.always[WARCS[0]] = Trouble(status=503)
    with pytest.raises(NetworkError, match="503"):
        run_over(list, download={"tries": 1, "backoff_seconds": 0.0})


def test_a_selection_without_pages_is_said(run_over: Any) -> None:
    with pytest.raises(UserError, match="no page in it fits"):
        run_over(list, language="fra")
