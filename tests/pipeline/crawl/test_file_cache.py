"""The cap is kept by removing what was not used for longest, and never what is in use."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from forgetful_disk import LOST, ForgetfulDisk
from toy_dump import warc_file

from pipeline.crawl.download import download
from pipeline.crawl.file_cache import Cache, Stored
from pipeline.crawl.source import place_of
from storage.durable import DiskFull

REPOSITORY = Path(__file__).resolve().parents[3]


def put(cache: Cache, place: str, size: int, used: float) -> None:
    part = cache.part(place)
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(bytes(size))
    cache.store(place, Stored("http://x", size, hashlib.sha256(bytes(size)).hexdigest(), ""))
    path = cache.path(place)
    os.utime(path.with_name(f".{path.name}.json"), (used, used))


def there(cache: Cache) -> list[str]:
    return [place for place in ("h/a", "h/b", "h/c", "h/d") if cache.path(place).exists()]


def test_the_least_recently_used_go_first(tmp_path):
    cache = Cache(tmp_path, 1000)
    for used, place in enumerate(("h/b", "h/a", "h/c"), 1):
        put(cache, place, 300, float(used))
    assert cache.make_room(100) == 0
    assert there(cache) == ["h/a", "h/b", "h/c"]
    assert cache.stored("h/b") is not None  # used: now the newest
    assert cache.make_room(300) == 0
    assert there(cache) == ["h/b", "h/c"]
    known = cache.known("h/a")
    assert known is not None  # what it held is still known
    assert known.bytes == 300
    assert cache.stored("h/a") is None


@pytest.mark.parametrize("lost", LOST)
def test_a_stored_file_survives_a_power_cut(tmp_path, lost):
    (tmp_path / "disk").mkdir()
    disk = ForgetfulDisk(tmp_path / "disk", tmp_path / "notes")
    cache = Cache(disk.root / "cache", 1000)
    end = disk.watch()
    with cache.alone("h/deep/a"):
        put(cache, "h/deep/a", 300, 1.0)
    end()
    disk.power_cut(lost)
    assert cache.stored("h/deep/a") is not None
    assert cache.path("h/deep/a").read_bytes() == bytes(300)


def test_what_a_running_flow_uses_stays(tmp_path):
    cache = Cache(tmp_path, 500)
    put(cache, "h/a", 300, 1.0)
    put(cache, "h/b", 300, 2.0)
    with cache.lease() as lease, Cache(tmp_path, 500).lease() as other:
        lease.hold("h/a")
        lease.hold("h/a")
        other.hold("h/b")
        assert cache.make_room(100) == 200  # nothing can go
        assert there(cache) == ["h/a", "h/b"]
        lease.release("h/a")
        assert cache.make_room(100) == 200  # held twice
        lease.release("h/a")
        assert cache.make_room(100) == 0
        assert there(cache) == ["h/b"]


def test_a_part_that_grows_is_in_use_too_and_an_old_one_is_not(tmp_path):
    cache = Cache(tmp_path, 100)
    for place in ("h/a", "h/b"):
        cache.part(place).parent.mkdir(parents=True, exist_ok=True)
        cache.part(place).write_bytes(bytes(80))
    with cache.lease() as lease:
        lease.hold("h/a")
        cache.make_room(50)
    assert cache.part("h/a").exists()
    assert not cache.part("h/b").exists()


def test_the_claim_of_a_killed_process_ends_with_it(tmp_path):
    cache = Cache(tmp_path, 100)
    put(cache, "h/a", 80, 1.0)
    program = (
        "import sys, time; from pathlib import Path; from pipeline.crawl.file_cache import Cache\n"
        "with Cache(Path(sys.argv[1]), 100).lease() as lease:\n"
        "    lease.hold('h/a'); print('held', flush=True); time.sleep(3600)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert cache.make_room(50) == 30
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert cache.make_room(50) == 0
    assert there(cache) == []
    assert list((tmp_path / ".leases").iterdir()) == []


def test_downloads_stay_below_the_cap(server, client, config, tmp_path):
    sizes = {}
    for number in range(5):
        data = warc_file("w", [f"https://s{number}.example/{n}" for n in range(40)])
        server.files[f"{number}.warc.gz"] = data
        sizes[number] = len(data)
    cache = Cache(tmp_path / "cache" / "crawl", int(2.5 * max(sizes.values())))
    for number in range(5):
        download(client, cache, f"{server.url}/{number}.warc.gz")
        held = sum(p.stat().st_size for p in cache.folder.rglob("*.warc.gz"))
        assert held <= cache.max_bytes
    left = sorted(p.name for p in cache.folder.rglob("*.warc.gz"))
    assert left == ["3.warc.gz", "4.warc.gz"]


def test_a_file_that_is_there_is_not_brought_again_and_one_on_its_way_is_in_use(
    tmp_path,
):
    cache = Cache(tmp_path, 10)
    brought = []

    def bring() -> Stored:
        assert cache.make_room(10) == 1  # the part stays, though it is in the way
        brought.append(cache.part("h/a").read_bytes())
        stored = Stored("u", 1, "0" * 64, "")
        cache.store("h/a", stored)
        return stored

    cache.part("h/a").parent.mkdir(parents=True)
    cache.part("h/a").write_bytes(b"x")
    assert cache.once("h/a", bring) == cache.once("h/a", bring) == cache.stored("h/a")
    assert brought == [b"x"]


def test_a_disk_that_is_full_while_a_file_is_brought_names_the_cache(cache):
    def bring() -> Stored:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DiskFull, match=str(cache.folder)):
        cache.once("h/a", bring)


def test_two_who_want_the_same_file_fetch_it_once(server, client, cache):
    server.files["a.warc.gz"] = warc_file("w", [f"https://s.example/{n}" for n in range(60)])
    server.bytes_per_second = 500_000
    url = f"{server.url}/a.warc.gz"
    threads = [threading.Thread(target=download, args=(client, cache, url)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.seen) == 1
    assert cache.stored(place_of(url)) is not None


def test_a_kill_between_rename_and_record_costs_no_second_download(server, client, cache):
    server.files["a.warc.gz"] = warc_file("w", [f"https://s.example/{n}" for n in range(60)])
    url = f"{server.url}/a.warc.gz"
    download(client, cache, url)
    path = cache.path(place_of(url))
    record = path.with_name(f".{path.name}.json")
    note = path.with_name(f".{path.name}.part.json")
    stored = cache.stored(place_of(url))
    # as the kill would have left it: the note of the part is the last thing to go
    note.write_text(
        f'{{"url": "{url}", "validator": "{stored.validator[1:-1]}", "total": {stored.bytes}}}'
    )
    record.unlink()
    again = download(client, cache, url)
    assert again.sha256 == stored.sha256
    assert len(server.seen) == 1


def test_a_file_cut_behind_our_back_is_fetched_again(server, client, cache):
    data = warc_file("w", [f"https://s.example/{n}" for n in range(60)])
    server.files["a.warc.gz"] = data
    url = f"{server.url}/a.warc.gz"
    download(client, cache, url)
    path = cache.path(place_of(url))
    path.write_bytes(data[:-100])
    assert download(client, cache, url).bytes == len(data)
    assert path.read_bytes() == data
