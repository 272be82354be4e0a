"""Copies of an S3 lake's files: what was asked for and no more, up to a size, used ones kept."""

import os
import subprocess
import sys
import time
import types
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from s3_server import s3_server

from storage import Lake, UserError, cache
from storage.durable import remove_tree
from storage.reads import Read

PAGES = pa.table(
    {"id": [f"{n:06d}" for n in range(3000)], "text": [os.urandom(50).hex() for _ in range(3000)]}
)
FILES = {"pages.parquet": PAGES, "read.json": b"{}", "signatures.bin": bytes(5000)}


@pytest.fixture(scope="module")
def server():
    with s3_server() as running:
        yield running


@pytest.fixture
def lake(server, monkeypatch, tmp_path):
    for name, value in server.environment(tmp_path / "cache").items():
        monkeypatch.setenv(name, value)
    server.client().create_bucket(Bucket=tmp_path.name.replace("_", "-"))
    return Lake(f"s3://{tmp_path.name.replace('_', '-')}/lake")


@pytest.fixture
def part(lake, make, server):
    made = make(lake, "scan", FILES)
    remove_tree(lake.disk.root)  # another machine
    server.requests.clear()
    return made


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


def fetched(server):
    asked = [path for method, path, span in server.requests if method == "GET" and span]
    return sorted({path.rpartition("/")[2] for path in asked})


def test_named_files_come_down_and_nothing_else(lake, part, server):
    folder = lake.local("scan", part.digest, [Read("read.json"), Read("sig*")])
    assert files(folder) == ["manifest.json", "read.json", "signatures.bin"]
    assert fetched(server) == ["read.json", "signatures.bin"]
    assert folder.parts[-2:] == ("scan", part.artifact)
    server.requests.clear()
    whole = lake.local("scan", part.digest)
    assert whole == folder
    assert fetched(server) == ["pages.parquet"], "the others are there"
    server.requests.clear()
    assert lake.local_file(part, "read.json") == whole / "read.json"
    assert fetched(server) == []


def test_single_columns_lie_apart_until_the_whole_file_is_there(lake, part, server):
    some = [Read("pages.parquet", ("id",)), Read("read.json")]
    pruned = lake.local("scan", part.digest, some)
    assert files(pruned) == ["manifest.json", "pages.parquet", "read.json"]
    assert pq.read_table(pruned / "pages.parquet", columns=["id"])["id"] == PAGES["id"]
    size = (pruned / "pages.parquet").stat()
    assert size.st_blocks * 512 < size.st_size / 3
    assert lake.local("scan", part.digest, some) == pruned
    whole = lake.local("scan", part.digest)
    assert pq.read_table(whole / "pages.parquet").equals(PAGES)
    assert lake.local("scan", part.digest, some) == whole
    both = [Read("pages.parquet", ("id",)), Read("*.parquet")]
    assert lake.local("scan", part.digest, both) == whole


def test_columns_of_a_file_of_another_length_are_refused(lake, part, server):
    client = server.client()
    key = f"lake/scan/{part.artifact}/pages.parquet"
    (bucket,) = {lake.tree.bucket}
    data = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    client.put_object(Bucket=bucket, Key=key, Body=data[:4] + bytes(8) + data[4:])
    with pytest.raises(UserError, match=r"damaged \(wrong length\)"):
        lake.local("scan", part.digest, [Read("pages.parquet", ("id",))])


def made_three(lake, make):
    made = [make(lake, "base", {"w.bin": bytes([n]) * 400_000}, recipe={"n": n}) for n in range(3)]
    remove_tree(lake.disk.root)
    lake.copies.max_bytes = 1_000_000
    return made


def aged(folder, seconds):
    when = time.time() - seconds
    os.utime(folder / "manifest.json", (when, when))


def test_above_the_cap_what_was_used_longest_ago_goes(lake, make):
    first, second, third = made_three(lake, make)
    with lake.lease() as lease:
        paths = [lake.local("base", made.digest, lease=lease) for made in (first, second)]
    aged(paths[0], 100)
    aged(paths[1], 50)
    with lake.lease() as lease:
        lake.local("base", first.digest, lease=lease)  # used again
    with lake.lease() as lease:
        lake.local("base", third.digest, lease=lease)
    assert [path.exists() for path in paths] == [True, False]
    assert list((lake.disk.root / ".staging").iterdir()) == []


def test_copies_are_counted_only_where_there_may_be_no_room(lake, make, monkeypatch):
    """A dump has 90,000 parts: looking at all copies for each would never end."""
    made_three(lake, make)
    copies = lake.copies
    counted: list[int] = []
    found = copies._all

    def counting():
        counted.append(1)
        return found()

    monkeypatch.setattr(copies, "_all", counting)
    copies.max_bytes = 10_000_000
    for _ in range(10):
        copies.make_room(10_000)
    assert len(counted) == 1
    for _ in range(100):
        copies.make_room(10_000)  # others may have brought as much
    assert len(counted) == 3
    copies.make_room(9_950_000)
    assert len(counted) == 4
    assert copies.make_room(10_500_000) == 500_000
    counted.clear()
    copies.make_room(1_000)  # all of it in use, or not there yet: no use in looking again
    assert counted == []
    usage = types.SimpleNamespace(free=100)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage)
    copies.max_bytes = 1 << 60
    assert copies.make_room(1_000) == 900


def test_of_single_columns_what_they_take_is_counted(lake, part):
    lake.copies.make_room(0)
    before = lake.copies._bytes
    lake.local("scan", part.digest, [Read("pages.parquet", ("id",))])
    assert 0 < lake.copies._bytes - before < part.files["pages.parquet"]["bytes"] / 2


def test_what_is_in_use_stays_though_the_cap_is_passed(lake, make):
    first, second, third = made_three(lake, make)
    with lake.lease() as lease, lake.lease() as other:
        paths = [lake.local("base", m.digest, lease=lease) for m in (first, second)]
        aged(paths[0], 100)
        paths.append(lake.local("base", third.digest, lease=other))
        assert all((path / "w.bin").exists() for path in paths)
    assert lake.copies.make_room(0) == 0
    assert [path.exists() for path in paths] == [False, True, True]


HOLDER = """
import sys, time
from storage import Lake
print(Lake(sys.argv[1]).local("base", sys.argv[2]), flush=True)
sys.stdin.read()
"""


def test_without_a_lease_it_stays_as_long_as_the_process(lake, make):
    first, second, third = made_three(lake, make)
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, lake.url, first.digest],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    held = child.stdout.readline().strip()
    aged(lake.copies.folder / held, 100)
    with lake.lease() as lease:
        for made in (second, third):
            lake.local("base", made.digest, lease=lease)
        assert Path(held).exists()
        child.kill()  # its lease dies with it
        child.wait()
        child.stdin.close()
        child.stdout.close()
        assert lake.copies.make_room(0) == 0
        assert not Path(held).exists()


def test_an_upload_is_kept_as_a_copy_where_there_is_room(lake, make, server):
    lake.copies.max_bytes = 1_000_000
    small = make(lake, "base", {"w.bin": bytes(400_000)}, recipe={"n": 1})
    server.requests.clear()
    with lake.lease() as lease:
        lake.local("base", small.digest, lease=lease)
    assert fetched(server) == []
    make(lake, "base", {"w.bin": os.urandom(1_200_000)}, recipe={"n": 2})
    assert len(list(lake.copies.folder.glob("*/base/*"))) == 1


def test_the_cap_is_a_setting_in_gigabytes(monkeypatch):
    monkeypatch.delenv("CRAWL2CHAT_LAKE_CACHE_GB", raising=False)
    assert cache.lake_bytes() == 200_000_000_000
    monkeypatch.setenv("CRAWL2CHAT_LAKE_CACHE_GB", "1.5")
    assert cache.lake_bytes() == 1_500_000_000
    for wrong in ("-1", "many", "inf", "nan"):
        monkeypatch.setenv("CRAWL2CHAT_LAKE_CACHE_GB", wrong)
        with pytest.raises(UserError, match=f"'{wrong}' is no number of gigabytes"):
            cache.lake_bytes()
