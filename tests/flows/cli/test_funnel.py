"""What every rule took, and samples of it: from a few small files and the parts that hold them."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from s3_server import s3_server
from toy_parts import join_parts, make_part, make_selection, page_id

from flows.cli import summary
from flows.cli.ask import asking
from flows.cli.browse import write_report
from flows.cli.entry import main
from flows.cli.funnel import (
    AROUND_CHARACTERS,
    EXCERPT_CHARACTERS,
    USED,
    newest,
    rules,
    samples,
)
from pipeline.corpus import duplicates
from pipeline.dedup.config import DedupConfig, PassageConfig
from pipeline.filters.pii import PiiConfig, excerpt
from pipeline.report.rules import rule_rows
from pipeline.stage import SILENT
from storage import Lake, catalog
from storage.digest import artifact_digest
from storage.grouped import members
from storage.manifest import Manifest
from storage.read_only import LakeFiles
from storage.tables import read_table, write_tables

LINE = "All of this stands elsewhere as well, word for word and line by line."
MAIL = "jane.roe@harbour.org"
# As `funnel` did it: every ledger joined with every page.
WORDS = """
    SELECT l.stage, l.rule, l.outcome, count(*) AS records, sum(p.words)::BIGINT AS words
    FROM all_ledger l
    LEFT JOIN (SELECT id, any_value(word_count) AS words FROM all_pages GROUP BY id) p
        ON l.id <> '' AND p.id = l.id
    GROUP BY ALL ORDER BY ALL
"""
TEXTS = """
    SELECT l.stage, l.rule, l.value, l.threshold, l.detail, l.url, left(p.text, {}) AS text
    FROM ledger l LEFT JOIN pages p ON l.id <> '' AND p.id = l.id
    WHERE l.outcome <> 'kept' ORDER BY l.stage, l.rule, l.url
"""
PLACES = "SELECT stage, rule, url, warc, artifact FROM ledger WHERE outcome <> 'kept'"


def commit(
    lake: Lake,
    folder: Path,
    kind: str,
    inputs: dict[str, list[str]],
    statistics: dict[str, Any] | None = None,
) -> str:
    recipe = {"folder": folder.name}
    digest = artifact_digest(kind, 1, recipe, inputs)
    staging = lake.staging(kind, digest)
    shutil.copytree(folder, staging, dirs_exist_ok=True)
    lake.commit(staging, kind, digest, 1, recipe, inputs, statistics or {}, {})
    return digest


def filled(folder: Path, config: DedupConfig) -> Lake:
    """Five parts in groups of two: pages selected or not, copies, pages of frequent lines alone."""
    parts = []
    for n, warc in enumerate("abcde"):
        texts = [
            f"Page {warc} writes to {MAIL}. " + f"Words of {warc}{i} stand here. " * (20 + i)
            for i in range(6)
        ]
        # an address that the excerpt's end cuts through
        texts[4] = f"{texts[4][: EXCERPT_CHARACTERS - 10]} {MAIL} {texts[4]}"
        texts[1] = "The same page stands in every file.\n" * 3
        texts[2] = "\n".join([LINE] * (2 + n))
        pages = [{"text": text, "word_count": 100 * n + 7 * i} for i, text in enumerate(texts)]
        del pages[5]["word_count"]
        parts.append(make_part(folder / warc, warc, pages))
        # row groups of two pages
        rows = read_table(parts[-1] / "pages.parquet")
        write_tables([rows], rows.schema, parts[-1] / "pages.parquet", group_rows=2)
    gone = frozenset(page_id(warc, n) for warc in "abd" for n in (0, 4, 5))
    selection = make_selection(folder / "selection", parts, gone, group=2)
    copies = folder / "duplicates"
    copies.mkdir()
    given: duplicates.DuplicatesInputs = {"parts": parts, "selection": [selection]}
    duplicates.build(copies, given, config, SILENT, folder / "scratch")
    said, made = join_parts(folder, parts, selection, copies)
    lake = Lake(folder / "lake")
    digests = [commit(lake, part, "scan", {"warc": [part.name]}) for part in parts]
    groups = [
        commit(lake, group, "corpus_group", {"parts": digests[2 * n : 2 * n + 2]})
        for n, group in enumerate(members(made))
    ]
    lake.set_heads({"corpus": commit(lake, made, "corpus", {"groups": groups}, said)})
    return lake


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    passages = PassageConfig(max_documents_per_line=1, keep_first=False, min_words_left=0)
    return filled(tmp_path_factory.mktemp("funnel"), DedupConfig(minhash=False, passages=passages))


@pytest.fixture
def lake(whole: Lake, tmp_path: Path) -> Lake:
    """To be changed."""
    shutil.copytree(str(whole.disk.root), tmp_path / "lake")
    return Lake(tmp_path / "lake")


def sampled(lake: Lake, count: int, seed: int = 0) -> list[dict[str, Any]]:
    with asking(lake, USED) as ask:
        return samples(lake, ask, count, seed).to_pylist()


def without_words(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{name: row[name] for name in row if name != "share_of_words"} for row in rows]


def older(lake: Lake, folder: Path) -> str:
    """The newest corpus as an older version made it."""
    corpus = lake.manifest("corpus", newest(lake))
    shutil.copytree(lake.folder("corpus", corpus.digest), folder)
    (folder / "manifest.json").unlink()
    rows = json.loads((folder / "funnel.json").read_text())
    rows = [{name: row[name] for name in row if name != "words"} for row in rows]
    (folder / "funnel.json").write_text(json.dumps(rows))
    return commit(lake, folder, "corpus", corpus.inputs, corpus.statistics)


def test_words_are_those_of_the_pages(whole: Lake) -> None:
    joined = catalog.query(whole, WORDS).to_pylist()
    taken = {(row["stage"], row["rule"]): row["words"] for row in joined}
    assert taken.keys() == {
        ("", ""),
        ("read", "status"),
        ("gopher_quality", "min_words"),
        ("dedup", "exact"),
        ("dedup", "passages"),
    }, "what is dropped by selection, by dedup, and by what is left of its text"
    assert taken["read", "status"] is None
    known = [words for words in taken.values() if words]
    assert len(set(known)) == 4, "none is taken for another"
    found = rules(whole, newest(whole))
    assert found == rule_rows(joined)
    assert {row["stage"] for row in found if row["share_of_words"]} == {"gopher_quality", "dedup"}


def test_samples_are_those_of_a_join(whole: Lake) -> None:
    characters = EXCERPT_CHARACTERS + AROUND_CHARACTERS
    joined = catalog.query(whole, TEXTS.format(characters)).to_pylist()
    for row in joined:
        row["text"] = row["text"] and excerpt(row["text"], 0, EXCERPT_CHARACTERS, PiiConfig())
    assert sampled(whole, 1000) == joined
    lengths = [len(row["text"] or "") for row in joined]
    assert min(lengths) == 0, "a record without a page"
    assert max(lengths) >= EXCERPT_CHARACTERS
    assert "jane" not in str(joined)
    chosen = [sampled(whole, 2, seed) for seed in (0, 0, 1)]
    assert chosen[0] == chosen[1] != chosen[2]
    assert all(row in joined for some in chosen for row in some)
    taken = [(row["stage"], row["rule"]) for row in chosen[0]]
    assert {taken.count(rule) for rule in taken} == {2}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Artifacts and names of files that are given to DuckDB or opened one by one."""
    seen: list[tuple[str, str]] = []

    def noting(method: Callable[..., Any]) -> Callable[..., Any]:
        def noted(self: Any, manifest: Manifest, name: str) -> Any:
            seen.append((manifest.artifact, name))
            return method(self, manifest, name)

        return noted

    monkeypatch.setattr(LakeFiles, "add", noting(LakeFiles.add))
    monkeypatch.setattr(Lake, "opened", noting(Lake.opened))
    return seen


@pytest.mark.parametrize("sql", [USED, summary.USED], ids=["funnel", "report"])
def test_no_view_is_of_pages(whole: Lake, opened: list[tuple[str, str]], sql: str) -> None:
    with asking(whole, sql):
        pass
    names = {name for _, name in opened}
    assert "ledger-00000.parquet" in names
    assert "pages.parquet" not in names


def test_parts_without_a_sample_are_not_opened(
    whole: Lake, opened: list[tuple[str, str]], tmp_path: Path
) -> None:
    named = {row["url"].split(".")[0][-1] for row in sampled(whole, 1) if row["text"]}
    parts = [m.artifact for m in whole.list("scan") if m.inputs["warc"][0] in named]
    assert 0 < len(parts) < 5
    read = [artifact for artifact, name in opened if name == "pages.parquet"]
    assert sorted(read) == sorted(parts), "each once"
    opened.clear()
    write_report(whole, str(tmp_path / "report.html"))
    assert len([name for _, name in opened if name == "pages.parquet"]) <= 5


def test_shares_alone_list_nothing(
    whole: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("list", "table", "glance"):
        monkeypatch.setattr(Lake, name, lambda *_: pytest.fail("the lake was listed"))
    monkeypatch.setattr(Lake, "opened", lambda *_: pytest.fail("a file was opened"))
    assert main(["funnel", "--json", "--lake", str(whole.disk.root)]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "artifact": newest(whole),
        "rules": rules(whole, newest(whole)),
    }


def test_a_corpus_of_an_older_version_has_no_words(
    lake: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now, artifact = rules(lake, newest(lake)), older(lake, tmp_path / "older")
    before = rules(lake, artifact)
    assert without_words(before) == without_words(now)
    assert {row["share_of_words"] for row in before} == {None}
    asked = ["funnel", "--lake", str(lake.disk.root)]
    assert main([*asked, "--json", "--against", artifact]) == 0
    moved = json.loads(capsys.readouterr().out)["drift"]
    assert {row["difference"] for row in moved} == {0}
    lake.set_heads({"corpus": artifact})
    assert main(asked) == 0
    assert "min_words" in capsys.readouterr().out


def test_a_part_that_is_gone_has_no_texts(lake: Lake) -> None:
    dropped = catalog.query(lake, PLACES).to_pylist()
    before = sampled(lake, 1000)
    group = lake.manifest("corpus_group", next(r["artifact"] for r in dropped if r["warc"] == "b"))
    shutil.rmtree(lake.folder("scan", group.inputs["parts"][1]))
    for row, left in zip(before, sampled(lake, 1000), strict=True):
        assert left == {**row, "text": None if "//b.example" in row["url"] else row["text"]}


def test_from_an_object_store_only_parts_with_samples_are_asked_for(
    whole: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with s3_server() as server:
        for name, value in server.environment(tmp_path / "cache").items():
            monkeypatch.setenv(name, value)
        client = server.client()
        client.create_bucket(Bucket="lake")
        root = whole.disk.root
        for path in (p for kind in ("corpus*", "scan", "heads.json") for p in root.glob(kind)):
            for file in [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]:
                client.upload_file(str(file), "lake", f"a/{file.relative_to(root)}")
        remote = Lake("s3://lake/a")
        server.requests.clear()
        assert rules(remote, newest(remote)) == rules(whole, newest(whole))
        asked = {path.split("?")[0].rsplit("/", 1)[-1] for _, path, _ in server.requests}
        assert {name for name in asked if "." in name} == {
            "heads.json",
            "manifest.json",
            "funnel.json",
        }
        server.requests.clear()
        drawn = sampled(remote, 1)
        assert drawn == sampled(whole, 1)
        parts = {path for _, path, _ in server.requests if path.endswith("pages.parquet")}
        assert len(parts) == len({row["url"].split("/")[2] for row in drawn if row["text"]}) < 5
