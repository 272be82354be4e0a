"""Single records become one .warc.gz: the origin's own members, in one order, killed or not."""

import pyarrow as pa
import pytest
from crawl_server import Trouble
from fastwarc.warc import ArchiveIterator
from forgetful_disk import LOST, ForgetfulDisk
from toy_dump import NAME, toy_dump

from pipeline.crawl import obtain
from pipeline.crawl.client import Client
from pipeline.crawl.dumps import Dump
from pipeline.crawl.file_cache import Cache
from pipeline.crawl.limits import LimitsConfig
from pipeline.crawl.selection import selection, table
from pipeline.crawl.single_records import cut_to_whole_members, gather, requests_of
from pipeline.crawl.transport import TransferError
from pipeline.crawl.warc import read_records
from storage.errors import UserError

PAGES = {f"https://site{n % 9}.example/page/{n}": ("deu", "eng")[n % 2] for n in range(60)}
FILES, CAPTURES = toy_dump(PAGES)
ROWS = table([(c.filename, c.offset, c.length, c.url) for c in CAPTURES])
EXPECTED = b"".join(
    FILES[name][offset : offset + length]
    for name, offset, length in zip(
        *(ROWS[c].to_pylist() for c in ("filename", "offset", "length"))
    )
)
DUMP = Dump(NAME)
PLACE = "h/selection.warc.gz"


@pytest.fixture
def server(server):
    server.files.update(FILES)
    return server


def test_the_file_is_the_members_one_after_another(server, client, cache):
    stored = gather(client, cache, ROWS, PLACE)
    path = cache.path(PLACE)
    assert path.read_bytes() == EXPECTED
    assert stored.bytes == len(EXPECTED)
    records = list(read_records(path, LimitsConfig()))
    assert sorted(record.url for record in records) == sorted(PAGES)
    assert not any(record.problem for record in records)
    with path.open("rb") as file:
        assert len(list(ArchiveIterator(file))) == len(PAGES)
    seen = len(server.seen)
    gather(client, cache, ROWS, PLACE)
    assert len(server.seen) == seen


def test_neighbours_are_fetched_together(server, client, cache):
    gather(client, cache, ROWS, PLACE)
    assert len(server.seen) == len({c.filename for c in CAPTURES})  # all gaps here are small
    apart = table(
        [("f", 0, 100, "a"), ("f", 200, 100, "b"), ("f", 10**6, 5, "c"), ("g", 0, 9, "d")]
    )
    assert [(r.filename, r.start, r.stop) for r in requests_of(apart)] == [
        ("f", 0, 300),
        ("f", 10**6, 10**6 + 5),
        ("g", 0, 9),
    ]


@pytest.mark.parametrize("kept", [0, 1, 500, len(EXPECTED) // 2, len(EXPECTED) - 1, len(EXPECTED)])
def test_a_killed_download_goes_on_after_the_last_whole_record(server, client, cache, kept):
    part = cache.part(PLACE)
    part.parent.mkdir(parents=True)
    part.write_bytes(EXPECTED[:kept])
    told = []
    gather(client, cache, ROWS, PLACE, lambda done, total: told.append(done))
    assert cache.path(PLACE).read_bytes() == EXPECTED
    if kept > len(EXPECTED) // 2 - 1:
        assert server.sent < 0.75 * sum(len(FILES[c]) for c in {c.filename for c in CAPTURES})


def test_garbage_at_the_end_of_a_part_is_cut_off(tmp_path):
    path = tmp_path / "part"
    path.write_bytes(EXPECTED[:3000] + bytes(500))
    count = cut_to_whole_members(path)
    assert EXPECTED.startswith(path.read_bytes())
    assert len(list(read_records(path, LimitsConfig()))) == count


@pytest.mark.parametrize(
    "trouble",
    [
        Trouble(cut_after=700),
        Trouble(status=403),
        Trouble(status=503, retry_after="0"),
        Trouble(html=True),
        Trouble(ignore_range=True),
        Trouble(stall_after=5),
        Trouble(add_to_length=-20),
    ],
    ids=str,
)
def test_mishaps_change_nothing(server, client, cache, trouble):
    for name in FILES:
        if name.endswith(".warc.gz"):
            server.plan[name].append(trouble)
    gather(client, cache, ROWS, PLACE)
    assert cache.path(PLACE).read_bytes() == EXPECTED


def test_an_index_that_points_beside_a_record_is_said(server, config, cache):
    client = Client(config(tries=2))
    wrong = table([(CAPTURES[0].filename, CAPTURES[0].offset + 1, CAPTURES[0].length, "u")])
    with pytest.raises(TransferError, match="no record in"):
        gather(client, cache, wrong, PLACE)
    gone = table([("crawl-data/gone.warc.gz", 0, 10, "u")])
    with pytest.raises(TransferError, match="though the index names it"):
        gather(client, cache, gone, PLACE)
    huge = table([("f", 0, 1 << 40, "u")])
    with pytest.raises(TransferError, match="the index names"):
        gather(client, cache, huge, PLACE)


def test_a_selection_in_files_of_so_many_pages(server, config, cache):
    client = Client(config(pages_per_file=7))
    chosen = selection((), "deu", "", 0)
    files = obtain.selected_pages(client, cache, DUMP, chosen)
    assert [file.stop - file.start for file in files] == [7, 7, 7, 7, 2]
    assert all(file.name.startswith(f"{NAME}-") for file in files)  # the pass finds the dump in it
    urls = []
    for file in files:
        obtain.obtain(client, cache, file)
        urls += [r.url for r in read_records(cache.path(file.place), LimitsConfig())]
    assert sorted(urls) == sorted(url for url, language in PAGES.items() if language == "deu")
    seen = len(server.seen)
    assert obtain.selected_pages(client, cache, DUMP, chosen) == files
    assert len(server.seen) == seen  # the captures are kept


@pytest.mark.parametrize("left", [0, 300])
def test_captures_that_cannot_be_read_are_found_again(server, config, cache, left):
    """A power cut may have left less than a file of an earlier version's run."""
    client, chosen = Client(config()), selection((), "deu", "", 0)
    files = obtain.selected_pages(client, cache, DUMP, chosen)
    captures = cache.path(files[0].captures)
    whole = captures.read_bytes()
    captures.write_bytes(whole[:left])
    assert obtain.selected_pages(client, cache, DUMP, chosen) == files
    assert captures.read_bytes() == whole


@pytest.mark.parametrize("lost", LOST)
def test_captures_that_were_found_survive_a_power_cut(server, config, tmp_path, lost):
    (tmp_path / "disk").mkdir()
    disk = ForgetfulDisk(tmp_path / "disk", tmp_path / "notes")
    cache = Cache(disk.root / "cache", 1 << 30)
    client, chosen = Client(config()), selection((), "deu", "", 0)
    end = disk.watch()
    files = obtain.selected_pages(client, cache, DUMP, chosen)
    end()
    disk.power_cut(lost)
    seen = len(server.seen)
    assert obtain.selected_pages(client, cache, DUMP, chosen) == files
    assert len(server.seen) == seen


def test_a_limit_and_nothing_found(server, client, cache):
    files = obtain.selected_pages(client, cache, DUMP, selection((), "", "", 11))
    assert [(file.start, file.stop) for file in files] == [(0, 11)]
    with pytest.raises(UserError, match="no page in it fits"):
        obtain.selected_pages(client, cache, DUMP, selection((), "fra", "", 0))


def test_the_first_files_of_a_dump(server, client, cache):
    two = obtain.whole_files(client, DUMP, "warc", 2)
    every = obtain.whole_files(client, DUMP, "warc", 0)
    assert every[:2] == two
    assert len(every) == 4
    stored = obtain.obtain(client, cache, two[0])
    path = cache.path(two[0].place)
    assert path.name == two[0].name == "CC-MAIN-20240517233122-20240518023122-00000.warc.gz"
    assert path.read_bytes() == FILES[two[0].url.removeprefix(f"{server.url}/")]
    assert stored.warning == ""
    (wet,) = obtain.whole_files(client, DUMP, "wet", 1)
    obtain.obtain(client, cache, wet)
    kinds = [r.record_type for r in read_records(cache.path(wet.place), LimitsConfig())]
    assert kinds == ["warcinfo", *["conversion"] * 15]


def test_hosts_are_needed_where_the_index_knows_only_hosts(config):
    with pytest.raises(UserError, match="finds pages by hosts"):
        obtain.index_of(config(index="cdx"), selection((), "deu", "", 0))
    assert obtain.index_of(config(), selection(("a.com",), "", "", 0)) == "cdx"
    assert obtain.index_of(config(), selection((), "deu", "", 0)) == "columnar"


def test_captures_are_in_one_order_and_each_once():
    rows = [("b", 1, 1, "x"), ("a", 10, 1, "y"), ("a", 2, 1, "z"), ("a", 10, 1, "y")]
    assert table(rows).to_pylist() == table(rows[::-1]).to_pylist()
    assert table(rows)["url"].to_pylist() == ["z", "y", "x"]
    assert isinstance(table([]), pa.Table)
