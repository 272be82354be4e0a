"""kill -9 of the process that fetches, at random moments: it goes on, to the same bytes."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from crawl_server import crawl_server
from toy_dump import NAME, toy_dump, warc_file

from pipeline.crawl.file_cache import Cache
from pipeline.crawl.source import DownloadConfig, cache_folder

REPOSITORY = Path(__file__).resolve().parents[2]
SEED = 20260118
WHOLE = warc_file("big.warc.gz", [f"https://site{n}.example/page/{n}" for n in range(1500)])
PAGES = {f"https://site{n % 31}.example/page/{n}": "deu" for n in range(900)}
# as a flow does it: the list, the selection, then each file
PROGRAM = """
import json, sys
from pipeline.crawl import obtain
from pipeline.crawl.client import Client
from pipeline.crawl.dumps import resolve
from pipeline.crawl.selection import selection
from pipeline.crawl.source import DownloadConfig
what, given = sys.argv[1], json.loads(sys.argv[2])
client = Client(DownloadConfig(**given))
cache = obtain.cache_of(client.config)
if what.startswith("http"):
    files = [obtain.remote(what)]
else:
    files = obtain.selected_pages(client, cache, resolve(client, what), selection((), "deu", "", 0))
print("at work", flush=True)
for file in files:
    print(cache.path(file.place), obtain.obtain(client, cache, file).sha256, flush=True)
"""


def kill_at_random(command, draw, kills, longest):
    """Kill as often as asked, each time a moment after the work has begun; then let it end."""
    done = 0
    for _ in range(kills):
        with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(draw.uniform(0.0, longest))
            done += process.poll() is None
            process.kill()
    finished = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stderr
    return done, [line.split() for line in finished.stdout.splitlines()[1:]]


@pytest.fixture
def given(tmp_path):
    def settings(server, **more):
        return {"base_url": server.url, "cache": str(tmp_path / "cache"), "connections": 2, **more}

    return settings


def test_a_whole_file(given):
    with crawl_server() as server:
        server.files["big.warc.gz"] = WHOLE
        server.bytes_per_second = 2 * len(WHOLE)  # half a second, where undisturbed
        url = f"{server.url}/big.warc.gz"
        command = [sys.executable, "-c", PROGRAM, url, json.dumps(given(server))]
        done, ((path, _),) = kill_at_random(command, random.Random(SEED), 8, 0.12)
        assert done >= 4
        assert Path(path).read_bytes() == WHOLE
        assert server.sent < 2 * len(WHOLE)
        cache = Cache(cache_folder(DownloadConfig(**given(server))), 1 << 30)
        assert not [p for p in cache.folder.rglob("*.part*") if p.is_file()]


def test_single_pages(given, tmp_path):
    files, captures = toy_dump(PAGES, warcs=3)
    expected = sorted((c.filename, c.offset, c.length) for c in captures)
    wanted = b"".join(files[name][at : at + length] for name, at, length in expected)
    with crawl_server() as server:
        server.files.update(files)
        # many small requests: pages of 40 a file, one server thread that takes its time
        settings = given(server, pages_per_file=300)
        server.bytes_per_second = len(wanted)
        command = [sys.executable, "-c", PROGRAM, NAME, json.dumps(settings)]
        done, made = kill_at_random(command, random.Random(SEED), 6, 0.25)
        assert done >= 3
        assert b"".join(Path(path).read_bytes() for path, _ in made) == wanted
