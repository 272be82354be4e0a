"""The lake in an object store: moto's server, real HTTP."""

import threading
from concurrent.futures import ThreadPoolExecutor

import boto3
import pyarrow as pa
import pytest
from moto.server import ThreadedMotoServer

from storage import Lake, UserError, catalog, index
from storage.digest import artifact_digest
from storage.durable import remove_tree
from storage.s3 import ObjectTree

ROWS = pa.table({"id": ["a", "b"], "text": ["one", "two"]})
FILES = {"corpus-en.parquet": ROWS, "deep/funnel.json": b"{}", "provenance/clock": b"12"}


@pytest.fixture(scope="module")
def server():
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def client(server, monkeypatch, tmp_path):
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": server,
        "CRAWL2CHAT_CACHE": str(tmp_path / "cache"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_REGION", raising=False)
    client = boto3.client("s3", endpoint_url=server, region_name="us-east-1")
    client.create_bucket(Bucket="lake")
    yield client
    for item in client.list_objects_v2(Bucket="lake").get("Contents", []):
        client.delete_object(Bucket="lake", Key=item["Key"])
    client.delete_bucket(Bucket="lake")


@pytest.fixture
def lake(client):
    return Lake("s3://lake/some/prefix")


def keys(client):
    return sorted(item["Key"] for item in client.list_objects_v2(Bucket="lake").get("Contents", []))


def test_without_room_for_local_copies_it_is_not_written_to(lake, monkeypatch):
    lake.check_writable()
    monkeypatch.setenv("CRAWL2CHAT_CACHE", "/proc/none")
    with pytest.raises(
        UserError, match=r"can't write in /proc: .* set CRAWL2CHAT_CACHE to another"
    ):
        Lake(lake.url).check_writable()


def test_commit_read_and_download(lake, client, make):
    made = make(lake, "corpus", FILES)
    prefix = f"some/prefix/corpus/{made.artifact}"
    assert keys(client) == [f"{prefix}/{name}" for name in sorted([*FILES, "manifest.json"])]
    assert lake.folder("corpus", made.digest) == f"s3://lake/{prefix}"
    assert lake.is_whole("corpus", made.digest, deep=True)
    assert lake.list() == [made] == [lake.manifest("corpus", made.digest[:10])]
    folder = lake.local("corpus", made.digest)
    assert (folder / "provenance/clock").read_bytes() == b"12"
    # A second machine, with a cache of its own, sees the same.
    remove_tree(lake.disk.root)
    other = Lake("s3://lake/some/prefix/")
    assert sorted(p.name for p in other.local("corpus", made.digest).rglob("*") if p.is_file()) == [
        "clock",
        "corpus-en.parquet",
        "funnel.json",
        "manifest.json",
    ]
    assert list((other.disk.root / ".staging").iterdir()) == []


def test_the_manifest_is_written_last(lake, client, make, monkeypatch):
    order = []
    upload = ObjectTree._upload

    def spy(self, source, path):
        order.append(path.rpartition("/")[2])
        upload(self, source, path)

    monkeypatch.setattr(ObjectTree, "_upload", spy)
    make(lake, "corpus", FILES)
    assert order[-1] == "manifest.json"
    assert len(order) == 4


@pytest.mark.parametrize("at", range(4))
def test_an_upload_that_fails_leaves_no_artifact_and_a_rerun_mends_it(
    lake, client, make, monkeypatch, at
):
    upload, count = ObjectTree._upload, 0

    def fail(self, source, path):
        nonlocal count
        count += 1
        if count > at:
            raise OSError("connection lost")
        upload(self, source, path)

    monkeypatch.setattr(ObjectTree, "_upload", fail)
    digest = artifact_digest("corpus", 1, {}, {})
    with pytest.raises(OSError, match="connection lost"):
        make(lake, "corpus", FILES)
    monkeypatch.undo()
    lake = Lake(
        f"s3://lake/some/prefix?endpoint_override={client.meta.endpoint_url}&region=us-east-1"
    )
    assert not lake.is_whole("corpus", digest)
    assert lake.list() == []
    with pytest.raises(UserError):
        lake.local("corpus", digest)


def test_a_damaged_artifact_is_replaced_and_a_whole_one_kept(lake, client, make):
    made = make(lake, "corpus", FILES, provenance={"run": 1})
    assert make(lake, "corpus", FILES, provenance={"run": 2}) == made
    key = f"some/prefix/corpus/{made.artifact}/deep/funnel.json"
    client.put_object(Bucket="lake", Key=key, Body=b"longer than it was")
    assert not lake.is_whole("corpus", made.digest)
    again = make(lake, "corpus", FILES, provenance={"run": 3})
    assert again.provenance["run"] == 3
    assert lake.is_whole("corpus", made.digest, deep=True)
    client.put_object(Bucket="lake", Key=key, Body=b"[]")
    assert lake.is_whole("corpus", made.digest)
    assert not lake.is_whole("corpus", made.digest, deep=True)


def test_downloads_are_verified_and_never_half(lake, client, make):
    made = make(lake, "corpus", FILES)
    remove_tree(lake.disk.root)
    key = f"some/prefix/corpus/{made.artifact}/deep/funnel.json"
    client.put_object(Bucket="lake", Key=key, Body=b"[]")
    with pytest.raises(UserError, match="damaged"):
        lake.local("corpus", made.digest)
    client.delete_object(Bucket="lake", Key=key)
    with pytest.raises(UserError, match="missing"):
        lake.local("corpus", made.digest)
    assert not (lake.disk.root / "corpus").exists()
    client.put_object(Bucket="lake", Key=key, Body=b"{}")
    assert (lake.local("corpus", made.digest) / "deep/funnel.json").read_bytes() == b"{}"


def test_a_copy_of_an_earlier_artifact_of_that_digest_is_not_used(lake, client, make):
    old = make(lake, "corpus", {"a": b"old"})
    assert (lake.local("corpus", old.digest) / "a").read_bytes() == b"old"
    for key in keys(client):
        client.delete_object(Bucket="lake", Key=key)
    cache, lake.disk = lake.disk, type(lake.disk)(lake.disk.root / "elsewhere")
    make(lake, "corpus", {"a": b"new"})
    lake.disk = cache
    assert (lake.local("corpus", old.digest) / "a").read_bytes() == b"new"


def test_concurrent_committers(client, make):
    barrier = threading.Barrier(4)

    def work(_):
        lake = Lake("s3://lake/some/prefix")
        barrier.wait()
        return make(lake, "corpus", FILES).content()

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(work, range(4)))
    assert all(content == results[0] for content in results)
    assert Lake("s3://lake/some/prefix").is_whole("corpus", results[0]["digest"], deep=True)


def test_another_machine_opens_the_same_lake(lake, client, make):
    made = make(lake, "corpus", FILES)
    opened, arguments = lake.__reduce__()
    assert opened(*arguments).is_whole("corpus", made.digest, deep=True)


def test_heads_and_views(lake, client, make):
    assert lake.heads() == {}
    made = make(lake, "corpus", FILES)
    model = make(lake, "base", {"model.safetensors": bytes(1000)})
    lake.set_heads({"corpus": made.digest, "base": model.digest})
    assert Lake(lake.url).heads() == {"corpus": made.digest, "base": model.digest}
    remove_tree(lake.disk.root)
    assert catalog.query(lake, "SELECT id, text FROM corpus ORDER BY id").equals(ROWS)
    assert catalog.query(lake, "SELECT count(*) AS n FROM artifacts")["n"].to_pylist() == [2]
    here = [p.name for p in lake.disk.root.rglob("*") if p.is_file()]
    assert here == ["corpus-en.parquet"], "no more is downloaded than the query needs"


def test_wrong_bucket_and_unreachable_endpoint(client):
    with pytest.raises(UserError, match="no bucket 'other'"):
        Lake("s3://other/prefix")
    with pytest.raises(UserError, match="can't be reached") as caught:
        Lake("s3://lake/prefix?endpoint_override=http://127.0.0.1:9")
    assert "\n" not in str(caught.value)


def test_a_listing_opens_no_manifest_that_the_index_has(lake, make, monkeypatch):
    monkeypatch.setattr(index, "WORTH", 4)
    monkeypatch.setattr(index, "_waiting", {})
    made = [make(lake, "corpus_part", {"a": b"x"}, {"n": n}) for n in range(10)]
    seen = []
    read = Lake._read

    def counted(lake, kind, digest):
        seen.append(digest)
        return read(lake, kind, digest)

    monkeypatch.setattr(Lake, "_read", counted)
    assert Lake(lake.url).list() == made
    assert len(seen) == 2, "those in no file of rows yet"
    lake.remove(made[0])
    assert lake.list("corpus_part") == made[1:]
    for name in lake.tree.sizes(".index"):
        lake.tree.write(f".index/{name}", b"damaged")
    assert lake.list() == made[1:]


def test_sql_reads_the_files_of_views_alone(lake, make):
    made = make(lake, "corpus", FILES)
    lake.set_heads({"corpus": made.digest})
    for path in ("heads.json", "../x", f"corpus/{made.artifact}/manifest.json"):
        with pytest.raises(UserError, match="files of its views alone"):
            catalog.query(lake, f"FROM read_text('lake://{path}')")
    with pytest.raises(UserError, match="Permission"):
        catalog.query(lake, f"FROM read_text('{lake.url}/heads.json')")
