"""Dumps and their pages, by every kind of index, from a whole small dump behind HTTP."""

import random
from urllib.parse import urlsplit

import pytest
from crawl_server import Trouble
from toy_dump import NAME, columnar_files, toy_dump

from pipeline.crawl import cdx, columnar
from pipeline.crawl.client import Client
from pipeline.crawl.dumps import Dump, is_dump, list_dumps, paths, resolve
from pipeline.crawl.range_file import RangeFile
from pipeline.crawl.selection import PageSelection, compiled, host_fits, selection
from pipeline.crawl.transport import TransferError
from storage.errors import UserError

HOSTS = [
    "example.com",
    "www.example.com",
    "blog.example.com",
    "example.com.example.org",
    "example-shop.com",
    "exampl.com",
    "example.comm",
    "example.com:8080",
    "blog.example.com:81",
    *(f"site{n}.example.net" for n in range(40)),
]
draw = random.Random(3)
PAGES = {
    f"https://{host}/{kind}/{number}": draw.choice(["eng", "deu", "deu,eng", "eng,deu", "fra"])
    for host in HOSTS
    for kind, count in (("page", 2), ("blog", 1))
    for number in range(count)
}
GONE = ("https://example.com/page/1",)
FILES, CAPTURES = toy_dump(PAGES, not_found=GONE)
DUMP = Dump(NAME)


@pytest.fixture
def server(server):
    server.files.update(FILES)
    return server


def expected(**wanted):
    chosen = selection(
        wanted.get("hosts", ()), wanted.get("language", ""), wanted.get("match", ""), 0
    )
    pattern = compiled(chosen.match)
    return sorted(
        c.url
        for c in CAPTURES
        if c.status == 200
        and host_fits(urlsplit(c.url).hostname, chosen.hosts)
        and (not chosen.language or c.language.split(",")[0] == chosen.language)
        and pattern.search(c.url)
    )


def found(rows):
    rows = list(rows)
    places = {(c.filename, c.offset, c.length, c.url) for c in CAPTURES}
    assert set(rows) <= places
    assert len(set(rows)) == len(rows)
    return sorted(row[3] for row in rows)


def chosen(hosts=(), language="", match="", pages=0, files=()):
    return selection(tuple(hosts), language, match, pages, tuple(files))


def test_dumps_are_listed_newest_first(server, client):
    names = [dump.name for dump in list_dumps(client)]
    assert names == ["CC-MAIN-2024-22", "CC-MAIN-2024-18", "CC-MAIN-2024-10", "CC-MAIN-2008-2009"]
    assert resolve(client, "CC-MAIN-latest").name == NAME


def test_an_unknown_dump_is_answered_with_the_newest(server, client):
    with pytest.raises(UserError, match=r"no such dump.*newest are CC-MAIN-2024-22, CC-MAIN"):
        resolve(client, "CC-MAIN-2031-01")


def test_without_collinfo_the_listing_page_tells(server, client):
    del server.files["collinfo.json"]
    page = "<a href=CC-MAIN-2024-22/index.html>CC-MAIN-2024-22</a> CC-MAIN-2008-2009 CC-MAIN-2024-1"
    server.files["crawl-data/index.html"] = page.encode()
    names = [dump.name for dump in list_dumps(client)]
    assert names == ["CC-MAIN-2024-22", "CC-MAIN-2008-2009"]


def test_a_mirror_without_any_list_still_has_its_files(server, client):
    del server.files["collinfo.json"]
    dump = resolve(client, NAME)
    assert len(paths(client, dump, "warc")) == 4
    assert len(paths(client, dump, "wet")) == 4
    with pytest.raises(UserError, match=r"no warc\.paths\.gz"):
        paths(client, resolve(client, "CC-MAIN-2031-01"), "warc")


def test_a_broken_list_of_dumps_is_no_list(server, config):
    server.files["collinfo.json"] = b"[]"
    with pytest.raises(TransferError, match="empty list"):
        list_dumps(Client(config(tries=2)))
    server.plan["collinfo.json"] += [Trouble(html=True), Trouble(status=503)]
    server.files["collinfo.json"] = FILES["collinfo.json"]
    assert len(list_dumps(Client(config()))) == 4


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("CC-MAIN-2024-22", True),
        ("CC-MAIN-2008-2009", True),
        ("GHP-MAIN-2024-22", True),
        ("CC-MAIN-latest", True),
        ("CC-MAIN-2024-22.warc.gz", False),
        ("crawl/CC-MAIN-2024-22", False),
        ("cc-main-2024-22", False),
    ],
)
def test_what_names_a_dump(text, answer):
    assert is_dump(text) is answer


WISHES = [
    {"hosts": ["example.com"]},
    {"hosts": ["*.example.com"]},
    {"hosts": ["www.example.com"]},
    {"hosts": ["https://Example.com/"]},
    {"hosts": ["example.com", "site7.example.net"]},
    {"hosts": ["*.example.net"], "language": "de"},
    {"hosts": ["*.example.net"], "match": "*/blog/*"},
    {"hosts": ["nowhere.example"]},
    {"hosts": ["a.a"]},  # before all others
    {"hosts": ["zz.zz"]},  # beyond all others
]


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_the_cdx_files_and_the_columnar_index_give_the_same_pages(server, client, wish):
    if wish["hosts"] == ["example.com"]:
        assert "https://www.example.com/page/0" in expected(**wish)
        assert "https://blog.example.com/page/0" not in expected(**wish)
        assert GONE[0] not in expected(**wish)
    wanted = expected(**wish)
    assert found(cdx.from_files(client, DUMP, chosen(**wish))) == wanted
    assert found(columnar.from_index(client, DUMP, chosen(**wish))) == wanted


@pytest.mark.parametrize(
    "wish",
    [
        {"language": "deu"},
        {"language": "fr"},
        {"match": "*/page/1"},
        {"match": "example.com/*"},
        {"match": r"/site1\d?\.example/"},
        {"match": "https://*.net/blog/0", "language": "eng"},
        {},
    ],
    ids=str,
)
def test_the_columnar_index_finds_by_language_and_address(server, client, wish):
    wanted = expected(**wish)
    assert wanted
    assert found(columnar.from_index(client, DUMP, chosen(**wish))) == wanted


def test_a_limit_draws_the_same_pages_each_time_and_reads_less(server, client):
    rows = list(columnar.from_index(client, DUMP, chosen(pages=5)))
    assert len(rows) >= 5
    assert rows[:5] == list(columnar.from_index(client, DUMP, chosen(pages=5)))[:5]


def test_files_narrow_a_selection(server, client):
    file = CAPTURES[0].filename
    rows = list(columnar.from_index(client, DUMP, chosen(files=[file])))
    assert {row[0] for row in rows} == {file}
    rows = list(cdx.from_files(client, DUMP, chosen(["*.example.net"], files=[file])))
    assert {row[0] for row in rows} == {file}


def test_a_host_needs_a_few_small_requests(server, client):
    list(cdx.from_files(client, DUMP, chosen(["site20.example.net"])))
    blocks = [s for s in server.seen if "cdx-0" in s.path]
    assert 1 <= len(blocks) <= 3
    assert all(seen.range for seen in server.seen)


def test_the_binary_search_finds_every_line_of_a_large_index(server, client):
    draw = random.Random(5)
    names = {f"com,{draw.choice('abxyz')}{draw.randrange(10**6):06d})/" for _ in range(4000)}
    keys = sorted(names)
    lines = [f"{key} 2024\tcdx-00000.gz\t{n * 10}\t10\t{n}" for n, key in enumerate(keys)]
    server.files["cluster.idx"] = ("\n".join(lines) + "\n").encode()
    cluster = RangeFile(client, f"{server.url}/cluster.idx")
    starts, position = [], 0
    for line in lines:
        starts.append(position)
        position += len(line) + 1
    assert cdx.last_line_before(cluster, b"a") == 0
    assert cdx.last_line_before(cluster, b"zzz") == starts[-1]
    for index in [1, 2, *draw.sample(range(3, 4000), 60), 3999]:
        assert cdx.last_line_before(cluster, keys[index].encode()) == starts[index - 1]
    server.seen.clear()
    cdx.last_line_before(cluster, keys[1234].encode())
    assert len(server.seen) < 10


def test_a_row_group_without_the_host_is_not_read(server, client):
    list(columnar.from_index(client, DUMP, chosen(["site20.example.net"])))
    narrow = server.sent
    server.seen.clear()
    list(columnar.from_index(client, DUMP, chosen(["*.example.net", "*.com"])))
    assert narrow < server.sent


def test_the_api_gives_the_same_pages(server, client):
    import json

    wish = {"hosts": ["*.example.com"], "language": "deu"}
    entries = [
        {
            "url": c.url,
            "status": str(c.status),
            "mime-detected": c.mime,
            "languages": c.language,
            "filename": c.filename,
            "offset": str(c.offset),
            "length": str(c.length),
            "note": "one\u2028line\x85only",
        }
        for c in CAPTURES
        if host_fits(urlsplit(c.url).hostname, ("*.example.com",))
    ]
    query = f"{NAME}-index?url=%2A.example.com&output=json"
    server.files[f"{query}&showNumPages=true"] = b'{"pages": 2, "pageSize": 5, "blocks": 1}'
    for page, share in enumerate((entries[:3], entries[3:])):
        lines = "\n".join(json.dumps(entry, ensure_ascii=False) for entry in share)
        server.files[f"{query}&page={page}"] = lines.encode()
    assert found(cdx.from_api(client, DUMP, chosen(**wish))) == expected(**wish)
    assert list(cdx.from_api(client, DUMP, chosen(hosts=["none.example"]))) == []


def test_an_index_without_languages_is_said(server, client):
    server.files.update(columnar_files(CAPTURES, languages=False))
    with pytest.raises(UserError, match="begin with CC-MAIN-2018-39"):
        list(columnar.from_index(client, DUMP, chosen(language="deu")))
    assert list(columnar.from_index(client, DUMP, chosen(match="*/blog/*")))


def test_troubles_on_the_way_change_nothing(server, client):
    part = next(path for path in FILES if path.endswith("part-00001-4dd72944.c000.gz.parquet"))
    server.plan[part] += [
        Trouble(status=503),
        Trouble(cut_after=0),
        Trouble(),
        Trouble(cut_after=100),
        Trouble(stall_after=10),
        Trouble(html=True),
    ]
    wish = {"language": "deu"}
    assert found(columnar.from_index(client, DUMP, chosen(**wish))) == expected(**wish)


def test_a_file_that_is_no_parquet_is_one_line(server, client):
    part = next(path for path in FILES if path.endswith(".parquet"))
    server.files[part] = b"no parquet at all" * 100
    with pytest.raises(TransferError, match="no Parquet file"):
        list(columnar.from_index(client, DUMP, chosen(language="deu")))


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"hosts": ["exa mple"]}, "write a host as"),
        ({"hosts": ["a.*.com"]}, "write a host as"),
        ({"language": "german"}, "ISO 639"),
        ({"match": "/(/"}, "no regular expression"),
        ({"pages": -1}, "at least 0"),
    ],
)
def test_a_wish_that_makes_no_sense_is_said(wish, words):
    with pytest.raises(UserError, match=words):
        chosen(**wish)


def test_a_host_with_umlauts_is_looked_up_as_indexes_write_it():
    assert chosen(hosts=["Müller.de"]).hosts == ("xn--mller-kva.de",)
    assert chosen(hosts=["*.müller.de"]).hosts == ("*.xn--mller-kva.de",)


def test_a_pattern_only_python_knows_is_said(server, client):
    with pytest.raises(UserError, match="match"):
        list(columnar.from_index(client, DUMP, chosen(match="/(?=x)/")))


def test_selections_are_named_by_what_they_ask():
    one = PageSelection(hosts=("a.com",))
    assert one.digest("D") == PageSelection(hosts=("a.com",)).digest("D")
    assert one.digest("D") != one.digest("E") != PageSelection(hosts=("b.com",)).digest("E")


@pytest.mark.parametrize(
    ("host", "key"),
    [
        # as SURT canonicalizes: only a leading label of www and digits is cut
        ("www.example.com", b"com,example)"),
        ("www2.example.com", b"com,example)"),
        ("*.www.example.com", b"com,example)"),
        ("ewww.io", b"io,ewww)"),
        ("foo.www.example.com", b"com,example,www,foo)"),
        ("www1355544.com", b"com)"),
        ("www.www.example.com", b"com,example,www)"),
    ],
)
def test_only_a_leading_www_is_cut(host, key):
    assert cdx.key_range(host)[0] == key


def test_hosts_are_compared_whole():
    assert host_fits("www3.example.com", ("example.com",))
    assert host_fits("example.com.", ("example.com",))
    assert chosen(hosts=["https://me@Example.com.:8080/a?b"]).hosts == ("example.com",)
    for host in ("awww.example.org", "exwww.ample.com", "notexample.org"):
        assert not host_fits(host, ("aexample.org", "example.com", "*.example.org"[2:]))
