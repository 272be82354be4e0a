"""A whole file arrives, byte for byte, whatever the network does; or one line says why not."""

import hashlib
import random

import pytest
from crawl_server import Trouble
from toy_dump import warc_file

from pipeline.crawl.client import Client
from pipeline.crawl.download import download
from pipeline.crawl.source import place_of
from pipeline.crawl.transport import Missing, TransferError
from storage.errors import UserError

PATH = "crawl-data/file.warc.gz"
DATA = warc_file("file.warc.gz", [f"https://site{n}.example/page" for n in range(300)])
OTHER = warc_file("file.warc.gz", [f"https://other{n}.example/page" for n in range(280)])
HALF = len(DATA) // 2


@pytest.fixture
def get(server, client, cache):
    """get(): download the file; its bytes as they lie on disk."""
    server.files[PATH] = DATA

    def fetch(client=client):
        url = f"{server.url}/{PATH}"
        stored = download(client, cache, url)
        data = cache.path(place_of(url)).read_bytes()
        assert stored.sha256 == hashlib.sha256(data).hexdigest()
        assert stored.bytes == len(data)
        leftovers = [p.name for p in cache.folder.rglob("*") if ".part" in p.name]
        assert leftovers == []
        return data

    return fetch


def test_one_request_and_none_the_second_time(server, get):
    assert get() == DATA
    assert get() == DATA
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "trouble",
    [
        Trouble(cut_after=HALF),
        Trouble(cut_after=HALF, politely=True),
        Trouble(cut_after=0),
        Trouble(stall_after=HALF),
        Trouble(status=503),
        Trouble(status=403),
        Trouble(status=429, retry_after="0"),
        Trouble(status=500),
        Trouble(status=503, retry_after="Fri, 01 Jan 2010 00:00:00 GMT"),
        Trouble(status=503, retry_after="soon"),
        Trouble(add_to_length=1000),
        Trouble(html=True),
        Trouble(no_validator=True, cut_after=HALF),
        Trouble(chunked=True),
        Trouble(chunked=True, cut_after=HALF),
        Trouble(chunked=True, no_validator=True),
        Trouble(ignore_range=True),
        Trouble(coding="x-gzip"),  # as web servers describe .gz files
        Trouble(coding="br"),
    ],
    ids=str,
)
def test_one_mishap_costs_nothing_but_time(server, get, trouble):
    server.plan[PATH].append(trouble)
    assert get() == DATA


def test_the_rest_alone_is_asked_for_after_a_cut(server, get):
    server.plan[PATH] += [Trouble(cut_after=HALF), Trouble(cut_after=100), Trouble(stall_after=100)]
    assert get() == DATA
    first, second, third, fourth = server.requests(PATH)
    assert first.range == ""
    assert all(request.range for request in (second, third, fourth))
    assert server.sent < 1.3 * len(DATA)


def test_tries_count_from_the_last_new_byte(server, get, config):
    server.plan[PATH] += [Trouble(cut_after=len(DATA) // 30) for _ in range(25)]
    assert get() == DATA
    assert len(server.seen) > config().tries


def test_a_file_that_changes_between_two_tries_is_fetched_anew(server, get):
    server.plan[PATH] += [Trouble(cut_after=HALF), Trouble(swap=OTHER)]
    assert get() == OTHER


def test_a_changed_file_is_not_mixed_where_ranges_are_ignored(server, get):
    server.plan[PATH] += [Trouble(cut_after=HALF), Trouble(swap=OTHER, ignore_range=True)]
    assert get() == OTHER


def test_without_a_validator_nothing_is_continued(server, get):
    # what the second request would continue could be another version
    server.plan[PATH] += [
        Trouble(no_validator=True, cut_after=HALF),
        Trouble(no_validator=True, swap=OTHER),
    ]
    assert get() == OTHER


def test_a_server_that_ignores_ranges_is_read_from_the_start(server, get):
    server.plan[PATH] += [Trouble(cut_after=HALF), Trouble(ignore_range=True)]
    assert get() == DATA


def test_a_login_page_in_between_costs_nothing_of_what_is_there(server, get):
    server.plan[PATH] += [Trouble(cut_after=HALF), Trouble(html=True)]
    assert get() == DATA
    assert server.sent < 1.3 * len(DATA)


def test_progress_counts_where_ranges_are_ignored_too(server, get):
    for n in range(9):
        end = n * len(DATA) // 9
        server.plan[PATH].append(Trouble(cut_after=end, politely=True, ignore_range=True))
    assert get() == DATA


def test_a_lying_total_in_a_range_is_found_out(server, get):
    server.plan[PATH] += [Trouble(cut_after=HALF), Trouble(total=len(DATA) + 5)]
    assert get() == DATA


def test_a_length_too_short_is_found_out_by_the_gzip_members(server, get):
    server.plan[PATH].append(Trouble(add_to_length=-HALF))
    assert get() == DATA


def test_always_too_short_is_refused_in_one_line(server, get):
    server.always[PATH] = Trouble(add_to_length=-7)
    with pytest.raises(TransferError, match=r"damaged \(truncated_gzip"):
        get()
    assert len(server.seen) == 2  # the same twice over


def test_a_damaged_file_can_be_taken_as_it_is(server, get, client, config, cache):
    broken = bytearray(DATA)
    broken[HALF : HALF + 50] = bytes(50)
    server.files[PATH] = bytes(broken)
    with pytest.raises(TransferError, match="broken_gzip"):
        download(client, cache, f"{server.url}/{PATH}")
    stored = download(Client(config(refuse_damaged=False)), cache, f"{server.url}/{PATH}")
    assert stored.warning.startswith("damaged: broken_gzip")
    assert cache.path(place_of(stored.url)).read_bytes() == bytes(broken)


def test_a_login_page_for_ever_is_said(server, get, cache):
    server.always[PATH] = Trouble(html=True)
    with pytest.raises(TransferError, match="text/html instead of a gzip file"):
        get()
    assert not cache.path(place_of(f"{server.url}/{PATH}")).exists()


def test_no_such_file_is_not_tried_again(server, get):
    del server.files[PATH]
    with pytest.raises(Missing, match="404"):
        get()
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [403, 429, 503])
def test_refused_for_ever_gives_up_after_the_tries(server, get, config, status):
    server.always[PATH] = Trouble(status=status)
    with pytest.raises(TransferError, match=str(status)):
        get()
    assert len(server.seen) == config().tries


def test_an_error_that_will_stay_is_the_users(server, get):
    server.always[PATH] = Trouble(status=401)
    with pytest.raises(UserError, match="401"):
        get()
    assert len(server.seen) == 1


def test_retry_after_is_waited_for(server, get):
    server.plan[PATH].append(Trouble(status=503, retry_after="1"))
    assert get() == DATA
    first, second = server.seen
    assert second.at - first.at >= 1.0


def test_retry_after_is_not_waited_for_without_end(server, get, config):
    server.plan[PATH].append(Trouble(status=503, retry_after="86400"))
    assert get(Client(config(max_retry_after_seconds=0.1))) == DATA  # not tomorrow


def test_a_trickle_counts_as_a_stall(server, get, config):
    server.plan[PATH].append(Trouble(drip_seconds=0.05))
    assert get(Client(config(timeout_seconds=3.0))) == DATA
    assert len(server.seen) == 2


def test_nobody_there_is_one_line(config, cache):
    lonely = Client(config(base_url="http://127.0.0.1:9", tries=2))
    with pytest.raises(TransferError, match=r"127\.0\.0\.1:9.*\(2 tries\)"):
        download(lonely, cache, "http://127.0.0.1:9/x.warc.gz")


def test_no_address_is_the_users_mistake(client, cache):
    for url in ("http:///x.warc.gz", "http://host", "http://host/../x.warc.gz"):
        with pytest.raises(UserError, match="http"):
            download(client, cache, url)


def test_any_series_of_mishaps_ends_with_the_same_bytes(server, config, cache):
    draw = random.Random(7)
    troubles = [
        lambda: Trouble(cut_after=draw.randrange(len(DATA))),
        lambda: Trouble(status=draw.choice((403, 429, 500, 502, 503))),
        lambda: Trouble(add_to_length=draw.choice((-200, 300))),
        lambda: Trouble(ignore_range=True, cut_after=draw.randrange(len(DATA))),
        lambda: Trouble(no_validator=True),
        lambda: Trouble(html=True),
        lambda: Trouble(chunked=True, cut_after=draw.randrange(len(DATA))),
        lambda: Trouble(total=len(DATA) - 1),
    ]
    for round_ in range(12):
        path = f"crawl-data/{round_}.warc.gz"
        server.files[path] = DATA
        server.plan[path] += [draw.choice(troubles)() for _ in range(6)]
        patient = Client(config(tries=20))
        url = f"{server.url}/{path}"
        download(patient, cache, url)
        assert cache.path(place_of(url)).read_bytes() == DATA


def test_the_shared_crawl_comes_whole_over_a_bad_line(server, client, cache, shared_dir):
    """Real pages: 14 MB that break off, are refused, stall and lie, file after file."""
    draw = random.Random(11)
    for path in sorted((shared_dir / "crawl").glob("*.warc.gz"))[:2]:
        data = path.read_bytes()
        name = f"crawl-data/GHP-MAIN-2024-22/{path.name}"
        server.files[name] = data
        server.plan[name] += [
            Trouble(cut_after=draw.randrange(len(data) // 2), politely=True),
            Trouble(status=503),
            Trouble(stall_after=draw.randrange(len(data) // 4)),
            Trouble(status=403),
            Trouble(html=True),
            Trouble(cut_after=draw.randrange(len(data) // 4)),
            Trouble(add_to_length=777, politely=True),
        ]
        before = client.received
        stored = download(client, cache, f"{server.url}/{name}")
        assert cache.path(place_of(stored.url)).read_bytes() == data
        assert stored.warning == ""
        assert client.received - before < 1.1 * len(data)
