"""The lake in an object store: moto's server, real HTTP, races in every order that matters."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from s3_server import s3_server

from storage import Lake, UserError, catalog, index, s3
from storage.digest import artifact_digest
from storage.durable import remove_tree
from storage.grouped import members
from storage.reads import Read
from storage.s3 import MOST_PAUSE_SECONDS, PAUSE_SECONDS, RACES, REBUILDING, ObjectTree

ROWS = pa.table({"id": ["a", "b"], "text": ["one", "two"]})
FILES = {"corpus-en.parquet": ROWS, "deep/funnel.json": b"{}", "provenance/clock": b"12"}


@pytest.fixture(scope="module")
def server():
    with s3_server() as running:
        yield running


@pytest.fixture
def client(server, monkeypatch, tmp_path):
    for name, value in server.environment(tmp_path / "cache").items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    client = server.client()
    client.create_bucket(Bucket="lake")
    yield client
    server.before, server.conditions = lambda method, path: None, "kept"
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


def test_a_bucket_that_takes_nothing_is_said_before_hours_are_spent(lake, server, monkeypatch):
    policy = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject"}
    policy["Resource"] = "arn:aws:s3:::lake/*"
    client = server.client()
    client.put_bucket_policy(
        Bucket="lake", Policy=json.dumps({"Version": "2012-10-17", "Statement": [policy]})
    )
    try:
        with pytest.raises(UserError, match="not for these credentials"):
            lake.check_writable()
    finally:
        client.delete_bucket_policy(Bucket="lake")
    lake.check_writable()


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


def test_the_manifest_is_written_last(lake, client, make, server):
    server.requests.clear()
    made = make(lake, "corpus", FILES)
    sent = [
        path.split(made.artifact)[1]
        for method, path, _ in server.requests
        if method == "PUT" and made.artifact in path
    ]
    assert sent == [
        "/corpus-en.parquet",
        "/deep/funnel.json",
        "/provenance/clock",
        "/manifest.json",
    ]


@pytest.mark.parametrize("at", range(4))
def test_an_upload_that_fails_leaves_no_artifact_and_a_rerun_mends_it(
    lake, client, make, server, at
):
    count = 0

    def fail(method, path):
        nonlocal count
        count += method == "PUT" and "/corpus/" in path
        if count > at:
            raise OSError("the server is gone")

    lake.tree.is_conditional  # noqa: B018
    server.before = fail
    digest = artifact_digest("corpus", 1, {}, {})
    with pytest.raises(ConnectionError):
        make(lake, "corpus", FILES)
    server.before = lambda method, path: None
    again = Lake(f"s3://lake/some/prefix?endpoint_override={server.url}&region=us-east-1")
    assert not again.is_whole("corpus", digest)
    assert again.list() == []
    with pytest.raises(UserError):
        again.local("corpus", digest)
    server.requests.clear()
    make(again, "corpus", FILES)
    assert again.is_whole("corpus", digest, deep=True)
    sent = [path for method, path, _ in server.requests if method == "PUT" and "/corpus/" in path]
    assert len(sent) == 4 - at, "what is there already is not sent again"


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


@pytest.fixture(params=["kept", "ignored", "refused"])
def store(request, server, client):
    """A lake in a store that keeps conditions, one that ignores them, one that says so."""
    server.conditions = request.param
    return Lake("s3://lake/some/prefix")


def at_put(server, name, *actions):
    """Before the first PUTs of an object whose path ends so, one action each."""
    waiting = list(actions)

    def before(method, path):
        if method == "PUT" and path.endswith(name) and waiting:
            waiting.pop(0)()

    server.before = before


def test_which_stores_know_conditions(server, client, caplog):
    for word, known in (("kept", True), ("ignored", False), ("refused", False)):
        server.conditions = word
        caplog.clear()
        tree = Lake("s3://lake/some/prefix").tree
        assert isinstance(tree, ObjectTree)
        assert tree.is_conditional == known
        assert ("no conditional writes" in caplog.text) == (not known)
    assert keys(client) == [], "the probe is gone"


def test_concurrent_committers(store, make):
    barrier = threading.Barrier(4)

    def work(number):
        lake = Lake(store.url)
        barrier.wait()
        made = make(lake, "corpus", FILES, provenance={"who": number})
        lake.set_heads({f"slot{number}": made.digest})
        return made

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(work, range(4)))
    assert made == made[:1] * 4, "one wins, and all are told who"
    assert store.is_whole("corpus", made[0].digest, deep=True)
    assert store.list() == made[:1]
    assert store.heads() == {f"slot{number}": made[0].digest for number in range(4)}


def test_a_manifest_that_another_has_just_committed_stays(store, make, server):
    """The loser looked before the winner was done, and comes to its own manifest after that."""
    store.tree.is_conditional  # noqa: B018
    won = []
    at_put(
        server,
        "corpus-en.parquet",  # the loser has seen that there is no artifact
        lambda: won.append(make(Lake(store.url), "corpus", FILES, provenance={"who": "winner"})),
    )
    lost = make(store, "corpus", FILES, provenance={"who": "loser"})
    assert won == [lost] == store.list()
    assert lost.provenance["who"] == "winner"
    assert store.is_whole("corpus", lost.digest, deep=True)


def test_a_damaged_manifest_that_another_has_mended_stays(store, make, server, client):
    made = make(store, "corpus", FILES)
    manifest = f"some/prefix/corpus/{made.artifact}/manifest.json"
    client.put_object(Bucket="lake", Key=manifest, Body=b"not JSON")
    won = []

    def mend():
        won.append(make(Lake(store.url), "corpus", FILES, provenance={"who": "winner"}))

    waiting = [mend]

    def before(method, path):
        # It has seen the damage; this is its first write, or that for the lock before it.
        if method == "PUT" and f"/corpus/{made.artifact}/manifest.json" in path and waiting:
            waiting.pop()()

    server.before = before
    lost = make(Lake(store.url), "corpus", FILES, provenance={"who": "loser"})
    assert won == [lost] == store.list()
    assert client.get_object(Bucket="lake", Key=manifest)["Body"].read() == won[0].to_json()


def test_no_mixture_of_old_and_new_files_is_taken_for_whole(store, make, server, client):
    """The old manifest's sizes fit the new files, whose bytes are others."""
    old = make(store, "corpus", {"a": b"old", "b": b"old"})
    client.delete_object(Bucket="lake", Key=f"some/prefix/corpus/{old.artifact}/b")
    assert not store.is_whole("corpus", old.digest)
    seen = []

    def look():
        seen.append(Lake(store.url).is_whole("corpus", old.digest))

    reader = []

    def before(method, path):
        if method == "PUT" and path.endswith("/manifest.json") and "/.locks/" not in path:
            reader.append(
                client.get_object(Bucket="lake", Key=path.removeprefix("/lake/"))["Body"].read()
            )
            server.before = lambda *a: None
            look()
            server.before = before

    server.before = before
    new = make(store, "corpus", {"a": b"new", "b": b"new"})
    assert seen == [False, False]
    assert reader == [old.to_json(), REBUILDING]
    assert store.is_whole("corpus", new.digest, deep=True)


def test_who_rebuilds_with_others_does_not_undo_their_work(store, make, server, client):
    made = make(store, "corpus", FILES)
    manifest = f"some/prefix/corpus/{made.artifact}/manifest.json"
    client.put_object(Bucket="lake", Key=manifest, Body=REBUILDING)  # another has begun
    for key in keys(client):
        if key != manifest:
            client.delete_object(Bucket="lake", Key=key)
    won = []
    at_put(
        server,
        "corpus-en.parquet",
        lambda: won.append(make(Lake(store.url), "corpus", FILES, provenance={"who": "winner"})),
    )
    server.requests.clear()
    lost = make(store, "corpus", FILES, provenance={"who": "loser"})
    assert won == [lost] == store.list()
    written = [p for m, p, _ in server.requests if m == "PUT" and p.endswith(f"/{manifest}")]
    # One of each, at its end; with a lock the loser's does not come so far.
    assert len(written) == (2 if server.conditions == "kept" else 1)


def test_a_manifest_deleted_under_a_committer_is_written_anew(store, make, server, client):
    made = make(store, "corpus", FILES)
    manifest = f"some/prefix/corpus/{made.artifact}/manifest.json"
    client.put_object(Bucket="lake", Key=manifest, Body=b"{}")
    store.tree.is_conditional  # noqa: B018
    waiting = [manifest]

    def before(method, path):
        if method == "PUT" and manifest in path and waiting:
            client.delete_object(Bucket="lake", Key=waiting.pop())

    server.before = before
    again = make(store, "corpus", FILES)
    assert store.list() == [again]


def test_no_head_is_lost(store, server):
    store.tree.is_conditional  # noqa: B018
    at_put(
        server,
        "/heads.json" if server.conditions == "kept" else "/none",
        *(lambda n=n: store.set_heads({f"other{n}": "d" * 64}) for n in range(2)),
    )
    if server.conditions != "kept":  # a lock keeps the others out, who come before
        for n in range(2):
            store.set_heads({f"other{n}": "d" * 64})
    Lake(store.url).set_heads({"mine": "e" * 64})
    assert store.heads() == {"other0": "d" * 64, "other1": "d" * 64, "mine": "e" * 64}
    store.set_heads({"mine": None})
    assert "mine" not in store.heads()


def test_who_is_always_too_late_is_told(store, server):
    pauses: list[float] = []
    tree = ObjectTree(store.url, sleep=pauses.append)
    if not tree.is_conditional:
        pytest.skip("a lock has no losers")
    count = 0

    def change(old):
        nonlocal count
        count += 1
        store.tree.write("heads.json", json.dumps(count).encode())
        return b"never"

    with pytest.raises(ConnectionError, match="others were faster"):
        tree.update("heads.json", change)
    assert store.tree.read("heads.json") == str(count).encode()
    middles = [min(MOST_PAUSE_SECONDS, PAUSE_SECONDS * 2**lost) for lost in range(RACES)]
    assert all(
        0.5 * middle <= pause <= 1.5 * middle for pause, middle in zip(pauses, middles, strict=True)
    )


def test_a_file_is_read_here_and_there(lake, client, make, server):
    made = make(lake, "corpus", FILES)
    with lake.opened(made, "corpus-en.parquet") as source, pq.ParquetFile(source) as file:
        assert file.read(columns=["text"])["text"] == ROWS["text"]
    entries = lake.tree.entries("corpus", made.digest)[f"corpus/{made.artifact}"]
    assert entries["deep/funnel.json"][0] == 2
    assert abs(entries["deep/funnel.json"][1] / 1e9 - time.time()) < 3600
    assert lake.tree.entries("corpus") == lake.tree.entries()
    assert lake.tree.entries("corpus", "0" * 64) == {} == lake.tree.entries("base")


def test_another_machine_opens_the_same_lake(lake, client, make):
    made = make(lake, "corpus", FILES)
    opened, arguments = lake.__reduce__()
    assert opened(*arguments).is_whole("corpus", made.digest, deep=True)


def test_heads_and_views(lake, client, make):
    assert lake.heads() == {}
    group = make(lake, "corpus_group", FILES)
    inputs = {"groups": [group.digest]}
    made = make(lake, "corpus", {"x": b""}, inputs=inputs)
    model = make(lake, "base", {"model.safetensors": bytes(1000)})
    lake.set_heads({"corpus": made.digest, "base": model.digest})
    assert Lake(lake.url).heads() == {"corpus": made.digest, "base": model.digest}
    remove_tree(lake.disk.root)
    assert catalog.query(lake, "SELECT id, text FROM corpus ORDER BY id").equals(ROWS)
    assert catalog.query(lake, "SELECT count(*) AS n FROM artifacts")["n"].to_pylist() == [3]
    artifact = "SELECT DISTINCT artifact FROM corpus"
    assert catalog.query(lake, artifact)["artifact"].to_pylist() == [group.artifact]
    assert not list(lake.disk.root.glob(".copies/*/*/*/**/*")), "ranges are read, nothing copied"


def test_wrong_bucket_and_unreachable_endpoint(client):
    with pytest.raises(UserError, match="no bucket 'other'"):
        Lake("s3://other/prefix")
    with pytest.raises(UserError, match="can't be reached") as caught:
        Lake("s3://lake/prefix?endpoint_override=http://127.0.0.1:9")
    assert "\n" not in str(caught.value)


def test_an_artifact_in_groups_comes_with_them(lake, make):
    """Their copies lie anywhere; a reader finds them beside it, and only what it reads."""
    groups = [
        make(lake, "corpus_group", {"t-00000.bin": bytes([n]), "big": b"x" * 99}, recipe={"n": n})
        for n in range(3)
    ]
    names = [f"corpus_group/{group.artifact}" for group in groups]
    files = {"groups.json": json.dumps(names).encode(), "other": b"y"}
    whole = make(lake, "corpus", files, inputs={"groups": [group.digest for group in groups]})
    assert lake.is_whole("corpus", whole.digest)
    remove_tree(lake.disk.root)
    for _ in range(2):
        folder = lake.local("corpus", whole.digest, [Read("groups.json"), Read("t-*")])
        assert [(found / "t-00000.bin").read_bytes() for found in members(folder)] == [
            bytes([n]) for n in range(3)
        ]
        assert not list(lake.disk.root.rglob("big"))
    with lake.opened(whole, "other") as file:
        assert file.read() == b"y"
    with lake.opened(groups[1], "big") as file:
        file.seek(97)
        assert file.read(5) == b"xx"
    # What was only counted from groups lists none, and brings none.
    counted = make(lake, "corpus", {"x": b""}, inputs={"groups": [groups[0].digest]})
    remove_tree(lake.disk.root)
    lake.local("corpus", counted.digest)
    assert not list(lake.disk.root.rglob("big"))
    lake.tree.remove(f"corpus_group/{groups[1].artifact}/manifest.json")
    assert not lake.is_whole("corpus", whole.digest)


def test_a_listing_opens_no_manifest_that_the_index_has(lake, make, monkeypatch):
    monkeypatch.setattr(index, "WORTH", 4)
    monkeypatch.setattr(index, "_waiting", {})
    made = [make(lake, "scan", {"a": b"x"}, {"n": n}) for n in range(10)]
    seen = []
    read = Lake._read

    def counted(lake, kind, digest):
        seen.append(digest)
        return read(lake, kind, digest)

    monkeypatch.setattr(Lake, "_read", counted)
    assert Lake(lake.url).list() == made
    assert len(seen) == 2, "those in no file of rows yet"
    lake.remove(made[0])
    assert lake.list("scan") == made[1:]
    for name in lake.tree.sizes(".index"):
        lake.tree.write(f".index/{name}", b"damaged")
    assert lake.list() == made[1:]


def test_a_long_listing_is_asked_for_by_digits(lake, make, server, monkeypatch):
    """Whatever a page holds, and wherever it ends."""
    made = [make(lake, "scan", {"a": b"x", "deep/b": b"yy"}, {"n": n}) for n in range(30)]
    other = make(lake, "corpus", {"a": b"x"})
    for name in ("scan/readme", "notes", ".index/x/y"):
        lake.tree.write(name, b"")
    whole = lake.tree.entries()
    assert {*whole} == {f"{m.kind}/{m.artifact}" for m in [*made, other]}
    assert {name: size for name, (size, _) in whole[f"scan/{made[3].artifact}"].items()} == {
        "a": 1,
        "deep/b": 2,
        "manifest.json": len(made[3].to_json()),
    }
    for size in (1, 2, 3, 7, 89, 90, 91, 92, 1000):
        monkeypatch.setattr(s3, "PAGE", size)
        server.requests.clear()
        assert lake.tree.entries() == whole
        asked = [path for _, path, _ in server.requests if "prefix=some%2Fprefix%2Fscan%2F" in path]
        assert len(asked) == (17 if size <= 91 else 1)  # 90 objects and the readme
        assert {*lake.tree.folders()} == {*whole}
        for start in ("", "0", made[4].digest[:2], made[4].digest):
            found = {
                name: of for name, of in whole.items() if name.startswith(f"scan/{start[:16]}")
            }
            assert lake.tree.entries("scan", start) == found
    assert lake.tree.entries_of(f"scan/{made[3].artifact}") == whole[f"scan/{made[3].artifact}"]


def test_a_glance_asks_for_no_object_of_what_the_index_has(lake, make, server, monkeypatch):
    monkeypatch.setattr(index, "WORTH", 4)
    monkeypatch.setattr(index, "_waiting", {})
    made = [make(lake, "scan", {"a": b"x"}, {"n": n}) for n in range(12)]
    server.requests.clear()
    assert lake.glance()["digest"].to_pylist() == [m.digest for m in made]
    asked = [path for _, path, _ in server.requests]
    assert not [path for path in asked if "/scan/" in path], asked
    listed = [path for path in asked if "list-type=2" in path and ".index" not in path]
    assert len(listed) == 2
    assert all("delimiter=%2F" in path for path in listed)
    lake.remove(made[0])
    new = make(lake, "corpus", {"a": b"x"})
    assert lake.glance()["digest"].to_pylist() == [m.digest for m in [*made[1:], new]]


def test_of_a_folder_made_again_a_glance_takes_the_newest_row(lake, make, monkeypatch):
    monkeypatch.setattr(index, "WORTH", 2)
    monkeypatch.setattr(index, "_waiting", {})
    made = [make(lake, "scan", {"a": b"x"}, {"n": n}) for n in range(2)]
    lake.remove(made[0])
    time.sleep(1.1)  # the store's clock counts seconds
    again = make(lake, "scan", {"a": b"xyz"}, {"n": 0})
    make(lake, "scan", {"a": b"x"}, {"n": 2})
    assert again.digest == made[0].digest
    sizes = dict(zip(*(lake.glance()[name].to_pylist() for name in ("digest", "bytes"))))
    assert sizes[again.digest] == 3


@pytest.mark.parametrize("deep", [False, True])
def test_many_groups_are_looked_for_at_once(lake, make, server, monkeypatch, deep):
    monkeypatch.setattr(index, "WORTH", 4)
    monkeypatch.setattr(index, "_waiting", {})
    groups = [make(lake, "corpus_group", {"a": b"x"}, {"n": n}) for n in range(12)]
    whole = make(lake, "corpus", {"x": b""}, inputs={"groups": [g.digest for g in groups]})
    lake.table()
    server.requests.clear()
    assert lake.is_whole("corpus", whole.digest, deep)
    assert (len(server.requests) < len(groups)) == (not deep)
    lake.tree.write(f"corpus_group/{groups[7].artifact}/a", b"yy")
    assert not lake.is_whole("corpus", whole.digest, deep)
    lake.tree.remove(f"corpus_group/{groups[7].artifact}/manifest.json")
    assert not lake.is_whole("corpus", whole.digest, deep)


def test_sql_reads_the_files_of_views_alone(lake, make):
    made = make(lake, "corpus", FILES)
    lake.set_heads({"corpus": made.digest})
    for path in ("heads.json", "../x", f"corpus/{made.artifact}/manifest.json"):
        with pytest.raises(UserError, match="files of its views alone"):
            catalog.query(lake, f"FROM read_text('lake://{path}')")
    with pytest.raises(UserError, match="Permission"):
        catalog.query(lake, f"FROM read_text('{lake.url}/heads.json')")


def test_of_a_replaced_or_removed_artifact_nothing_is_left(lake, client, make):
    """Neither in the bucket nor among the copies here: it may be somebody's data."""
    old = make(lake, "scan", {"text": b"Jane Roe", "more": b"Jane Roe", "ids": b"1"})
    lake.local(old.kind, old.digest)
    staging = lake.staging(old.kind, old.digest)
    (staging / "text").write_bytes(b"")
    (staging / "ids").write_bytes(b"1")
    new = lake.replace(staging, old, {"raw_text": "dropped"}, old.provenance)
    folder = f"some/prefix/scan/{old.artifact}"
    assert [k for k in keys(client) if k.startswith(folder)] == [
        f"{folder}/{name}" for name in ("ids", "manifest.json", "text")
    ]
    here = [path for path in lake.disk.root.rglob("*") if path.is_file()]
    assert not [path for path in here if b"Jane Roe" in path.read_bytes()]
    assert (lake.local(old.kind, old.digest) / "text").read_bytes() == b""
    lake.remove(new)
    assert not [k for k in keys(client) if k.startswith(folder)]
    assert not list(lake.disk.root.rglob(f"{old.artifact}/*"))
