"""Never more connections than allowed, in threads and processes; everybody slows down together."""

import json
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from crawl_server import Trouble
from patience import eventually

from pipeline.crawl.client import Client
from pipeline.crawl.range_file import RangeFile
from pipeline.crawl.source import base_url, cache_folder, index_url, join, place_of
from pipeline.crawl.transport import TransferError
from storage.errors import UserError

REPOSITORY = Path(__file__).resolve().parents[3]
DATA = bytes(range(256)) * 400


def test_connections_stay_within_the_limit_across_threads_and_processes(server, config):
    server.files["a"] = bytes(120_000)
    server.bytes_per_second = 2_000_000
    settings = config(connections=2, timeout_seconds=20.0)
    given = {"base_url": server.url, "cache": settings.cache, "connections": 2}
    program = (
        "import sys, json; from pipeline.crawl.client import Client\n"
        "from pipeline.crawl.source import DownloadConfig\n"
        "client = Client(DownloadConfig(**json.loads(sys.argv[1])))\n"
        "for _ in range(4): assert len(client.read(sys.argv[2])) == 120_000\n"
    )
    command = [sys.executable, "-c", program, json.dumps(given), f"{server.url}/a"]
    others = [subprocess.Popen(command, cwd=REPOSITORY) for _ in range(2)]
    client = Client(settings)
    threads = [
        threading.Thread(target=lambda: [client.read(f"{server.url}/a") for _ in range(4)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait() for process in others] == [0, 0]
    assert len(server.seen) == 24
    assert server.most_open == 2


def test_all_threads_wait_when_one_is_told_to_slow_down(server, config):
    server.files["a"] = server.files["b"] = DATA
    server.plan["a"].append(Trouble(status=429, retry_after="1"))
    client = Client(config())
    first = threading.Thread(target=client.read, args=(f"{server.url}/a",))
    first.start()
    eventually(lambda: client._not_before)  # it has been told
    assert client.read(f"{server.url}/b") == DATA
    first.join()
    refused = server.seen[0]
    assert all(seen.at - refused.at >= 1.0 for seen in server.seen[1:])


def test_each_pause_is_longer_up_to_the_longest(config):
    pauses: list[float] = []
    settings = config(tries=7, backoff_seconds=1.0, max_backoff_seconds=8.0)
    client = Client(settings, sleep=pauses.append)

    def attempt() -> bytes:
        raise TransferError("cut off")

    with pytest.raises(TransferError, match=r"cut off \(7 tries\)"):
        client.retry(attempt)
    assert all(
        0.5 * middle <= pause <= 1.5 * middle
        for pause, middle in zip(pauses, (1, 2, 4, 8, 8, 8), strict=True)
    )


def test_a_range_is_exactly_the_bytes_asked_for(server, client):
    server.files["a"] = DATA
    url = f"{server.url}/a"
    assert client.read(url, 1000, 3000) == DATA[1000:3000]
    assert client.read(url, len(DATA) - 10, len(DATA) + 50) == DATA[-10:]
    server.plan["a"] += [Trouble(ignore_range=True)]
    assert client.read(url, 1000, 3000) == DATA[1000:3000]
    server.plan["a"] += [Trouble(cut_after=100), Trouble(status=503), Trouble(add_to_length=-1)]
    assert client.read(url, 1000, 3000) == DATA[1000:3000]


def test_a_range_file_reads_like_a_file(server, client):
    server.files["a"] = DATA
    file = RangeFile(client, f"{server.url}/a")
    assert file.size == len(DATA)
    file.seek(-100, 2)
    assert file.read() == DATA[-100:]
    file.seek(50)
    buffer = bytearray(20)
    assert file.readinto(buffer) == 20
    assert bytes(buffer) == DATA[50:70]
    assert file.tell() == 70
    assert file.read_at(len(DATA) + 5, 10) == b""
    server.files["a"] = DATA[::-1]
    with pytest.raises(UserError, match="changed while it was read"):
        file.read_at(0, 10)


def test_a_listing_must_be_sound_gzip(server, client):
    import gzip

    server.files["list.gz"] = gzip.compress(b"a\nb\n")
    server.plan["list.gz"] += [Trouble(html=True), Trouble(add_to_length=-3)]
    assert client.read_lines(f"{server.url}/list.gz") == ["a", "b"]
    server.files["list.gz"] = b"no gzip"
    with pytest.raises(TransferError, match="no sound gzip"):
        client.read_lines(f"{server.url}/list.gz")


def test_addresses_and_places(config, monkeypatch, tmp_path):
    monkeypatch.setenv("CRAWL2CHAT_CRAWL_URL", "https://mirror.example/cc/")
    assert base_url(config(base_url="")) == "https://mirror.example/cc"
    assert index_url(config(base_url="")) == "https://mirror.example/cc"
    monkeypatch.delenv("CRAWL2CHAT_CRAWL_URL")
    assert base_url(config(base_url="")) == "https://data.commoncrawl.org"
    assert index_url(config(base_url="s3://commoncrawl")) == "https://index.commoncrawl.org"
    with pytest.raises(UserError, match="https://HOST or s3://BUCKET"):
        base_url(config(base_url="ftp://x/y"))
    assert join("s3://commoncrawl", "/a/b c.gz", config()) == "s3://commoncrawl/a/b%20c.gz"
    assert place_of("https://user:key@host:80/a/b%20c.gz") == "host:80/a/b c.gz"
    one, two = (place_of(f"https://host/a.b/get.warc.gz?id={n}") for n in (1, 2))
    assert one != two
    assert re.fullmatch(r"host/a\.b/get-[0-9a-f]{12}\.warc\.gz", one)
    assert place_of("https://host/a.b/get.warc.gz?&id=1&X-Goog-Date=9&Signature=x") == one
    assert place_of("https://host/a?b=1&c=2") == place_of("https://host/a?c=2&b=1")
    assert place_of("https://host/a.gz?X-Amz-Signature=1") == place_of("https://host/a.gz")
    monkeypatch.setenv("CRAWL2CHAT_CACHE", str(tmp_path / "elsewhere"))
    assert cache_folder(config(cache="")) == tmp_path / "elsewhere" / "crawl"
    with pytest.raises(UserError, match="connections: 0 must be above 0"):
        config(connections=0)
    with pytest.raises(UserError, match="one of auto, cdx"):
        config(index="athena")
