"""The simulation's parts are true, and its S3 server keeps a lake."""

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from flows.config import load
from pipeline.scan import stage as scan
from pipeline.stage import Progress
from storage import Lake
from storage.digest import artifact_digest
from storage.schemas import SIGNALS
from storage.tables import read_table
from tests.benchmarks.scale_lake import first_part, make_parts, patched
from tests.benchmarks.scale_pages import COPIED_EVERY, paragraphs, warc, warc_name
from tests.benchmarks.scale_s3 import Handler, Store

MEASURED = {"language_score", *(name for name, _ in SIGNALS)}


def test_a_part_by_number_is_what_the_pass_makes_of_its_file(tmp_path: Path) -> None:
    config, number = load("cpu"), COPIED_EVERY - 1
    assert paragraphs(number, 0) == paragraphs(number - 1, 0) != paragraphs(number - 2, 0)
    first = first_part(config, tmp_path)
    path, out, scratch = tmp_path / warc_name(number), tmp_path / "other", tmp_path / "notes"
    path.write_bytes(warc(number))
    out.mkdir()
    scratch.mkdir()
    said = scan.STAGE.build(out, {"warc": [path]}, config.scan, Progress(), scratch)
    assert said == {**first.statistics, "warc": warc_name(number)}
    for name, table in patched(first, number, config).items():
        true = read_table(out / name)
        assert table.schema.equals(true.schema)
        known = [column for column in true.column_names if column not in MEASURED]
        assert table.select(known).equals(true.select(known)), name


def test_parts_are_whole_artifacts_and_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sync_tree", "sync_folder"):  # which the builder switches off
        monkeypatch.setattr(f"storage.durable.{name}", lambda path: None)
    config, lake = load("cpu"), Lake(tmp_path / "lake")
    (tmp_path / "first").mkdir()
    first = first_part(config, tmp_path / "first")
    for _ in range(2):
        make_parts(config, lake, tmp_path, range(3), first)
    parts = lake.list("scan")
    assert len(parts) == 3
    assert all(lake.is_whole(m.kind, m.digest, deep=True) for m in parts)


@pytest.fixture
def endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "bucket").mkdir()
    monkeypatch.setattr(Handler, "store", Store(tmp_path, 0.0), raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "scale")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "scale")
        monkeypatch.setenv("CRAWL2CHAT_CACHE", str(tmp_path / ".cache"))
        yield address
        server.shutdown()


def test_the_s3_server_keeps_a_lake(endpoint: str, tmp_path: Path) -> None:
    lake = Lake("s3://bucket/lake")
    digests = [artifact_digest("toy", 1, {"number": number}, {}) for number in range(3)]
    for number, digest in enumerate(digests):
        staging = lake.staging("toy", digest)
        (staging / "data.bin").write_bytes(bytes(9_000_000 if number == 0 else 9))
        lake.commit(staging, "toy", digest, 1, {"number": number}, {}, {}, {})
    lake.set_heads({"toy": digests[0]})
    again = Lake("s3://bucket/lake")
    assert {m.digest for m in again.list()} == set(digests)
    assert again.heads() == {"toy": digests[0]}
    assert all(again.is_whole("toy", digest, deep=True) for digest in digests)


def test_the_s3_server_heeds_conditions(endpoint: str) -> None:
    def put(**headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        asked = urllib.request.Request(f"{endpoint}/bucket/a", b"x", named, method="PUT")
        try:
            with urllib.request.urlopen(asked) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    assert put(If_None_Match="*") == 200
    assert put(If_None_Match="*") == 412
    assert put(If_Match='"other"') == 412
    assert put() == 200
