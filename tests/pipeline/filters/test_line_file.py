"""Lines on disk: the answers of a set, and never a wrong one from a damaged file."""

import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.filters.line_file import DamagedFile, LineBlock, LineFile, write_lines
from pipeline.filters.url_lists import sorted_lines

LINES = st.lists(st.text(alphabet="ab.#é", min_size=1, max_size=5))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("lines")


@pytest.fixture
def names():
    draw = random.Random("names")
    return sorted({draw.randbytes(draw.randint(3, 12)).hex().encode() for _ in range(3000)})


@given(LINES, st.text(alphabet="ab.é", min_size=1, max_size=5))
def test_exactly_the_lines_are_there(folder, lines, wanted):
    block = sorted_lines("\n".join(lines).encode())
    kept = {line for line in lines if not line.startswith("#")}
    write_lines(folder / "few", block)
    for there in (LineBlock(block), LineFile(folder / "few")):
        assert all(there.contains(line.encode()) for line in kept)
        assert there.contains(wanted.encode()) == (wanted in kept)


def test_many_chunks_and_lines_longer_than_one(tmp_path, names):
    names = sorted([*names, b"9" * 10_000, b"0" * 5000, b"00"])
    write_lines(tmp_path / "many", b"".join(name + b"\n" for name in names))
    lines = LineFile(tmp_path / "many")
    assert len(lines._firsts) > 10
    assert all(map(lines.contains, names))
    known = set(names)
    for name in names[::7]:
        for other in (name[:-1], name + b"0", b"0" + name, name[1:]):
            assert lines.contains(other) == (other in known)
    assert not lines.contains(b"")
    assert not lines.contains(b"zz")


@pytest.mark.parametrize(
    ("lengths", "borders"),
    [
        ([], [0]),
        ([1], [0, 2]),
        ([4095], [0, 4096]),
        ([4095, 1], [0, 4096, 4098]),
        ([4096, 1], [0, 4097, 4099]),  # longer than a chunk, and the first
        ([9000, 9000], [0, 9001, 18002]),
        ([2000, 2094, 1], [0, 4096, 4098]),
        ([2000, 2095, 1], [0, 2001, 4099]),
    ],
)
def test_a_chunk_ends_with_the_last_line_that_fits_4096_bytes(tmp_path, lengths, borders):
    lines = [b"%c" % (97 + at) * length for at, length in enumerate(lengths)]
    write_lines(tmp_path / "some", b"".join(line + b"\n" for line in lines))
    made = LineFile(tmp_path / "some")
    assert made._starts.tolist() == borders
    assert all(map(made.contains, lines))


def test_no_file_answers_wrongly_whichever_byte_is_another(tmp_path, names):
    path = tmp_path / "names"
    write_lines(path, b"".join(name + b"\n" for name in names))
    sound = path.read_bytes()
    draw = random.Random("bytes")
    places = [0, *draw.sample(range(len(sound)), 150), *range(len(sound) - 400, len(sound), 3)]
    for place in places:
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
        with pytest.raises(DamagedFile):  # a fault in a chunk is found once the chunk is read
            assert all(map(LineFile(path).contains, names))


@pytest.mark.parametrize("left", [0, 1, 100, 0.5, 0.99])
def test_a_file_cut_short_is_damaged(tmp_path, names, left):
    path = tmp_path / "names"
    write_lines(path, b"".join(name + b"\n" for name in names))
    size = path.stat().st_size
    os.truncate(path, left if isinstance(left, int) else int(left * size))
    with pytest.raises(DamagedFile):
        LineFile(path)


def test_a_file_cut_while_it_is_open_is_damaged(tmp_path, names):
    path = tmp_path / "names"
    write_lines(path, b"".join(name + b"\n" for name in names))
    lines = LineFile(path)
    os.truncate(path, 10)
    with pytest.raises(DamagedFile):
        lines.contains(names[-1])


def test_what_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    def fail(_):
        raise OSError("no space")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space"):
        write_lines(tmp_path / "names", b"a\n")
    assert list(tmp_path.iterdir()) == []
