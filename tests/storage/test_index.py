"""The index of manifests: what a listing then need not open, and that it is never believed."""

import io
import json
import shutil
import subprocess
import sys
import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage import Lake, index
from storage.digest import artifact_digest
from storage.local import LocalTree

MANY = 40


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Files of few rows; what other tests' lakes left in this process is none of ours."""
    monkeypatch.setattr(index, "WORTH", 10)
    monkeypatch.setattr(index, "MOST_FILES", 3)
    monkeypatch.setattr(index, "_waiting", {})


@pytest.fixture
def many(lake, make):
    return [make(lake, "scan", {"a": b"x"}, {"n": n}, {"warc": [str(n)]}) for n in range(MANY)]


@pytest.fixture
def opened(monkeypatch):
    """The manifests that were opened by themselves."""
    seen = []
    read = Lake._read

    def counted(lake, kind, digest):
        seen.append(f"{kind}/{digest[:16]}")
        return read(lake, kind, digest)

    monkeypatch.setattr(Lake, "_read", counted)
    return seen


def files(lake):
    return sorted(name for name in lake.tree.sizes(".index") if name.endswith(".parquet"))


def test_commits_keep_the_index_and_a_listing_opens_nothing(lake, many, opened):
    assert len(files(lake)) == MANY // 10
    assert Lake(lake.url).list() == many
    assert opened == []
    assert lake.list("scan") == many
    assert lake.list("corpus") == []


def test_a_small_lake_has_no_index(lake, make):
    made = [make(lake, "corpus", {"a": b"x"}, {"n": n}) for n in range(9)]
    assert lake.list() == made
    assert files(lake) == []


def test_many_files_become_one(lake, many, opened):
    assert len(files(lake)) > index.MOST_FILES
    assert lake.list() == many
    (whole,) = files(lake)
    assert lake.list() == many
    assert files(lake) == [whole]
    assert opened == []


def test_what_is_gone_or_replaced_is_no_row_when_files_become_one(lake, many):
    shutil.rmtree(lake.local(many[0].kind, many[0].digest))
    manifest = lake.local(many[1].kind, many[1].digest) / "manifest.json"
    manifest.write_bytes(manifest.read_bytes() + b"\n")
    assert lake.list() == many[1:]
    assert len(files(lake)) == 1
    of = {folder for folder, *_ in known(lake)}
    assert of == {f"{m.kind}/{m.artifact}" for m in many[2:]}


def test_a_listing_of_one_kind_keeps_what_is_known_of_the_others(lake, many, make, opened):
    corpora = [make(lake, "corpus", {"a": b"x"}, {"n": n}) for n in range(12)]
    before = files(lake)
    assert len(before) > index.MOST_FILES  # a listing of all would make one of them
    assert lake.list("corpus") == corpora
    assert set(before) <= set(files(lake))
    opened.clear()
    assert lake.list("scan") == many
    assert opened == []


def test_what_no_commit_wrote_down_a_listing_does(lake, many, opened):
    """Without an index, as after a power cut, or where processes made few artifacts each."""
    shutil.rmtree(lake.disk.root / ".index")
    assert lake.list("scan") == many
    assert len(opened) == MANY
    assert lake.list() == many
    assert len(opened) == MANY


@pytest.mark.parametrize("damage", ["empty", "cut", "bits", "other"])
def test_a_damaged_index_costs_time_alone(lake, many, opened, damage):
    for name in files(lake):
        path = lake.disk.root / ".index" / name
        data = path.read_bytes()
        match damage:
            case "empty":
                path.write_bytes(b"")
            case "cut":
                path.write_bytes(data[: len(data) // 2])
            case "bits":
                middle = len(data) // 3
                path.write_bytes(data[:middle] + bytes(64) + data[middle + 64 :])
            case "other":
                path.write_bytes(b"{}")
    assert lake.list() == many
    assert len(opened) == MANY
    assert lake.list() == many
    assert len(opened) == MANY, "rebuilt"


def test_no_single_bit_of_an_index_changes_what_is_listed(lake, many):
    name = files(lake)[0]
    path = lake.disk.root / ".index" / name
    data = path.read_bytes()
    for place in range(0, len(data), max(1, len(data) // 40)):
        flipped = bytearray(data)
        flipped[place] ^= 1
        path.write_bytes(flipped)
        assert known(lake).isdisjoint(rows_of(data))
    path.write_bytes(data)
    assert rows_of(data) <= known(lake)
    assert lake.list() == many


def rows_of(data):
    """What a file of the index is about."""
    return keys(pq.read_table(io.BytesIO(data)))


def known(lake):
    """What the index is about."""
    return keys(index.ManifestIndex(lake.tree, index.ROWS.names).rows)


def keys(rows):
    return set(zip(*(rows[name].to_pylist() for name in ("folder", "manifest_bytes", "changed"))))


def test_an_index_of_another_layout_is_not_read(lake, many, opened, monkeypatch):
    monkeypatch.setattr(index, "_LAYOUT", b"0")
    assert lake.list() == many
    assert len(opened) == MANY


def test_deleted_damaged_and_replaced_artifacts_are_noticed(lake, many, make, opened):
    folders = [lake.local(m.kind, m.digest) for m in many[:5]]
    opened.clear()
    shutil.rmtree(folders[0])
    (folders[1] / "a").unlink()
    (folders[2] / "a").write_bytes(b"xy")
    (folders[3] / "manifest.json").unlink()
    manifest = folders[4] / "manifest.json"
    document = json.loads(manifest.read_bytes())
    document["provenance"]["host"] = document["provenance"]["host"][::-1]
    manifest.write_text(json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False) + "\n")
    found = lake.list()
    assert found[1:] == many[5:]
    assert found[0].provenance["host"] == many[4].provenance["host"][::-1], "not the index's"
    assert len(opened) == 1
    again = make(lake, "scan", {"a": b"x"}, {"n": 0}, {"warc": ["0"]})
    assert lake.list()[-1] == again


def test_an_index_of_another_lake_adds_nothing(lake, many, tmp_path):
    other = Lake(tmp_path / "other")
    shutil.copytree(lake.disk.root / ".index", other.disk.root / ".index")
    assert other.list() == []
    for made in many[:12]:
        folder = lake.local(made.kind, made.digest)
        shutil.copytree(folder, other.disk.root / made.kind / made.artifact)
    shutil.copytree(folder, other.disk.root / "scan" / "a copy")
    assert other.list() == many[:12]


def test_a_prefix_is_looked_for_among_its_own(lake, many, opened):
    wanted = many[3]
    assert lake.manifest(None, wanted.digest[:12]) == wanted
    assert lake.manifest("scan", wanted.digest[:12]) == wanted
    assert len(opened) <= 2


COMMITTER = """
import sys
from storage import Lake, index
from storage.digest import artifact_digest
index.WORTH = 7
lake = Lake(sys.argv[1])
for n in range(25):
    recipe = {"who": sys.argv[2], "n": n}
    digest = artifact_digest("scan", 1, recipe, {})
    staging = lake.staging("scan", digest)
    (staging / "a").write_bytes(b"x")
    lake.commit(staging, "scan", digest, 1, recipe, {}, {}, {})
"""


def test_committers_and_readers_at_once_lose_nothing(lake):
    children = [subprocess.Popen([sys.executable, "-c", COMMITTER, lake.url, who]) for who in "abc"]
    wrong, done = [], threading.Event()

    def read():
        before = 0
        while not done.is_set():
            now = len(Lake(lake.url).list())
            if now < before:
                wrong.append((before, now))
            before = now

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    codes = [child.wait() for child in children]
    done.set()
    for reader in readers:
        reader.join()
    assert codes == [0, 0, 0]
    assert wrong == []
    names = {(m.recipe["who"], m.recipe["n"]) for m in lake.list()}
    assert names == {(who, n) for who in "abc" for n in range(25)}
    assert all(lake.manifest(m.kind, m.digest) == m for m in lake.list())


def test_a_lake_that_may_only_be_read_is_listed_all_the_same(lake, many, monkeypatch):
    shutil.rmtree(lake.disk.root / ".index")

    def refuse(name, data):
        raise PermissionError(13, "Permission denied", name)

    monkeypatch.setattr(lake.tree, "write", refuse)
    assert lake.list() == many


def test_a_commit_does_not_fail_for_the_index(lake, make, monkeypatch):
    write = lake.tree.write

    def full(name, data):
        if name.startswith(".index/"):
            raise OSError(28, "No space left on device")
        write(name, data)

    monkeypatch.setattr(lake.tree, "write", full)
    made = [make(lake, "corpus", {"a": b"x"}, {"n": n}) for n in range(12)]
    assert lake.list() == made


def test_digests_of_two_recipes_are_told_apart(lake, make):
    """Rows of one recipe share it in memory; each row has its own."""
    made = [make(lake, "corpus", {"a": b"x"}, {"n": n % 3, "x": n}) for n in range(20)]
    assert [m.recipe for m in lake.list()] == [m.recipe for m in made]
    assert all(m.digest == artifact_digest("corpus", 1, m.recipe, {}) for m in lake.list())


def test_a_file_that_a_listing_has_just_written_is_not_removed(lake, many, monkeypatch):
    """Two readers that tidy up at once write the same file."""
    lake.list()
    (whole,) = files(lake)
    monkeypatch.setattr(index, "MOST_FILES", 1)
    lake.list()
    assert files(lake) == [whole]


def test_a_lake_of_damaged_manifests_is_an_empty_one(lake, many):
    shutil.rmtree(lake.disk.root / ".index")
    for path in lake.disk.root.glob("scan/*/manifest.json"):
        path.write_text("{")
    assert lake.list() == []


def test_a_table_says_what_the_manifests_say(lake, many, make, opened):
    """As rows alone: no manifest is opened for them."""
    sink = io.BytesIO()
    pq.write_table(pa.table({"n": [1, 2, 3]}), sink)
    tables = {"a.parquet": sink.getvalue(), "b.parquet": sink.getvalue(), "c": b"x"}
    split = make(lake, "corpus_split", tables, {}, {"parts": [m.digest for m in many]})
    opened.clear()
    rows = lake.table()
    assert rows == lake.glance()
    assert "rest" not in rows.column_names
    assert set(opened) == {f"corpus_split/{split.artifact}"}  # waits for others to be written down
    for row, made in zip(rows.to_pylist(), [*many, split], strict=True):
        assert row["folder"] == f"{made.kind}/{made.artifact}"
        assert (row["kind"], row["digest"], row["version"]) == (made.kind, made.digest, 1)
        assert json.loads(row["inputs"]) == made.inputs
        assert json.loads(row["recipe"]) == made.recipe
        assert json.loads(row["statistics"]) == made.statistics
        assert row["created"] == made.provenance["created"]
        assert row["seconds"] == made.provenance.get("seconds")
        assert (row["rows"], row["bytes"]) == (sum(made.rows.values()), made.total_bytes)
        assert row["files"] == len(made.files)
    assert row["parents"] == split.inputs["parts"]
    assert (row["rows"], row["files"]) == (6, 3)


def test_a_glance_opens_no_file_of_what_it_knows(lake, many, opened, monkeypatch):
    looked: list[str] = []
    entries_of = LocalTree.entries_of

    def noting(tree, name, at):
        looked.append(name)
        return entries_of(tree, name, at)

    monkeypatch.setattr(LocalTree, "entries_of", noting)
    assert names(lake.glance()) == [m.digest for m in many]
    assert opened == looked == []
    lake.table()
    assert len(looked) == MANY


def test_a_glance_notices_what_came_went_or_was_replaced(lake, many, make, opened):
    folders = [lake.local(m.kind, m.digest) for m in many[:4]]
    shutil.rmtree(folders[0])
    (folders[1] / "a").unlink()
    (folders[2] / "manifest.json").unlink()
    (folders[3] / "b").write_bytes(b"whole all the same")
    new = make(lake, "corpus", {"a": b"x"})
    opened.clear()
    assert names(lake.glance()) == [m.digest for m in [*many[3:], new]]
    assert len(opened) == 3  # those with a manifest that some file came to, or left
    (folders[3] / "a").write_bytes(b"overwritten")
    assert many[3].digest not in names(lake.glance())  # its time has changed since it was noted
    path = lake.local(many[5].kind, many[5].digest) / "a"
    path.write_bytes(b"overwritten")  # in place, which a run notices
    assert many[5].digest in names(lake.glance())
    assert many[5].digest not in names(lake.table())


def test_a_glance_writes_down_what_is_new(lake, many, opened):
    shutil.rmtree(lake.disk.root / ".index")
    assert names(lake.glance()) == [m.digest for m in many]
    assert len(opened) == MANY
    assert names(lake.glance()) == [m.digest for m in many]
    assert len(opened) == MANY


def test_what_is_not_whole_is_never_written_down(lake, many):
    """A glance would believe it."""
    shutil.rmtree(lake.disk.root / ".index")
    (lake.local(many[0].kind, many[0].digest) / "a").write_bytes(b"overwritten")
    assert names(lake.table()) == [m.digest for m in many[1:]]
    assert names(lake.glance()) == [m.digest for m in many[1:]]


def names(rows):
    return rows["digest"].to_pylist()


def test_rows_of_a_table_become_manifests_again(lake, many, opened, monkeypatch):
    monkeypatch.setattr(index, "FEW", 10)
    rows = lake.table()
    few = rows.slice(5, 9)
    assert [*lake.manifests(few)] == many[5:14]
    assert len(opened) == 9, "so few are opened"
    opened.clear()
    assert [*lake.manifests(rows)] == many
    assert opened == []
    backwards = rows.take(list(range(MANY))[::-1])
    assert [*lake.manifests(backwards)] == many[::-1]


def test_what_went_after_the_listing_is_left_out(lake, many, opened):
    rows = lake.table()
    for name in files(lake):
        (lake.disk.root / name).unlink(missing_ok=True)
        (lake.disk.root / ".index" / name).unlink(missing_ok=True)
    lake.remove(many[3])
    assert [*lake.manifests(rows)] == many[:3] + many[4:]
    assert [*lake.manifests(rows.slice(2, 3))] == [many[2], many[4]]


def test_what_lies_beside_an_artifacts_files_does_not_matter(lake, many):
    folder = lake.local(many[0].kind, many[0].digest)
    (folder / "note").write_text("somebody's")
    (folder / "provenance").mkdir()
    (folder / "provenance" / "timing.parquet").write_bytes(b"")
    assert lake.list() == many
    (folder / "a").unlink()
    assert lake.list() == many[1:]
