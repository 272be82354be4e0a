"""Large objects: parts of the right size, ranges of one version, failures half-way."""

import hashlib
import random

import pytest
from s3_server import s3_server

from storage import aws, transfer
from storage.errors import UserError
from storage.transfer import MIB, ObjectAddress

DATA = random.Random(7).randbytes(11 * MIB + 123)


@pytest.fixture(scope="module")
def running():
    with s3_server() as server:
        server.client().create_bucket(Bucket="big")
        yield server


@pytest.fixture
def server(running, monkeypatch):
    for name, value in (("ID", "testing-key-id"), ("", "testing-secret-key")):
        middle = "ACCESS_KEY_ID" if name else "SECRET_ACCESS_KEY"
        monkeypatch.setenv(f"AWS_{middle}", value)
    monkeypatch.setattr(transfer, "PART_BYTES", 5 * MIB)
    running.requests.clear()
    yield running
    running.before = lambda method, path: None


@pytest.fixture
def place(server):
    return ObjectAddress(aws.client(server.url), "big", "a/file")


def test_the_size_of_parts_follows_from_the_size_of_the_file():
    assert transfer.part_bytes(0, "x") == transfer.PART_BYTES
    # where pyarrow's 10 MiB ended
    assert transfer.part_bytes(98 << 30, "x") == transfer.PART_BYTES
    for size in (157 << 30, 200 << 30, 5 << 40, 48 << 40):
        step = transfer.part_bytes(size, "x")
        assert step % MIB == 0
        assert -(-size // step) <= transfer.MOST_PARTS
        assert step <= transfer.MOST_PART_BYTES
    with pytest.raises(UserError, match=r"s3://b/k: 54,975,581,388,800 bytes, but an object of S3"):
        transfer.part_bytes(50 << 40, "s3://b/k")


def test_up_in_parts_and_down_in_ranges(server, place, tmp_path):
    (tmp_path / "up").write_bytes(DATA)
    transfer.upload(tmp_path / "up", place, {"sha256": "abc"})
    sent = [path for method, path, _ in server.requests if method == "PUT"]
    assert len(sent) == 3
    assert all("partNumber=" in path for path in sent)
    head = place.client.head_object(**place.named)
    assert head["Metadata"] == {"sha256": "abc"}
    server.requests.clear()
    transfer.download(place, tmp_path / "deep" / "down")
    down = (tmp_path / "deep" / "down").read_bytes()
    assert hashlib.sha256(down).digest() == hashlib.sha256(DATA).digest()
    asked = sorted(span for method, _, span in server.requests if method == "GET")
    assert asked == ["bytes=0-5242879", "bytes=10485760-11534458", "bytes=5242880-10485759"]


@pytest.mark.parametrize("size", [0, 1, 5 * MIB])
def test_what_fits_is_sent_at_once(server, place, tmp_path, size):
    (tmp_path / "up").write_bytes(DATA[:size])
    transfer.upload(tmp_path / "up", place, {})
    assert [method for method, _, _ in server.requests] == ["PUT"]
    transfer.download(place, tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == DATA[:size]


def test_an_upload_that_fails_leaves_no_parts(server, place, tmp_path):
    place.client.delete_object(**place.named)
    (tmp_path / "up").write_bytes(DATA)

    def fail(method, path):
        if method == "PUT":
            raise OSError("the server is gone")

    server.before = fail
    with pytest.raises(ConnectionError):
        transfer.upload(tmp_path / "up", place, {})
    assert "Uploads" not in place.client.list_multipart_uploads(Bucket="big")
    with pytest.raises(FileNotFoundError):
        transfer.download(place, tmp_path / "down")


def test_a_file_that_changes_while_it_is_fetched_is_no_mixture(server, place, tmp_path):
    (tmp_path / "up").write_bytes(DATA)
    transfer.upload(tmp_path / "up", place, {})
    client, gets = server.client(), 0

    def swap(method, path):
        nonlocal gets
        gets += method == "GET"
        if method == "GET" and gets == 2:
            client.put_object(**place.named, Body=bytes(len(DATA)))

    server.before = swap
    with pytest.raises(ConnectionError, match="changed while it was read"):
        transfer.download(place, tmp_path / "down")


def test_a_range_that_breaks_off_is_asked_for_again(place, monkeypatch):
    from botocore.exceptions import IncompleteReadError
    from botocore.response import StreamingBody

    place.client.put_object(**place.named, Body=DATA[:1000])
    read, broken = StreamingBody.read, 2

    def breaks(self, amt=None):
        nonlocal broken
        if broken:
            broken -= 1
            raise IncompleteReadError(actual_bytes=1, expected_bytes=1000)
        return read(self, amt)

    monkeypatch.setattr(StreamingBody, "read", breaks)
    etag = place.client.head_object(**place.named)["ETag"]
    assert transfer.read_range(place, 10, 30, etag) == DATA[10:30]
    broken = transfer.TRIES
    with pytest.raises(ConnectionError, match="s3://big/a/file"):
        transfer.read_range(place, 10, 30, etag)
