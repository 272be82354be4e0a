"""Ranges of an object as a file, and DuckDB over it: a query costs the columns that it reads."""

import datetime
import io
import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import duckdb
import fsspec
import pyarrow as pa
import pytest
from s3_server import s3_server

from storage import aws
from storage.remote_file import BLOCK_BYTES, BLOCKS, RangeReader, RemoteFile
from storage.tables import write_tables
from storage.transfer import ObjectAddress

DATA = random.Random(3).randbytes(BLOCK_BYTES * 5 + 77)


@pytest.fixture(scope="module")
def server():
    with s3_server() as running, pytest.MonkeyPatch.context() as patch:
        for name, value in running.environment().items():
            patch.setenv(name, value)
        running.client().create_bucket(Bucket="big")
        yield running


@pytest.fixture
def place(server):
    found = ObjectAddress(aws.client(server.url), "big", "key")
    found.client.put_object(**found.named, Body=DATA)
    server.requests.clear()
    return found


def spans(server):
    return [span for method, _, span in server.requests if method == "GET"]


def test_it_reads_as_a_file_does(place, tmp_path):
    (tmp_path / "same").write_bytes(DATA)
    rng, ours = random.Random(5), RemoteFile(place)
    with (tmp_path / "same").open("rb") as theirs:
        for _ in range(60):
            whence = rng.choice([os.SEEK_SET, os.SEEK_END, os.SEEK_CUR])
            offset = rng.randrange(len(DATA))
            offset -= {os.SEEK_SET: 0, os.SEEK_END: len(DATA), os.SEEK_CUR: theirs.tell()}[whence]
            size = rng.choice([0, 1, 10, BLOCK_BYTES, 3 * BLOCK_BYTES, -1])
            assert ours.seek(offset, whence) == theirs.seek(offset, whence)
            assert ours.read(size) == theirs.read(size)
            assert ours.tell() == theirs.tell()
        assert ours.read() == theirs.read()


def test_neighbours_come_in_one_request_and_stay(place, server):
    file = RemoteFile(place)
    file.seek(BLOCK_BYTES - 1)
    assert file.read(2 * BLOCK_BYTES) == DATA[BLOCK_BYTES - 1 : 3 * BLOCK_BYTES - 1]
    assert spans(server) == [f"bytes=0-{3 * BLOCK_BYTES - 1}"]
    file.seek(0)
    file.read(4 * BLOCK_BYTES)
    assert spans(server)[1:] == [f"bytes={3 * BLOCK_BYTES}-{4 * BLOCK_BYTES - 1}"]
    assert len(file._blocks) == 4 <= BLOCKS
    file.close()
    file.seek(0)
    file.read(1)
    assert len(spans(server)) == 3


def test_a_few_blocks_are_kept(place, monkeypatch):
    monkeypatch.setattr("storage.remote_file.BLOCKS", 2)
    file = RemoteFile(place)
    assert file.read() == DATA
    assert sorted(file._blocks) == [4, 5]
    file.seek(0)
    assert file.read(1) == DATA[:1]
    assert sorted(file._blocks) == [0, 5]


def test_threads_have_places_of_their_own(place):
    file, wrong = RemoteFile(place), []

    def work(number):
        for step in range(20):
            at = (number * 7919 + step * 104_729) % (len(DATA) - 100)
            file.seek(at)
            if file.read(100) != DATA[at : at + 100]:
                wrong.append(at)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_another_version_is_not_mixed_in(place):
    file = RemoteFile(place)
    place.client.put_object(**place.named, Body=bytes(len(DATA)))
    with pytest.raises(ConnectionError, match="changed while it was read"):
        file.read(10)


class OneFile(fsspec.AbstractFileSystem):
    protocol = "one"
    cachable = False

    def __init__(self, place):
        super().__init__()
        self.place = place

    def open(self, path, mode="rb", **_):
        return RemoteFile(self.place)

    def glob(self, path, **_):
        return [path]

    def modified(self, path):
        return datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

    def info(self, path, **_):
        return {"name": path, "size": RemoteFile(self.place).size, "type": "file"}


def test_duckdb_fetches_the_columns_of_a_query(place, server, tmp_path):
    rows = 20_000
    rng = random.Random(9)
    table = pa.table({"n": range(rows), "text": [rng.randbytes(150).hex() for _ in range(rows)]})
    write_tables([table], table.schema, tmp_path / "t.parquet", 5_000)
    data = (tmp_path / "t.parquet").read_bytes()
    place.client.put_object(**place.named, Body=data)
    server.requests.clear()
    with duckdb.connect(":memory:") as connection:
        connection.register_filesystem(OneFile(place))
        query = "SELECT sum(n)::BIGINT FROM read_parquet('one://t.parquet')"
        assert connection.sql(query).fetchall() == [(rows * (rows - 1) // 2,)]
    edges = [span.removeprefix("bytes=").split("-") for span in spans(server)]
    fetched = sum(int(stop) - int(start) + 1 for start, stop in edges)
    assert fetched < len(data) / 2


def test_a_file_of_python_s_has_one_position_for_all_threads(place, tmp_path):
    """Arrow reads a row group's columns in whichever thread is free."""
    (tmp_path / "same").write_bytes(DATA)
    rng, ours = random.Random(7), io.BufferedReader(RangeReader(RemoteFile(place)))
    with (tmp_path / "same").open("rb") as theirs, ThreadPoolExecutor(1) as pool:
        for number in range(60):
            whence = rng.choice([os.SEEK_SET, os.SEEK_END, os.SEEK_CUR])
            offset = rng.randrange(len(DATA))
            offset -= {os.SEEK_SET: 0, os.SEEK_END: len(DATA), os.SEEK_CUR: theirs.tell()}[whence]
            size = rng.choice([1, 10, BLOCK_BYTES])
            assert ours.seek(offset, whence) == theirs.seek(offset, whence)
            read = pool.submit(ours.read, size).result() if number % 2 else ours.read(size)
            assert read == theirs.read(size)
            assert ours.tell() == theirs.tell()
