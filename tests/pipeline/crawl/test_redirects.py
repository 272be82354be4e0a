"""Where an answer leads: to allowed hosts only, without what was meant for another."""

import gzip

import pytest
from crawl_server import Trouble, crawl_server

from pipeline.crawl import cdx, client, dumps
from pipeline.crawl.client import Client
from pipeline.crawl.dumps import Dump
from pipeline.crawl.selection import selection
from pipeline.crawl.source import is_allowed, join
from pipeline.crawl.transport import Missing, TransferError
from storage.errors import UserError

DUMP = Dump("CC-MAIN-2024-22")


@pytest.fixture
def other():
    with crawl_server() as running:
        running.files["there"] = b"inside"
        yield running


def host(server):
    return server.url.removeprefix("http://")


def test_on_the_same_host_it_is_followed_with_its_range(server, config):
    server.files["there"] = bytes(range(100))
    server.always["here"] = Trouble(status=307, location="/there")
    server.always["again"] = Trouble(status=301, location=f"{server.url}/here")
    assert Client(config()).read(f"{server.url}/again", 10, 20) == bytes(range(10, 20))
    assert [seen.range for seen in server.requests("there")] == ["bytes=10-19"]


def test_another_host_has_to_be_allowed(server, other, config):
    server.always["here"] = Trouble(status=302, location=f"{other.url}/there")
    with pytest.raises(UserError, match=rf"redirected to {host(other)}, not on an allowed host"):
        Client(config()).read(f"{server.url}/here")
    assert other.seen == []
    allowed = config(allowed_hosts=(host(other),))
    assert Client(allowed).read(f"{server.url}/here") == b"inside"


def test_who_signs_in_here_does_not_do_so_there(server, other, config, monkeypatch, tmp_path):
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    server.always["here"] = Trouble(status=302, location=f"{other.url}/there")
    address = server.url.replace("//", "//user:password@") + "/here"
    assert Client(config(allowed_hosts=(host(other),))).read(address) == b"inside"
    assert server.seen[0].authorization.startswith("Basic ")
    assert [seen.authorization for seen in other.seen] == [""]


def test_a_signed_request_goes_nowhere_else(server, other, config, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing-key-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing-secret-key")
    server.always["bucket/file"] = Trouble(status=307, location=f"{other.url}/there")
    signing = Client(config(sign=True, allowed_hosts=(host(other),)))
    with pytest.raises(UserError, match="this bucket lies in another region: set AWS_REGION"):
        signing.read("s3://bucket/file")
    assert "Credential=testing-key-id/" in server.seen[0].authorization
    assert other.seen == []


def test_round_and_round_ends(server, config):
    server.always["here"] = Trouble(status=302, location="/here")
    with pytest.raises(TransferError, match="more than 5 redirects"):
        Client(config(tries=1)).read(f"{server.url}/here")
    assert len(server.seen) == 6


def test_which_hosts_are_allowed(config):
    plain = config(base_url="https://data.example", index_url="https://index.example")
    for url in ("https://data.example/x", "https://INDEX.example/x", "https://asked.example/y"):
        assert is_allowed(url, "https://asked.example/x", plain)
    for url in (
        "http://asked.example/x",  # in the open
        "https://asked.example:8443/x",
        "https://asked.example@evil.example/x",
        "https://evil.example/asked.example",
        "https://sub.asked.example/x",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
    ):
        assert not is_allowed(url, "https://asked.example/x", plain)
    wide = config(allowed_hosts=("*.cdn.example", "one.example"))
    for url in ("https://a.b.cdn.example/", "https://one.example/", "https://u:p@One.example/"):
        assert is_allowed(url, "https://asked.example/x", wide)
    for url in ("https://cdn.example/", "https://two.one.example/", "https://notcdn.example/"):
        assert not is_allowed(url, "https://asked.example/x", wide)


def test_a_listing_names_files_of_its_own_host(server, other, config):
    listing = f"crawl-data/{DUMP.name}/warc.paths.gz"
    there = f"{other.url}/there"
    server.files[listing] = gzip.compress(f"a.warc.gz\n{there}\n".encode())
    asking = Client(config())
    names = dumps.paths(asking, DUMP, "warc")
    assert join(server.url, names[0], asking.config) == f"{server.url}/a.warc.gz"
    with pytest.raises(UserError, match=rf"{there}: named by a listing, but not on an allowed"):
        join(server.url, names[1], asking.config)
    with pytest.raises(UserError, match="named by a listing"):
        join(server.url, "file:///etc/passwd", config(allowed_hosts=("*",)))
    assert join(server.url, there, config(allowed_hosts=(host(other),))) == there
    api = Dump(DUMP.name, api=f"{other.url}/api")
    with pytest.raises(UserError, match="named by a listing"):
        list(cdx.from_api(asking, api, selection(("a.example",), "", "", 0)))
    assert other.seen == []


def test_listings_unpack_to_a_limit(server, config, monkeypatch):
    monkeypatch.setattr(client, "MAX_LISTING_BYTES", 10_000)
    monkeypatch.setattr(cdx, "MAX_BLOCK_BYTES", 10_000)
    server.files["paths.gz"] = server.files["block"] = bomb = gzip.compress(bytes(20_000))
    asking = Client(config(tries=1))
    with pytest.raises(TransferError, match=r"no sound gzip file \(more than 10,000 bytes"):
        asking.read_lines(f"{server.url}/paths.gz")
    with pytest.raises(TransferError, match="no gzip block at byte 0: more than 10,000 bytes"):
        list(cdx._lines(asking, f"{server.url}/block", 0, len(bomb)))


def test_secrets_of_an_address_are_in_no_message(server, config):
    server.always["here?token=hunter2hunter2"] = Trouble(status=403)
    asking = Client(config(tries=1))
    for address in (
        f"{server.url}/here?token=hunter2hunter2",
        "http://u:hunter2hunter2@127.0.0.1:9/x",
    ):
        with pytest.raises(TransferError) as caught:
            asking.read(address)
        assert "hunter2" not in str(caught.value)
    names = [path.name for path in (asking._slots).iterdir()]
    assert names
    assert not [name for name in names if "hunter2" in name]


def test_others_get_no_variable_of_this_machine(server, config, monkeypatch):
    """`${NAME}` in an address is for the user's own: a listing or a redirect can't ask for one."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2hunter2")
    server.always["here"] = Trouble(status=302, location="/there?${AWS_SECRET_ACCESS_KEY}")
    asking = Client(config(tries=1))
    named = ["${AWS_SECRET_ACCESS_KEY}", f"{server.url}/x?${{AWS_SECRET_ACCESS_KEY}}"]
    for url in (f"{server.url}/here", *(join(server.url, name, asking.config) for name in named)):
        with pytest.raises(Missing):
            asking.read(url)
    assert len(server.seen) == 4
    assert not [seen.path for seen in server.seen if "hunter2" in seen.path]
