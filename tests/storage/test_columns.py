"""Some columns of a remote Parquet file."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from s3_server import s3_server

from storage import aws, columns
from storage.errors import UserError
from storage.tables import write_tables
from storage.transfer import ObjectAddress

ROWS = 30_000
RNG = np.random.default_rng(1)
TABLE = pa.table(
    {
        "id": [f"{n:08d}" for n in range(ROWS)],
        "text": [RNG.bytes(40).hex() for _ in range(ROWS)],
        "score": RNG.random(ROWS),
        "tags": [[n, n + 1] for n in range(ROWS)],
        "language": [("de", "en")[n % 2] for n in range(ROWS)],  # a dictionary
    }
)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored")
    write_tables([TABLE], TABLE.schema, folder / "rows.parquet", 10_000)
    with s3_server() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment().items():
            patch.setenv(name, value)
        place = ObjectAddress(aws.client(server.url), "big", "rows.parquet")
        place.client.create_bucket(Bucket="big")
        place.client.put_object(**place.named, Body=(folder / "rows.parquet").read_bytes())
        yield place, (folder / "rows.parquet").stat().st_size


@pytest.mark.parametrize("chosen", [["id"], ["language", "tags"], ["score", "id", "language"]])
def test_they_read_as_from_the_whole_file(stored, tmp_path, chosen):
    place, size = stored
    path = tmp_path / "some.parquet"
    columns.download(place, path, chosen)
    assert pq.read_table(path, columns=chosen).equals(TABLE.select(chosen))
    assert path.stat().st_size == size
    assert path.stat().st_blocks * 512 < size / 2, "the rest takes no room"
    with pytest.raises(OSError):
        pq.read_table(path, columns=["text"])


def test_what_is_no_such_file_is_said(stored, tmp_path):
    place, _ = stored
    with pytest.raises(UserError, match="no column mood: made by another version"):
        columns.download(place, tmp_path / "x", ["id", "mood"])
    other = ObjectAddress(place.client, "big", "other.parquet")
    place.client.put_object(**other.named, Body=b"not Parquet at all")
    with pytest.raises(UserError, match="damaged"):
        columns.download(other, tmp_path / "x", ["id"])


def test_a_long_footer_is_fetched_whole(stored, tmp_path, monkeypatch):
    place, _ = stored
    monkeypatch.setattr(columns, "FOOTER_BYTES", 100)
    columns.download(place, tmp_path / "some.parquet", ["id"])
    assert pq.read_table(tmp_path / "some.parquet", columns=["id"])["id"] == TABLE["id"]


def test_neighbours_are_joined():
    gap = columns.GAP_BYTES
    assert columns.joined([(10, 20), (0, 5)]) == [(0, 20)]
    assert columns.joined([(0, 5), (6 + gap, 8 + gap)]) == [(0, 5), (6 + gap, 8 + gap)]
    assert columns.joined([(0, 50), (10, 20), (5 + gap, 8 + gap)]) == [(0, 8 + gap)]
