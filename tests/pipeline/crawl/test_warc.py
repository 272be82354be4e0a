"""Every record found once, broken ones counted, and UserError for what is no archive."""

import gzip
import random
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator as WarcioIterator

from pipeline.crawl.limits import LimitsConfig
from pipeline.crawl.warc import document_id, read_record, read_records
from storage.errors import UserError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LIMITS = LimitsConfig()


def pages(count: int) -> list[dict]:
    # text that deflates badly, so that members are long enough to be damaged in the middle
    draw = random.Random("pages")
    return [
        {
            "url": f"http://site{number}.example/page",
            "body": b"<html><body>" + draw.randbytes(3000).hex().encode() + b"</body></html>",
        }
        for number in range(count)
    ]


def read(path: Path, limits: LimitsConfig = LIMITS) -> list:
    return list(read_records(path, limits))


def sound(records: list) -> list[str]:
    return [record.url for record in records if not record.problem]


@pytest.fixture
def warc(tmp_path, make_warc):
    path = tmp_path / "a.warc.gz"
    offsets = make_warc(path, pages(6), info={"isPartOf": "TEST"})
    return path, offsets


@pytest.mark.parametrize("gzipped", [True, False])
def test_offsets_and_contents_are_those_of_the_writer_and_of_both_libraries(
    tmp_path, make_warc, gzipped
):
    path = tmp_path / "a.warc"
    offsets = make_warc(path, pages(5), gzip=gzipped, info={})
    records = read(path)
    assert [record.offset for record in records] == [0, *offsets]
    assert [record.index for record in records] == [0] * 6
    with path.open("rb") as file:
        theirs = [
            (record.stream_pos, record.headers["WARC-Type"], record.reader.read())
            for record in ArchiveIterator(file, parse_http=False)
        ]
    assert [(r.offset, r.record_type, r.content) for r in records] == theirs
    with path.open("rb") as file:
        urls = [record.rec_headers.get_header("WARC-Target-URI") for record in WarcioIterator(file)]
    assert [record.url or None for record in records] == urls
    for record in records[1:]:
        assert read_record(path, record.offset, record.url, LIMITS) == record


def test_shared_crawl_reads_as_fastwarc_reads_it(shared_dir):
    path = sorted((shared_dir / "crawl").glob("*.warc.gz"))[0]
    with path.open("rb") as file:
        theirs = [(r.stream_pos, r.content_length) for r in ArchiveIterator(file, parse_http=False)]
    assert [(record.offset, record.length) for record in read(path)] == theirs


def test_an_empty_file_has_no_records_and_text_is_no_warc(tmp_path):
    empty = tmp_path / "empty.warc"
    empty.write_bytes(b"")
    assert read(empty) == []
    empty.write_bytes(gzip.compress(b""))
    assert read(empty) == []
    for content in (
        b"hello",
        b"\0" * 1000,
        b"<html>WARC/1.0</html>",
        gzip.compress(b"some other text"),
        gzip.compress(b"x" * 10_000)[:20],
        b"\x28\xb5\x2f\xfd" + b"zstd",
        zlib.compress(b"WARC/1.0\r\n"),
    ):
        path = tmp_path / "other.warc.gz"
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"other\.warc\.gz"):
            read(path)
    with pytest.raises(UserError, match="No such file"):
        read(tmp_path / "missing.warc.gz")
    with pytest.raises(UserError, match="directory"):
        read(tmp_path)


@pytest.mark.parametrize("cut", [1, 8, 200, 1500])
def test_a_member_cut_short_is_one_error(warc, cut):
    path, offsets = warc
    whole = read(path)
    path.write_bytes(path.read_bytes()[:-cut])
    records = read(path)
    assert records[:-1] == whole[:-1]
    last = records[-1]
    assert (last.problem, last.offset, last.url) == (
        "truncated_gzip",
        offsets[-1],
        whole[-1].url,
    )
    assert last.lost_bytes == path.stat().st_size - offsets[-1]


def test_a_member_cut_in_its_first_bytes_is_an_error_without_a_url(warc):
    path, offsets = warc
    path.write_bytes(path.read_bytes()[: offsets[-1] + 15])
    last = read(path)[-1]
    assert (last.problem, last.url, last.offset) == ("truncated_gzip", "", offsets[-1])


def test_zeroed_bytes_lose_only_the_members_they_touch(warc):
    path, offsets = warc
    data = bytearray(path.read_bytes())
    whole = read(path)
    # inside the second page, and from inside the third to inside the fourth
    data[offsets[1] + 1000 : offsets[1] + 1050] = bytes(50)
    data[offsets[2] + 1000 : offsets[3] + 100] = bytes(offsets[3] + 100 - offsets[2] - 1000)
    path.write_bytes(data)
    records = read(path)
    assert sound(records) == [whole[i].url for i in (0, 1, 5, 6)]
    broken = [record for record in records if record.problem]
    assert [(r.problem, r.offset, r.lost_bytes) for r in broken] == [
        ("broken_gzip", offsets[1], offsets[2] - offsets[1]),
        ("broken_gzip", offsets[2], offsets[4] - offsets[2]),
    ]
    assert [record.url for record in broken] == [whole[2].url, whole[3].url]


def test_a_flipped_bit_in_stored_text_is_found_by_the_checksum(tmp_path):
    content = b"WARC/1.0\r\nWARC-Type: resource\r\nContent-Length: 5\r\n\r\nhello\r\n\r\n"
    stored = gzip.compress(content, compresslevel=0)
    path = tmp_path / "a.warc.gz"
    path.write_bytes(stored.replace(b"hello", b"hallo") + gzip.compress(content))
    assert [record.problem for record in read(path)] == ["broken_gzip", ""]


def test_a_damaged_beginning_does_not_hide_the_rest(warc):
    path, offsets = warc
    data = bytearray(path.read_bytes())
    data[: offsets[0] + 1] = bytes(offsets[0] + 1)
    path.write_bytes(data)
    records = read(path)
    assert records[0].problem == "broken_gzip"
    assert records[0].lost_bytes == offsets[1]
    assert len(sound(records)) == 5


def test_garbage_between_and_after_members_is_counted(warc):
    path, offsets = warc
    data = path.read_bytes()
    path.write_bytes(data[: offsets[3]] + b"garbage!" + data[offsets[3] :] + bytes(7))
    records = read(path)
    assert [(r.problem, r.lost_bytes) for r in records if r.problem] == [
        ("broken_gzip", 8),
        ("broken_gzip", 7),
    ]
    assert len(sound(records)) == 7


def with_length(data: bytes, offset: int, change: Callable[[int], int]) -> bytes:
    """The same with another length in the header of the record there."""
    start = data.index(b"Content-Length: ", offset) + len(b"Content-Length: ")
    end = data.index(b"\r\n", start)
    return data[:start] + str(change(int(data[start:end]))).encode() + data[end:]


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("change", [-20, -1, +5, +500, +10_000_000])
def test_a_wrong_length_is_told_and_loses_nothing(tmp_path, make_warc, change, zipped):
    # iipc/jwarc#29: wget is off by one; webrecorder/warcio#121: "perhaps invalid"
    path = tmp_path / "a.warc"
    offsets = make_warc(path, pages(4), gzip=False)
    whole = read(path)
    data = with_length(path.read_bytes(), offsets[1], lambda length: length + change)
    if zipped:
        starts = [data.index(b"WARC/1", max(0, at - 10)) for at in offsets]
        ends = [*starts[1:], len(data)]
        data = b"".join(gzip.compress(data[start:end]) for start, end in zip(starts, ends))
    path.write_bytes(data)
    records = read(path)
    assert [record.problem for record in records] == ["", "", "", ""]
    assert [record.content for record in records] == [record.content for record in whole]
    assert [bool(record.detail) for record in records] == [False, True, False, False]
    assert [record.url for record in records] == [page["url"] for page in pages(4)]


def test_what_no_wrong_length_explains_is_broken(tmp_path, make_warc):
    path = tmp_path / "a.warc"
    offsets = make_warc(path, pages(3), gzip=False)
    data = path.read_bytes()
    # the last record is cut by the end of the file
    path.write_bytes(data[:-500])
    assert [record.problem for record in read(path)] == ["", "", "broken_record"]
    path.write_bytes(with_length(data, offsets[2], lambda length: length + 500))
    assert [record.problem for record in read(path)] == ["", "", "broken_record"]
    # three times as much as it says
    path.write_bytes(with_length(data, offsets[1], lambda length: length // 5))
    assert [record.problem for record in read(path)] == ["", "broken_record", ""]
    # zeros over the end of one and the beginning of the next
    at = offsets[2]
    path.write_bytes(data[: at - 10] + bytes(40) + data[at + 30 :])
    assert [record.problem for record in read(path)] == ["", "broken_record"]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (b"Content-Length: ", b"Content-Length: x", ""),
        (b"Content-Length: ", b"Content-Length: -", ""),
        (b"Content-Length: ", b"Missing-Length: ", ""),
        (b"WARC-Type: response", b"WARC-Tope: response", "unreadable_headers"),
    ],
)
def test_headers_that_say_too_little(tmp_path, make_warc, old, new, problem):
    path = tmp_path / "a.warc"
    offsets = make_warc(path, pages(3), gzip=False)
    data = path.read_bytes()
    whole = read(path)
    head, tail = data[: offsets[1]], data[offsets[1] :]
    path.write_bytes(head + tail.replace(old, new, 1))
    records = read(path)
    assert [record.problem for record in records] == ["", problem, ""]
    if not problem:
        assert records[1].content == whole[1].content
        assert "Content-Length" in records[1].detail


def test_headers_without_an_end_stop_at_the_cap(tmp_path, make_warc):
    path = tmp_path / "a.warc"
    make_warc(path, pages(1), gzip=False)
    path.write_bytes(b"WARC/1.0\r\nWARC-Type: x\r\n" + b"A: b\r\n" * 200_000 + path.read_bytes())
    records = read(path)
    assert [record.problem for record in records] == ["unreadable_headers", ""]


def test_several_records_in_one_member_get_different_ids(tmp_path, make_warc):
    plain = tmp_path / "a.warc"
    make_warc(plain, pages(4), gzip=False)
    path = tmp_path / "a.warc.gz"
    path.write_bytes(gzip.compress(plain.read_bytes()))
    records = read(path)
    assert [(r.offset, r.index) for r in records] == [(0, 0), (0, 1), (0, 2), (0, 3)]
    assert len({document_id("a", record) for record in records}) == 4
    assert read_record(path, 0, records[1].url, LIMITS) == records[1]
    path.write_bytes(gzip.compress(plain.read_bytes())[:-900])  # one member for all, cut short
    assert [record.problem for record in read(path)][:2] == ["", ""]
    assert read(path)[-1].problem == "truncated_gzip"


def test_caps_on_records_and_members(warc):
    path, _ = warc
    small = LimitsConfig(max_record_bytes=1000)
    assert all(record.content == b"" and record.length > 1000 for record in read(path, small)[1:])
    tight = read(path, LimitsConfig(max_member_bytes=1000))
    assert {record.problem for record in tight[1:]} == {"inflation_limit"}
    assert [record.url for record in tight] == [record.url for record in read(path)]


def test_a_member_that_spills_to_disk_reads_the_same(warc, monkeypatch):
    path, _ = warc
    whole = read(path)
    monkeypatch.setattr("pipeline.crawl.members.SPILL_BYTES", 1000)
    assert read(path) == whole


def test_arc(tmp_path):
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>x</html>"
    head = b"1 0 Test\nURL IP-address Archive-date Content-type Archive-length\n"
    records = [
        b"filedesc://a.arc 0.0.0.0 20080430204825 text/plain %d\n%s\n" % (len(head), head),
        b"http://a.example/ 1.2.3.4 20080430204826 text/html %d\n%s\n" % (len(block), block),
        b"http://b.example/ 1.2.3.4 20080430204827 text/html %d\n%s\n" % (len(block), block),
    ]
    for name, data in (
        ("a.arc", b"".join(records)),
        ("a.arc.gz", b"".join(map(gzip.compress, records))),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        found = read(path)
        assert [r.record_type for r in found] == ["warcinfo", "response", "response"]
        assert [r.url for r in found[1:]] == ["http://a.example/", "http://b.example/"]
        assert found[1].content == block
        assert found[1].date == "2008-04-30T20:48:26Z"


def test_arc_without_its_description(tmp_path):
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>x</html>"
    line = b"http://a.example/ 1.2.3.4 20080430204826 text/html %d\n"
    path = tmp_path / "a.arc"
    path.write_bytes((line % len(block) + block + b"\n") * 2)
    assert [record.url for record in read(path)] == ["http://a.example/"] * 2
    path.write_bytes((line % 5 + block + b"\n") * 2)  # a text that looks like one
    with pytest.raises(UserError):
        read(path)


def test_arc_fields_are_split_from_the_right(tmp_path):
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>x</html>"
    head = b"2 0 Test\nURL IP-address Archive-date Content-type Result-code Checksum Location"
    size = len(block)
    lines = [
        (b"http://a.example/two words here?x=y 1 2", b"1.2.3.4 20080430204826 text/html %d" % size),
        (b"http://b.example/", b"1.2.3.4 20080430204826 text/html; charset=utf-8 %d" % size),
        (
            b"http://c.example/a b",
            b"2001:db8::1 20080430204826 text/html 200 - - 0 a.arc %d" % size,
        ),
        (b"http://d.example/1.2.3.4 20080430204826 x", b"1.2.3.4 19990101000000 no-type %d" % size),
        (b"http://f.example/", b"1.2.3.4 20080430204826  %d" % size),  # no type
        (b"http://e.example/ ", b"0.0.0.0 199901010000 text/html %d" % size),
    ]
    records = [b"filedesc://a.arc 0.0.0.0 20080430204825 text/plain %d\n%s\n" % (len(head), head)]
    records += [b"%s %s\n%s\n" % (url, rest, block) for url, rest in lines]
    for name, data in (
        ("d.arc.zst", b"".join(map(zstd.compress, records))),
        ("a.arc", b"".join(records)),
        ("b.arc.gz", b"".join(map(gzip.compress, records))),
        ("c.arc.gz", gzip.compress(b"".join(records))),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        found = read(path)[1:]
        assert [record.url.encode() for record in found] == [url for url, _ in lines]
        assert all(record.content == block and not record.problem for record in found)
        assert found[-1].date == "1999-01-01T00:00:00Z"


def test_wget_angle_brackets_and_folded_headers(tmp_path):
    path = tmp_path / "a.warc"
    path.write_bytes(
        b"WARC/1.0\r\nWARC-Type: Response\r\nWARC-Target-URI:\r\n <http://a.example/>\r\n"
        b"X-Long: one\r\n two\r\nContent-Length: 2\r\n\r\nhi\r\n\r\n"
    )
    (record,) = read(path)
    assert (record.url, record.record_type) == ("http://a.example/", "response")
    assert record.headers["x-long"] == "one two"


@pytest.fixture(scope="module")
def fuzz_inputs(tmp_path_factory, make_warc):
    folder = tmp_path_factory.mktemp("fuzz")
    make_warc(folder / "a.warc.gz", pages(3), info={})
    make_warc(folder / "a.warc", pages(3), gzip=False, info={})
    return folder, [(folder / name).read_bytes() for name in ("a.warc.gz", "a.warc")]


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_mutated_bytes_never_crash_the_reader(fuzz_inputs, data):
    folder, inputs = fuzz_inputs
    content = bytearray(data.draw(st.sampled_from(inputs)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(0, len(content) - 1)))
        size = data.draw(st.integers(0, 600))
        match data.draw(st.sampled_from(["flip", "zero", "cut", "insert", "repeat"])):
            case "flip" if content:
                content[at] ^= data.draw(st.integers(1, 255))
            case "zero":
                content[at : at + size] = bytes(len(content[at : at + size]))
            case "cut":
                del content[at : at + size]
            case "insert":
                content[at:at] = data.draw(st.binary(max_size=60))
            case "repeat":
                content[at:at] = content[at : at + size]
    path = folder / "mutated"
    path.write_bytes(content)
    try:
        records = read(path)
    except UserError:
        return
    offsets = [(record.offset, record.index) for record in records]
    assert offsets == sorted(offsets)
    assert len(set(offsets)) == len(offsets)
    for record in records:
        assert len(record.content) == record.length
        assert record.problem or record.record_type
        if not record.problem and record.url:
            assert read_record(path, record.offset, record.url, LIMITS).url == record.url


def zstd_archive(frames: list[bytes], dictionary: bytes = b"", packed: bool = False) -> bytes:
    """As the IIPC's specification of .warc.zst has it: the dictionary first, in a frame of its own
    that readers without dictionaries skip."""
    # as the zstd tool sets it
    options: dict[int, int] = {zstd.CompressionParameter.checksum_flag: 1}
    if not dictionary:
        return b"".join(zstd.compress(frame, options=options) for frame in frames)
    content = zstd.compress(dictionary) if packed else dictionary
    head = b"\x5d\x2a\x4d\x18" + len(content).to_bytes(4, "little") + content
    zstd_dict = zstd.ZstdDict(dictionary)
    return head + b"".join(
        zstd.compress(frame, options=options, zstd_dict=zstd_dict) for frame in frames
    )


@pytest.fixture(scope="module")
def plain_records(tmp_path_factory, make_warc):
    path = tmp_path_factory.mktemp("plain") / "a.warc"
    make_warc(path, pages(6), gzip=False, info={"isPartOf": "TEST"})
    data = path.read_bytes()
    ends = [*[record.offset for record in read(path)][1:], len(data)]
    return [data[start:end] for start, end in zip([0, *ends], ends)]


def trained(records: list[bytes]) -> bytes:
    samples = [record[at : at + 200] for record in records for at in range(0, len(record), 40)]
    return zstd.train_dict(samples, 2000).dict_content


@pytest.mark.parametrize("kind", ["none", "raw", "packed"])
def test_zstd_archives_read_as_plain_ones_and_from_any_offset(tmp_path, plain_records, kind):
    dictionary = b"" if kind == "none" else trained(plain_records)
    path = tmp_path / "a.warc.zst"
    path.write_bytes(zstd_archive(plain_records, dictionary, kind == "packed"))
    plain = tmp_path / "a.warc"
    plain.write_bytes(b"".join(plain_records))
    records, theirs = read(path), read(plain)
    assert [(r.url, r.content, r.problem) for r in records] == [
        (r.url, r.content, "") for r in theirs
    ]
    offsets = [record.offset for record in records]
    assert offsets == sorted(set(offsets))
    for number, record in enumerate(records):
        assert list(read_records(path, LIMITS, record.offset)) == records[number:]
        if record.url:
            assert read_record(path, record.offset, record.url, LIMITS) == record
    if kind == "none":
        with path.open("rb") as file:
            urls = [r.headers.get("WARC-Target-URI") for r in ArchiveIterator(file)]
        assert [record.url or None for record in records] == urls


def test_damaged_zstd_archives_lose_only_what_is_damaged(tmp_path, plain_records):
    path = tmp_path / "a.warc.zst"
    whole = zstd_archive(plain_records, trained(plain_records))
    path.write_bytes(whole)
    records = read(path)
    offsets = [record.offset for record in records]

    data = bytearray(whole)
    data[offsets[2] + 300 : offsets[2] + 400] = bytes(100)
    data[offsets[4] : offsets[4] + 4] = b"????"
    path.write_bytes(data)
    found = read(path)
    assert [r.problem for r in found] == ["", "", "broken_zstd", "", "broken_zstd", "", ""]
    assert [r.lost_bytes for r in found if r.problem] == [
        offsets[3] - offsets[2],
        offsets[5] - offsets[4],
    ]
    assert sum(len(r.content) > 0 for r in found) == 5

    path.write_bytes(whole[:-10])
    assert [(r.problem, r.offset) for r in read(path)][-1] == ("truncated_zstd", offsets[-1])

    # without its beginning, and so without its dictionary
    path.write_bytes(zstd_archive(plain_records)[7:])
    assert [r.problem for r in read(path)] == ["broken_zstd"] + [""] * 6
    path.write_bytes(whole[: offsets[0] - 5])
    with pytest.raises(UserError):
        read(path)


def test_zstd_frames_of_many_records_and_caps(tmp_path, plain_records):
    path = tmp_path / "a.warc.zst"
    skipped = b"\x50\x2a\x4d\x18\x05\0\0\0hello"
    path.write_bytes(skipped + zstd_archive([b"".join(plain_records)]) + skipped)
    records = read(path)
    assert [record.index for record in records] == list(range(7))
    assert {record.offset for record in records} == {len(skipped)}
    tight = read(path, LimitsConfig(max_member_bytes=5000))
    assert tight[-1].problem == "inflation_limit"
