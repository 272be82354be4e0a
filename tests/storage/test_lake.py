"""Commits on a local disk: whole artifacts or none, and what a reader sees of them."""

import dataclasses
import json
import subprocess
import sys
import threading

import pyarrow as pa
import pytest
from s3_server import s3_server

from storage import Lake, UserError
from storage.digest import artifact_digest, canonical_json, file_sha256
from storage.tables import row_count

ROWS = pa.table({"x": [1, 2, 3]})


def test_what_was_committed_is_read_back(lake, make):
    made = make(
        lake,
        "corpus",
        {"corpus.parquet": ROWS, "deep/funnel.json": b"{}", "provenance/timing.parquet": ROWS},
        recipe={"seed": 1, "rate": 2.0},
        inputs={"parts": ["sha256:aa", "sha256:bb"]},
        statistics={"kept": 3, "shares": (0.5, 0.25)},
        provenance={"seconds": 1.5},
    )
    folder = lake.local("corpus", made.digest)
    assert folder == lake.local("corpus", made.artifact)
    assert folder.relative_to(lake.disk.root).as_posix() == f"corpus/{made.digest[:16]}"
    assert lake.folder("corpus", made.digest) == str(folder)
    assert (
        made.rows
        == {"corpus.parquet": 3}
        == {"corpus.parquet": row_count(folder / "corpus.parquet")}
    )
    assert sorted(made.files) == ["corpus.parquet", "deep/funnel.json"]
    assert list(made.provenance["files"]) == ["provenance/timing.parquet"]
    assert made.provenance["seconds"] == 1.5
    assert made.provenance["created"].startswith("20")
    assert made.files["deep/funnel.json"] == {
        "bytes": 2,
        "sha256": file_sha256(folder / "deep/funnel.json"),
    }
    assert lake.manifest("corpus", made.digest) == made == lake.list()[0]
    assert made.statistics == {"kept": 3, "shares": [0.5, 0.25]}
    assert lake.is_whole("corpus", made.digest, deep=True)
    assert artifact_digest(made.kind, made.version, made.recipe, made.inputs) == made.digest


def test_one_file_of_an_artifact_on_this_disk_is_where_it_lies(lake, make):
    made = make(lake, "corpus", {"a": b"x", "deep/b": b"y"})
    path = lake.local_file(made, "deep/b")
    assert str(path) == f"{lake.folder('corpus', made.digest)}/deep/b"
    assert path.read_bytes() == b"y"


def test_one_file_of_an_artifact_in_a_bucket_comes_alone(make, tmp_path, monkeypatch):
    with s3_server() as server:
        for name, value in server.environment(tmp_path / "writer").items():
            monkeypatch.setenv(name, value)
        server.client().create_bucket(Bucket="lake")
        made = make(Lake("s3://lake"), "corpus", {"a": b"x", "deep/b": b"y"})
        monkeypatch.setenv("CRAWL2CHAT_CACHE", str(tmp_path / "reader"))
        path = Lake("s3://lake").local_file(made, "deep/b")
        assert path.is_relative_to(tmp_path / "reader")
        assert path.read_bytes() == b"y"
        assert not (path.parents[1] / "a").exists()


def test_opening_and_reading_create_nothing(tmp_path):
    lake = Lake(tmp_path / "none")
    assert lake.list() == []
    assert lake.heads() == {}
    assert not lake.is_whole("corpus", "0" * 64)
    assert lake.collect_garbage() == []
    assert not (tmp_path / "none").exists()


def test_content_does_not_depend_on_place_time_or_provenance(tmp_path, make):
    files = {"t.parquet": ROWS, "provenance/clock.json": b"1"}
    a = make(Lake(tmp_path / "a"), "corpus", files, provenance={"seconds": 1.0})
    b = make(Lake(tmp_path / "b"), "corpus", files | {"provenance/clock.json": b"22"})
    assert canonical_json(a.content()) == canonical_json(b.content())
    assert a != b


def test_a_second_commit_keeps_the_first_and_drops_its_staging_and_scratch(lake, make):
    first = make(lake, "corpus", {"t.parquet": ROWS}, provenance={"run": 1})
    lake.scratch("corpus", first.digest).joinpath("checkpoint").write_bytes(b"x")
    second = make(lake, "corpus", {"t.parquet": ROWS}, provenance={"run": 2})
    assert second == first
    assert list((lake.disk.root / ".staging").iterdir()) == []
    assert list((lake.disk.root / ".scratch").iterdir()) == []


def test_scratch_survives_and_is_the_same_folder(lake):
    digest = "ab" * 32
    (lake.scratch("base", digest) / "checkpoint").write_bytes(b"x")
    assert (Lake(lake.url).scratch("base", digest) / "checkpoint").read_bytes() == b"x"
    assert lake.staging("base", digest) != lake.staging("base", digest)


@pytest.mark.parametrize("damage", ["missing", "shorter", "manifest", "empty manifest", "other"])
def test_a_damaged_artifact_is_not_whole_and_is_replaced(lake, make, damage):
    made = make(lake, "corpus", {"t.parquet": ROWS, "u.json": b"[1]"})
    folder = lake.local("corpus", made.digest)
    victim, manifest = folder / "u.json", folder / "manifest.json"
    match damage:
        case "missing":
            victim.unlink()
        case "shorter":
            victim.write_bytes(b"[")
        case "manifest":
            manifest.unlink()
        case "empty manifest":
            manifest.write_bytes(manifest.read_bytes()[:40])
        case "other":
            other = dataclasses.replace(made, digest="cd" * 32)
            manifest.write_bytes(other.to_json())
    assert not lake.is_whole("corpus", made.digest)
    assert lake.list() == []
    again = make(lake, "corpus", {"t.parquet": ROWS, "u.json": b"[1]"})
    assert again.content() == made.content()
    assert lake.is_whole("corpus", made.digest, deep=True)
    assert list((lake.disk.root / ".staging").iterdir()) == []


def test_deep_sees_what_sizes_do_not(lake, make):
    made = make(lake, "corpus", {"u.json": b"[1]"})
    (lake.local("corpus", made.digest) / "u.json").write_bytes(b"[2]")
    assert lake.is_whole("corpus", made.digest)
    assert not lake.is_whole("corpus", made.digest, deep=True)


def test_a_lost_provenance_file_does_no_harm(lake, make):
    made = make(lake, "base", {"t.parquet": ROWS, "provenance/timing.parquet": ROWS})
    (lake.local("base", made.digest) / "provenance/timing.parquet").unlink()
    assert lake.is_whole("base", made.digest, deep=True)


def test_a_newer_format_is_the_users_to_solve(lake, make):
    made = make(lake, "corpus", {"t.parquet": ROWS})
    path = lake.local("corpus", made.digest) / "manifest.json"
    document = json.loads(path.read_bytes())
    path.write_text(json.dumps({"format": 99, "laid out": "quite differently"}))
    for read in (
        lambda: lake.is_whole("corpus", made.digest),
        lambda: lake.manifest("corpus", made.digest),
        lake.list,
        lambda: make(lake, "corpus", {"t.parquet": ROWS}),
    ):
        with pytest.raises(UserError, match="written by a newer version") as caught:
            read()
        assert "\n" not in str(caught.value)
    assert path.exists(), "what we can't read we don't replace"
    path.write_text(json.dumps(document))
    assert lake.is_whole("corpus", made.digest)


def test_newer_heads(lake):
    lake.set_heads({"corpus": "aa" * 32})
    path = lake.disk.root / "heads.json"
    path.write_text('{"format": 1, "heads": {"corpus": "x"}}')
    assert lake.heads() == {"corpus": "x"}
    path.write_text('{"format": 2, "heads": {}}')
    with pytest.raises(UserError, match="newer version"):
        lake.heads()


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"heads": {}}',
        '{"format": 1}',
        '{"format": "one", "heads": {}}',
        '{"format": null, "heads": {}}',
        '{"format": 1, "heads": 3}',
        '{"format": 1, "heads": ["corpus"]}',
    ],
)
def test_damaged_heads(lake, text):
    lake.set_heads({"corpus": "aa" * 32})
    (lake.disk.root / "heads.json").write_text(text)
    with pytest.raises(UserError, match=r"heads\.json is damaged .*: delete it, then run"):
        lake.heads()


def test_heads_are_merged_and_emptied_by_none(lake):
    lake.set_heads({"corpus": "aa" * 32, "evals.base": "bb" * 32})
    lake.set_heads({"corpus": "cc" * 32, "evals.base": None})
    assert Lake(lake.url).heads() == {"corpus": "cc" * 32}


def test_heads_set_at_once_are_all_kept(lake):
    def work(i):
        lake.set_heads({f"evals.m{i}": f"{i:02}" * 32})

    threads = [threading.Thread(target=work, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lake.heads()) == 16
    assert not list(lake.disk.root.glob(".*.part"))


def test_manifest_by_prefix(lake, make):
    made = [make(lake, "corpus", {"t.parquet": ROWS}, recipe={"seed": i}) for i in range(20)]
    one = made[0]
    assert lake.manifest(None, one.digest[:12]) == one
    with pytest.raises(UserError, match="ambiguous"):
        lake.manifest("corpus", "")
    with pytest.raises(UserError, match="no tokens"):
        lake.manifest("tokens", one.digest)
    with pytest.raises(UserError, match="artifacts"):
        lake.local("corpus", "0" * 64)
    assert [m.digest for m in lake.list("corpus")] == [m.digest for m in made], "oldest first"


def test_recipe_and_digest_must_agree(lake):
    staging = lake.staging("corpus", "ab" * 32)
    with pytest.raises(ValueError, match="have the digest"):
        lake.commit(staging, "corpus", "ab" * 32, 1, {}, {}, {}, {})
    assert not staging.exists()


@pytest.mark.parametrize("statistics", [{"loss": float("nan")}, {"when": object()}])
def test_statistics_must_be_json(lake, make, statistics):
    with pytest.raises((ValueError, TypeError), match="statistics of corpus"):
        make(lake, "corpus", {"t.parquet": ROWS}, statistics=statistics)
    assert lake.list() == []


def test_links_and_a_manifest_of_the_stage_are_refused(lake, make, tmp_path):
    with pytest.raises(ValueError, match=r"manifest\.json"):
        make(lake, "corpus", {"manifest.json": b"{}"})
    digest = artifact_digest("corpus", 1, {}, {})
    staging = lake.staging("corpus", digest)
    (staging / "link").symlink_to(tmp_path)
    with pytest.raises(ValueError, match="not links"):
        lake.commit(staging, "corpus", digest, 1, {}, {}, {}, {})
    assert tmp_path.is_dir()
    assert lake.list() == []


@pytest.mark.parametrize("kind", ["../corpus", "Corpus", "", ".staging"])
def test_names_do_not_lead_out_of_the_lake(lake, kind):
    with pytest.raises(ValueError, match="not a kind"):
        lake.staging(kind, "ab" * 32)
    with pytest.raises(ValueError, match="not a digest"):
        lake.staging("corpus", "../../etc/passwd")


@pytest.mark.parametrize(
    ("url", "message"),
    [("gs://bucket/x", "not supported"), ("s3://", "no bucket"), ("s3://b/x?colour=red", "colour")],
)
def test_wrong_urls(url, message):
    with pytest.raises(UserError, match=message):
        Lake(url)


def test_places_that_can_be_no_lake(tmp_path):
    early = Lake(tmp_path / "file" / "below")
    (tmp_path / "file").write_text("")
    for place in ("file", "file/below"):
        with pytest.raises(UserError, match="file is a file, not a folder"):
            Lake(tmp_path / place)
    with pytest.raises(UserError, match="can't write"):
        early.staging("corpus", "ab" * 32)
    with pytest.raises(UserError, match="empty"):
        Lake("")
    assert Lake((tmp_path / "a b").as_uri()).disk.root == tmp_path / "a b"


RACE = """
import sys, time
from pathlib import Path
from storage import Lake
from storage.digest import artifact_digest
lake, me, start = Lake(sys.argv[1]), sys.argv[2], float(sys.argv[3])
for i in range(20):
    digest = artifact_digest("corpus", 1, {"i": i}, {})
    staging = lake.staging("corpus", digest)
    for n in range(3):
        (staging / f"{n}.bin").write_bytes(b"x" * 1000)
    (staging / "provenance").mkdir()
    (staging / "provenance" / "who").write_text(me)
    time.sleep(max(0.0, start + i * 0.01 - time.time()))
    got = lake.commit(staging, "corpus", digest, 1, {"i": i}, {}, {}, {"who": me})
    assert lake.is_whole("corpus", digest)
    print(i, got.provenance["who"], (lake.local("corpus", digest) / "provenance/who").read_text())
"""


def test_of_concurrent_committers_one_wins_and_all_agree_who(lake):
    import time

    start = str(time.time() + 0.8)
    children = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, lake.url, me, start], stdout=subprocess.PIPE, text=True
        )
        for me in "abc"
    ]
    outputs = [child.communicate()[0].splitlines() for child in children]
    assert [child.returncode for child in children] == [0, 0, 0]
    assert outputs[0] == outputs[1] == outputs[2]
    assert len(outputs[0]) == 20
    for line in outputs[0]:
        _, returned, on_disk = line.split()
        assert returned == on_disk
    assert list((lake.disk.root / ".staging").iterdir()) == []


def test_another_process_opens_the_same_lake_wherever_it_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lake = Lake("lake")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    opened, arguments = lake.__reduce__()
    folder = str(tmp_path / "lake" / "corpus" / ("0" * 16))
    assert opened(*arguments).folder("corpus", "0" * 64) == folder


def test_a_place_that_can_be_written_to_is_passed_and_another_named(tmp_path, monkeypatch):
    """Before hours are spent; the folder itself need not be there yet."""
    lake = Lake(str(tmp_path / "not" / "yet"))
    lake.check_writable()
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr("storage.durable.unwritable", lambda folder: folder.parent)
    with pytest.raises(UserError, match=r"can't write in .*/not: choose another with --lake"):
        lake.check_writable()


def test_other_files_under_a_digest_say_so_and_are_whole(lake, make):
    old = make(lake, "scan", {"t.parquet": ROWS, "u.json": b"[1]"}, {"w": 1}, statistics={"n": 1})
    staging = lake.staging(old.kind, old.digest)
    (staging / "u.json").write_bytes(b"[]")
    new = lake.replace(staging, old, {"n": 1, "raw_text": "dropped"}, old.provenance)
    assert lake.list() == [new] == [lake.manifest(old.kind, old.digest)]
    assert lake.is_whole(old.kind, old.digest, deep=True)
    assert (new.digest, new.recipe, new.inputs) == (old.digest, old.recipe, old.inputs)
    assert new.files.keys() == {"u.json"}
    assert new.provenance["created"] == old.provenance["created"]
    assert sorted(p.name for p in lake.local(old.kind, old.digest).iterdir()) == [
        "manifest.json",
        "u.json",
    ]
    assert list((lake.disk.root / ".staging").iterdir()) == []


def test_a_removed_artifact_is_gone_manifest_first(lake, make, monkeypatch):
    made = make(lake, "scan", {"t.parquet": ROWS, "u.json": b"[1]"}, {"w": 1})
    removed: list[str] = []
    remove = lake.tree.remove

    def noting(name: str) -> None:
        removed.append(name)
        remove(name)

    monkeypatch.setattr(lake.tree, "remove", noting)
    lake.remove(made)
    assert removed[0].endswith("/manifest.json")
    assert lake.list() == []
    assert lake.tree.sizes(f"{made.kind}/{made.artifact}") == {}
    assert make(lake, "scan", {"t.parquet": ROWS, "u.json": b"[1]"}, {"w": 1}).files == (made.files)


def test_what_lies_in_groups_is_listed_while_they_are_whole(lake, make):
    groups = [make(lake, "corpus_group", {"a": b"xy"}, {"n": n}) for n in range(2)]
    whole = make(lake, "corpus", {"b": b"x"}, inputs={"groups": [g.digest for g in groups]})
    other = make(lake, "corpus", {"b": b"x"})
    assert sorted(m.digest for m in lake.list("corpus")) == sorted([whole.digest, other.digest])
    (lake.tree.root / f"corpus_group/{groups[1].artifact}/a").write_bytes(b"x")  # cut short
    assert not lake.is_whole("corpus", whole.digest)
    assert [m.digest for m in lake.list("corpus")] == [other.digest]
    assert {m.digest for m in lake.list()} == {other.digest, groups[0].digest}


def test_other_files_have_checked_statistics_and_are_in_the_index(lake, make, monkeypatch):
    old = make(lake, "scan", {"a": b"x"})
    staging = lake.staging(old.kind, old.digest)
    with pytest.raises(ValueError, match="statistics of scan"):
        lake.replace(staging, old, {"n": float("nan")}, old.provenance)
    remembered = []
    monkeypatch.setattr(
        "storage.index.remember", lambda tree, manifest, entries: remembered.append(manifest)
    )
    staging = lake.staging(old.kind, old.digest)
    (staging / "a").write_bytes(b"")
    new = lake.replace(staging, old, {}, old.provenance)
    assert remembered == [new]
