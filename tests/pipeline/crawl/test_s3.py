"""The same downloads from S3: moto's server, real HTTP."""

import dataclasses
import json

import pytest
from aws_account import account
from s3_server import s3_server
from toy_dump import NAME, toy_dump

from pipeline.crawl import obtain, s3_rest
from pipeline.crawl.client import Client
from pipeline.crawl.dumps import resolve
from pipeline.crawl.limits import LimitsConfig
from pipeline.crawl.selection import selection
from pipeline.crawl.transport import Missing
from pipeline.crawl.warc import read_records
from storage.errors import UserError

PAGES = {f"https://site{n % 4}.example/page/{n}": ("deu", "eng")[n % 2] for n in range(24)}
FILES, CAPTURES = toy_dump(PAGES, warcs=2)


@pytest.fixture(scope="module")
def moto():
    with s3_server() as server:
        client = server.client()
        client.create_bucket(Bucket="commoncrawl", ACL="public-read")
        for path, data in FILES.items():
            client.put_object(Bucket="commoncrawl", Key=path, Body=data, ACL="public-read")
        yield server.url


@pytest.fixture
def client(moto, config, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    return Client(config(base_url="s3://commoncrawl", index_url="s3://commoncrawl"))


def test_whole_files_and_single_pages_unsigned(client, cache):
    dump = resolve(client, NAME)
    (file, _) = obtain.whole_files(client, dump, "warc", 0)
    obtain.obtain(client, cache, file)
    path = cache.path(file.place)
    assert path.read_bytes() == FILES[file.url.removeprefix("s3://commoncrawl/")]
    wishes = {
        selection((), "deu", "", 0): [c.url for c in CAPTURES if c.language == "deu"],
        selection(("site1.example",), "", "", 0): [c.url for c in CAPTURES if "site1." in c.url],
    }
    for chosen, wanted in wishes.items():
        (pages,) = obtain.selected_pages(client, cache, dump, chosen)
        obtain.obtain(client, cache, pages)
        records = read_records(cache.path(pages.place), LimitsConfig())
        assert sorted(record.url for record in records) == sorted(wanted)


def test_the_rest_of_an_object_is_asked_for(client, cache):
    dump = resolve(client, NAME)
    (file, _) = obtain.whole_files(client, dump, "warc", 0)
    data = FILES[file.url.removeprefix("s3://commoncrawl/")]
    with client.get(file.url) as body:
        validator, total = body.validator, body.total
    part = cache.part(file.place)
    part.parent.mkdir(parents=True)
    part.write_bytes(data[:1000])
    note = {"url": file.url, "validator": validator, "total": total}
    part.with_name(part.name + ".json").write_text(json.dumps(note))
    before = client.received
    obtain.obtain(client, cache, file)
    assert cache.path(file.place).read_bytes() == data
    assert client.received - before == len(data) - 1000


def test_signed_requests_pass_and_no_credentials_are_said(client, cache, monkeypatch, tmp_path):
    signed = Client(dataclasses.replace(client.config, sign=True))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(UserError, match="no AWS credentials"):
        signed.read("s3://commoncrawl/collinfo.json")
    profile = "[default]\naws_access_key_id = test\naws_secret_access_key = te%st\n"
    (tmp_path / "keys").write_text(profile)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "keys"))
    assert signed.read("s3://commoncrawl/collinfo.json") == FILES["collinfo.json"]
    with pytest.raises(Missing):
        signed.read("s3://commoncrawl/no/such/key")


def test_unsigned_asks_for_no_keys_and_a_bad_moment_of_theirs_is_tried_again(
    client, cache, moto, monkeypatch, tmp_path
):
    with account(tmp_path) as given:
        given.source("web identity", monkeypatch)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", moto)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        assert client.read("s3://commoncrawl/collinfo.json") == FILES["collinfo.json"]
        assert given.asked == []
        pauses = []

        def recover(seconds):
            pauses.append(seconds)
            given.refused = None

        signing = Client(dataclasses.replace(client.config, sign=True), sleep=recover)
        given.refused = (503, "ServiceUnavailable")
        assert signing.read("s3://commoncrawl/collinfo.json") == FILES["collinfo.json"]
        assert len(pauses) == 1


def test_where_an_object_is_over_http(monkeypatch):
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    place = "s3.us-east-1.amazonaws.com"
    assert s3_rest.address("s3://commoncrawl/a/b") == f"https://commoncrawl.{place}/a/b"
    assert s3_rest.address("s3://with.dots/a=b") == f"https://{place}/with.dots/a%3Db"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:9000/")
    assert s3_rest.address("s3://b/a%20b") == "http://localhost:9000/b/a%20b"
