"""Every byte of an archive is a record's or padding, whatever the file is made of."""

import gzip
import itertools
import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.crawl.account import Account, BrokenAccount, Padding, Stretch, check_bytes, plain
from pipeline.crawl.limits import LimitsConfig
from pipeline.crawl.warc import Record, read_all, read_records
from storage.errors import UserError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LIMITS = LimitsConfig()


def pack(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def accounted(path: Path) -> Account:
    """The account of the whole file, which is checked on the way."""
    account = Account()
    for item in read_all(path, LIMITS):
        account.add(item)
    check_bytes(path.name, path.stat().st_size, account.counted())
    assert account.offset == path.stat().st_size
    return account


@pytest.fixture(scope="module")
def records(
    tmp_path_factory: pytest.TempPathFactory, make_warc: Callable[..., list[int]]
) -> list[bytes]:
    """Four records as a plain file has them."""
    path = tmp_path_factory.mktemp("account") / "a.warc"
    draw = random.Random("account")
    body = [draw.randbytes(2000).hex().encode() for _ in range(4)]
    pages = [{"url": f"http://h{n}.example/", "body": b} for n, b in enumerate(body)]
    offsets = [*make_warc(path, pages, gzip=False), path.stat().st_size]
    content = path.read_bytes()
    return [content[a:b] for a, b in itertools.pairwise(offsets)]


ARC = (
    b"filedesc://a.arc 0.0.0.0 20080102030405 text/plain 9\n1 0 Made\n\n"
    b"http://a.b/ 1.2.3.4 20080102030405 text/html 5\nhello\n"
    b"http://a.c/ 1.2.3.4 20080102030405 text/html 6\nhello!\n"
)


def dictionary_frame() -> bytes:
    return b"\x5d\x2a\x4d\x18" + (12).to_bytes(4, "little") + b"no dictionary"[:12]


def test_every_form_of_a_file_adds_up(tmp_path, records):
    one = b"".join(records)
    packed = b"".join(map(pack, records))
    frames = b"".join(map(zstd.compress, records))
    forms = {
        "a.warc": one,
        "blank.warc": b"\r\n\n" + one + b"\r\n" * 9,
        "a.warc.gz": packed,
        "member.warc.gz": pack(one),
        "blanks.warc.gz": pack(b"\n\n" + one + b"\n\n"),
        "pairs.warc.gz": pack(records[0] + records[1]) + pack(one),
        "empty.warc.gz": pack(b"") + packed + pack(b"\r\n") + pack(b""),
        "nothing.warc.gz": pack(b""),
        "a.warc.zst": frames,
        "dictionary.warc.zst": dictionary_frame() + frames + zstd.compress(b""),
        "a.arc": ARC,
        "a.arc.gz": pack(ARC),
    }
    padding = {
        "blank.warc": 3,
        "empty.warc.gz": 2 * len(pack(b"")) + len(pack(b"\r\n")),
        "nothing.warc.gz": len(pack(b"")),
        "dictionary.warc.zst": 20 + len(zstd.compress(b"")),
    }
    for name, content in forms.items():
        path = tmp_path / name
        path.write_bytes(content)
        account = accounted(path)
        assert account.unreadable_bytes == 0, name
        assert account.padding_bytes == padding.get(name, 0), name


def test_lost_bytes_are_accounted_for_as_such(tmp_path, records):
    packed = [pack(record) for record in records]
    at = sum(map(len, packed[:2])) - 700
    whole = b"".join(packed)
    forms = {
        "truncated.warc.gz": (whole[:-100], len(packed[3]) - 100),
        "zeroed.warc.gz": (whole[:at] + bytes(100) + whole[at + 100 :], len(packed[1])),
        "tail.warc.gz": (whole + bytes(512), 512),
        "tail.warc": (b"".join(records) + b"no record", 9),
    }
    for name, (content, lost) in forms.items():
        (tmp_path / name).write_bytes(content)
        account = accounted(tmp_path / name)
        assert account.unreadable_bytes == lost, name
        assert account.padding_bytes == 0


def test_mutated_files_add_up(tmp_path, records):
    draw = random.Random("mutated account")
    one = b"".join(records)
    inputs = [b"".join(map(pack, records)), pack(one), one]
    inputs += [b"".join(map(zstd.compress, records)), ARC]
    refused = 0
    for number in range(150):
        content = bytearray(inputs[number % len(inputs)])
        for _ in range(draw.randint(1, 3)):
            at = draw.randint(len(content) // 3, len(content))
            content[at : at + draw.randint(0, 300)] = draw.randbytes(draw.randint(0, 40))
        path = tmp_path / "m"
        path.write_bytes(content)
        try:
            accounted(path)
        except UserError:  # no record is left in it
            refused += 1
            continue
        given = [item for item in read_all(path, LIMITS) if isinstance(item, Record)]
        assert list(read_records(path, LIMITS)) == given
    assert refused < 15


def test_the_shared_crawl_adds_up(shared_dir):
    path = min((shared_dir / "crawl").glob("*.warc.gz"))
    assert accounted(path).record_bytes == path.stat().st_size


@pytest.mark.parametrize(
    "wrong",
    [
        Padding(plain(11, 20)),  # a byte left out
        Padding(plain(9, 20)),  # a byte twice
        Padding(plain(10, 10)),  # nothing at all
        Padding(Stretch(10, 20, 5, 9, 9)),  # not from its member's beginning
        Padding(Stretch(10, 20, 0, 9, 8)),  # more than its member
        Padding(Stretch(10, 20, 0, 9, 9), 1),  # its member's second record, without the first
    ],
)
def test_what_does_not_follow_is_a_fault(wrong):
    account = Account()
    account.add(Padding(plain(0, 10)))
    with pytest.raises(BrokenAccount, match="conservation law"):
        account.add(wrong)


def test_records_of_a_member_follow_one_another():
    def account() -> Account:
        begun = Account()
        begun.add(Padding(Stretch(0, 50, 0, 40, 100)))
        return begun

    whole = account()
    whole.add(Padding(Stretch(0, 50, 40, 100, 100), 1))
    assert (whole.offset, whole.index, whole.inner, whole.padding_bytes) == (50, 0, 0, 50)
    for wrong in (
        Padding(Stretch(50, 60, 0, 9, 9)),  # the next member before this one is through
        Padding(Stretch(0, 50, 41, 100, 100), 1),
        Padding(Stretch(0, 50, 40, 100, 100), 2),
        Padding(Stretch(0, 50, 0, 40, 100), 0),
    ):
        with pytest.raises(BrokenAccount):
            account().add(wrong)
    with pytest.raises(BrokenAccount, match="accounts for"):
        check_bytes("a.warc", 50, account().counted())
