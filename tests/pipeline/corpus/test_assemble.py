"""Parts joined: duplicates and personal data out, whole hosts held out, no record lost."""

import functools
import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest
from toy_parts import join_parts, make_part, make_selection, page_id

from pipeline.corpus import assemble, assemble_group, clean, duplicates
from pipeline.corpus.config import CorpusConfig, SplitConfig
from pipeline.corpus.corpus_files import CorpusFiles, file_language
from pipeline.corpus.funnel import check_conservation
from pipeline.corpus.read import (
    by_part,
    corpus_batches,
    corpus_files,
    corpus_table,
    ledger_table,
)
from pipeline.dedup.config import DedupConfig, PassageConfig
from pipeline.filters.decontamination import DecontaminationConfig
from pipeline.stage import SILENT
from storage.errors import UserError
from storage.grouped import members, shards
from storage.schemas import CLUSTERS, CORPUS, LEDGER
from storage.tables import ShardedTableWriter, read_table, table, write_table

HOSTS = 12
MAIL = "Please write to jane.roe@harbour.org or call from 93.184.216.34 if you have seen the boat."


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory, prose: Callable[..., str]) -> list[Path]:
    """Two parts; the second mirrors pages of the first, exactly and nearly."""
    folder = tmp_path_factory.mktemp("parts")
    texts = [prose(f"original {number}", 24) for number in range(HOSTS)]
    texts[0] += "\n" + MAIL
    first = [
        {
            "url": f"http://host{number}.example/page",
            "host": f"host{number}.example",
            "text": text,
            "word_count": len(text.split()),
        }
        for number, text in enumerate(texts)
    ]
    first[3]["language"] = "de"
    nearly = texts[2].rsplit("\n", 1)[0] + "\nThis copy ends in its own way, as copies do."
    second: list[dict[str, Any]] = [
        {"url": "http://mirror.example/0", "host": "mirror.example", "text": texts[0]},
        {"url": "http://mirror.example/1", "host": "mirror.example", "text": texts[1].upper()},
        {"url": "http://mirror.example/2", "host": "mirror.example", "text": nearly},
        {"url": "http://short.example/", "host": "short.example", "text": "Not selected."},
    ]
    for page, words in zip(second, (1000, 20_000, 300_000, 3)):
        page["word_count"] = words
    return [make_part(folder / "a", "a", first), make_part(folder / "b", "b", second)]


def join(
    parts: list[Path],
    folder: Path,
    config: CorpusConfig | None = None,
    dedup: DedupConfig | None = None,
    benchmarks: tuple[Path, ...] = (),
    group: int = 0,
) -> tuple[dict[str, Any], dict[str, Any], Path]:
    gone = frozenset({page_id("b", 3)})
    selection = make_selection(folder / "selection", parts, gone, group)
    copies = folder / "duplicates"
    copies.mkdir()
    inputs: duplicates.DuplicatesInputs = {"parts": parts, "selection": [selection]}
    duplicates.build(copies, inputs, dedup or DedupConfig(), SILENT, folder / "scratch")
    statistics, out = join_parts(folder, parts, selection, copies, config, benchmarks)
    clusters = read_table(copies / "clusters-00000.parquet")
    rows = {"ledger": ledger_table(out), "clusters": clusters}
    return statistics, {**rows, "corpus": corpus_table(out)}, out


@pytest.fixture(scope="module")
def joined(parts, tmp_path_factory):
    return join(parts, tmp_path_factory.mktemp("joined") / "run")


def test_every_record_is_accounted_for(joined):
    statistics, tables, out = joined
    ledger = tables["ledger"]
    outcomes = Counter(ledger["outcome"].to_pylist())
    assert ledger.schema == LEDGER
    assert statistics["records"] == ledger.num_rows == HOSTS + 4 + 2 == outcomes.total()
    for name, outcome in (("kept", "kept"), ("dropped", "dropped"), ("errors", "error")):
        assert statistics[name] == outcomes[outcome]
    assert statistics["documents"] == tables["corpus"].num_rows == outcomes["kept"] == HOSTS
    assert tables["corpus"].schema == CORPUS
    assert tables["clusters"].schema == CLUSTERS
    funnel = json.loads((out / "funnel.json").read_text())
    assert sum(row["count"] for row in funnel) == ledger.num_rows
    assert sum(row["share"] for row in funnel) == pytest.approx(1, abs=1e-4)
    assert funnel[-1]["stage"] == "kept"
    stages = statistics["funnel"]
    assert stages[0]["entered"] == ledger.num_rows
    assert stages[-1]["left"] == statistics["kept"]
    assert all(row["entered"] - row["dropped"] - row["errors"] == row["left"] for row in stages)


def test_the_ledger_says_what_each_stage_decided(joined):
    rows = {row["url"]: row for row in joined[1]["ledger"].to_pylist()}
    assert rows["http://gone.example/"]["value"] == 404
    selected = rows["http://short.example/"]
    assert (selected["stage"], selected["rule"]) == ("gopher_quality", "min_words")
    assert (selected["value"], selected["threshold"]) == (3, 50)
    kept = rows["http://host7.example/page"]
    assert (kept["outcome"], kept["stage"], kept["rule"], kept["value"]) == ("kept", "", "", None)


def test_words_are_counted_with_the_rule_that_took_them(parts, joined, tmp_path):
    """By group, and added up; a page that was not measured has none."""
    kept = sum(read_table(parts[0] / "pages.parquet", ["word_count"])["word_count"].to_pylist())
    taken = {
        ("kept", ""): kept,
        ("read", "status"): 0,
        ("gopher_quality", "min_words"): 3,
        ("dedup", "exact"): 21_000,
        ("dedup", "minhash"): 300_000,
    }
    _, _, out = join(parts, tmp_path, group=1)
    for folder in (joined[2], out):
        rows = json.loads((folder / "funnel.json").read_text())
        assert {(row["stage"], row["rule"]): row["words"] for row in rows} == taken
    heads = [json.loads((group / "group.json").read_text())["counts"] for group in members(out)]
    assert heads[0] == [["", "", "kept", HOSTS, kept], ["read", "status", "dropped", 1, 0]]
    assert [row[3:] for row in heads[1]] == [[2, 21_000], [1, 300_000], [1, 3], [1, 0]]


def test_duplicates(joined):
    statistics, tables, _ = joined
    assert (statistics["exact_duplicates"], statistics["minhash_duplicates"]) == (2, 1)
    rows = {row["url"]: row for row in tables["ledger"].to_pylist()}
    dropped = [row for row in rows.values() if row["stage"] == "dedup"]
    assert Counter(row["rule"] for row in dropped) == {"exact": 2, "minhash": 1}
    kept = set(tables["corpus"]["id"].to_pylist())
    for row in dropped:
        assert row["detail"] in kept
        assert row["id"] not in kept
        assert row["detail"] < row["id"]  # the smallest id is kept
    clusters = tables["clusters"].to_pylist()
    assert len(clusters) == 6
    assert {row["id"] for row in clusters if row["kept"]} == {row["detail"] for row in dropped}


def test_personal_data_is_replaced_and_counted(joined):
    statistics, tables, _ = joined
    texts = " ".join(tables["corpus"]["text"].to_pylist())
    assert "jane.roe@harbour.org" not in texts
    assert "93.184.216.34" not in texts
    assert "Please write to" in texts
    assert (statistics["pii"]["email"], statistics["pii"]["ipv4"]) == (1, 1)
    assert sum(tables["corpus"]["pii_emails"].to_pylist()) == 1
    assert statistics["words"] == len(texts.split())
    assert statistics["bytes"] == len(texts.encode()) - (HOSTS - 1)


def test_a_file_for_each_language(joined):
    statistics, tables, out = joined
    assert [path.name for path in corpus_files(out)] == [
        "corpus-de-00000.parquet",
        "corpus-en-00000.parquet",
    ]
    assert statistics["languages"] == {"de": 1, "en": HOSTS - 1}
    assert corpus_table(out, ["id"]).column_names == ["id"]
    batches = list(corpus_batches(out, ["id"], 5))
    assert sum(batch.num_rows for batch in batches) == HOSTS
    assert max(batch.num_rows for batch in batches) == 5
    assert [i for batch in batches for i in batch["id"].to_pylist()] == tables["corpus"][
        "id"
    ].to_pylist()
    assert file_language(None) == file_language("../x") == file_language("") == "und"
    assert file_language("zh-Hans") == "zh-Hans"


def test_whole_hosts_are_held_out(parts, tmp_path, joined):
    splits = Counter(joined[1]["corpus"]["split"].to_pylist())
    assert splits["validation"] >= 1
    assert splits["train"] >= HOSTS - 4
    config = CorpusConfig(split=SplitConfig(validation_fraction=0.5, salt="x"))
    statistics, other, _ = join(parts, tmp_path / "half", config)
    by_host: dict[str, set[str]] = {}
    for row in other["corpus"].to_pylist():
        by_host.setdefault(row["host"], set()).add(row["split"])
    assert all(len(found) == 1 for found in by_host.values())
    held = sum(found == {"validation"} for found in by_host.values())
    assert 2 <= held < len(by_host)
    assert statistics["hosts"] == len(by_host)
    assert statistics["validation_hosts"] == held


def files_of(folder: Path) -> dict[str, bytes]:
    """Of an artifact and its groups."""
    folders = {*members(folder), folder}
    paths = sorted(path for inner in folders for path in inner.iterdir())
    return {f"{path.parent.name}/{path.name}": path.read_bytes() for path in paths}


def test_the_order_of_parts_changes_the_order_of_rows_only(parts, tmp_path, joined):
    statistics, tables, out = joined
    _, reverse, _ = join(parts[::-1], tmp_path / "reverse")
    assert reverse["clusters"].equals(tables["clusters"])
    for name in ("corpus", "ledger"):
        left, right = (
            sorted(found[name].to_pylist(), key=lambda row: (row["id"], row.get("warc", "")))
            for found in (tables, reverse)
        )
        assert left == right
    again, _, again_out = join(parts, tmp_path / "again")
    assert again == statistics
    assert files_of(again_out) == files_of(out)


def test_processes_change_no_byte(parts, tmp_path, joined, monkeypatch):
    monkeypatch.setattr(clean, "WORTH_PROCESSES", 1)
    monkeypatch.setattr(clean, "cores", lambda: 2)
    monkeypatch.setattr(assemble_group, "BATCH_ROWS", 3)
    statistics, _, out = join(parts, tmp_path / "two")
    assert statistics == joined[0]
    assert files_of(out) == files_of(joined[2])


def test_a_lost_row_breaks_the_conservation_law(parts, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(parts[0], copy)
    ledger = read_table(copy / "ledger.parquet")
    write_table(ledger.slice(0, HOSTS), copy / "ledger.parquet")
    with pytest.raises(RuntimeError, match=r"13 records were read from a, but"):
        join([copy, parts[1]], tmp_path / "out")
    write_table(ledger.slice(1), copy / "ledger.parquet")
    with pytest.raises(RuntimeError, match="does not go with its pages"):
        join([copy, parts[1]], tmp_path / "kept")
    with pytest.raises(RuntimeError, match="not read"):
        check_conservation({}, ledger)
    check_conservation({"a": 13, "empty.warc": 0}, ledger)


def test_bytes_that_nobody_accounts_for_break_the_conservation_law(parts, joined, tmp_path):
    said = joined[0]
    assert (said["record_bytes"], said["unreadable_bytes"], said["padding_bytes"]) == tuple(
        len(parts) * number for number in (90, 7, 3)
    )
    copy = tmp_path / "copy"
    shutil.copytree(parts[0], copy)
    read = json.loads((copy / "read.json").read_text())
    (copy / "read.json").write_text(json.dumps({**read, "bytes": 101}))
    with pytest.raises(RuntimeError, match="a has 101 bytes, but the reader accounts for 90"):
        join([copy, parts[1]], tmp_path / "out")


def test_what_cannot_be_joined(parts, tmp_path, joined):
    copies = joined[2].parents[1] / "duplicates"
    selection = joined[2].parents[1] / "selections" / "selection"
    with pytest.raises(RuntimeError, match="other pages"):
        join_parts(tmp_path / "1", parts[::-1], selection, copies)
    with pytest.raises(RuntimeError, match="is of 2 parts, not of 1"):
        join_parts(tmp_path / "2", parts[:1], selection, copies)
    gone = frozenset(read_table(copies / "dropped-00000.parquet")["id"].to_pylist())
    other = make_selection(tmp_path / "other", parts, gone)
    with pytest.raises(RuntimeError, match="another selection"):
        join_parts(tmp_path / "3", parts, other, copies)
    with pytest.raises(UserError, match="build the corpus first"):
        corpus_files(tmp_path / "nothing")


def test_groups_change_files_and_no_row(parts, tmp_path, joined, prose):
    """However the parts are grouped: the same rows in order, the same hosts held out."""
    german = [{"text": prose(f"third {n}", 24), "language": "de"} for n in range(3)]
    third = make_part(tmp_path / "c", "c", german)
    parts = [*parts, third, make_part(tmp_path / "d", "d", [])]
    statistics, tables, out = join(parts, tmp_path / "one")
    for size in (1, 2, 3):
        by_groups, same, folder = join(parts, tmp_path / str(size), group=size)
        assert len(members(folder)) == -(-len(parts) // size)
        assert by_groups == statistics
        for name, rows in tables.items():
            assert same[name].equals(rows), name
        assert (folder / "funnel.json").read_bytes() == (out / "funnel.json").read_bytes()
        again = join(parts, tmp_path / f"{size}again", group=size)
        assert files_of(again[2]) == files_of(folder)


def test_a_corpus_lacks_no_group_and_has_none_twice(parts, tmp_path):
    _, _, out = join(parts, tmp_path, group=1)
    groups = members(out)
    inputs = {
        "selection": [tmp_path / "selections" / "selection"],
        "split": [tmp_path / "corpus_split" / "all"],
    }
    for given, message in (
        (groups[:1], r"groups of \[1\] files, the selection of \[1, 1\]"),
        ([groups[0], groups[0]], "a is in two groups"),
    ):
        (tmp_path / str(len(given))).mkdir()
        with pytest.raises(RuntimeError, match=message):
            assemble.build(
                tmp_path / str(len(given)),
                cast(assemble.CorpusInputs, {"groups": given, **inputs}),
                CorpusConfig(),
                SILENT,
                tmp_path,
            )
    head = json.loads((groups[1] / "group.json").read_text())
    head["warcs"][0]["records"] += 1
    (groups[1] / "group.json").write_text(json.dumps(head))
    (tmp_path / "more").mkdir()
    whole = cast(assemble.CorpusInputs, {"groups": groups, **inputs})
    with pytest.raises(RuntimeError, match="conservation law: 19 records were read"):
        assemble.build(tmp_path / "more", whole, CorpusConfig(), SILENT, tmp_path)


def test_files_end_at_the_size_asked_for(parts, tmp_path, joined, monkeypatch):
    small_groups = functools.partial(ShardedTableWriter, group_rows=3)
    monkeypatch.setattr(assemble_group, "ShardedTableWriter", small_groups)
    statistics, tables, out = join(parts, tmp_path / "run", CorpusConfig(max_file_bytes=1))
    names = [path.name for path in sorted(members(out)[0].glob("*.parquet"))]
    assert [name for name in names if name.startswith("ledger-")][:2] == [
        "ledger-00000.parquet",
        "ledger-00001.parquet",
    ]
    assert statistics == joined[0]
    for name, rows in joined[1].items():
        assert tables[name].equals(rows)


def test_no_parts(tmp_path):
    statistics, tables, out = join([], tmp_path / "none")
    assert (statistics["records"], tables["corpus"].num_rows) == (0, 0)
    assert [path.name for path in corpus_files(out)] == ["corpus-und-00000.parquet"]
    assert tables["ledger"].schema == LEDGER


def test_nothing_is_kept(tmp_path):
    """A crawl without a page, and one whose pages all fail, give an empty corpus."""
    empty = make_part(tmp_path / "empty", "empty", [])
    failed = make_part(tmp_path / "b", "b", ["one text", "two", "three", "four"])
    gone = frozenset(page_id("b", offset) for offset in range(4))
    for number, parts in enumerate(([empty], [empty, failed], [failed, empty])):
        folder = tmp_path / str(number)
        selection = make_selection(folder / "s", parts, gone, group=1)
        (folder / "duplicates").mkdir()
        inputs: duplicates.DuplicatesInputs = {"parts": parts, "selection": [selection]}
        duplicates.build(folder / "duplicates", inputs, DedupConfig(), SILENT, folder)
        statistics, out = join_parts(folder, parts, selection, folder / "duplicates")
        assert statistics["documents"] == statistics["hosts"] == statistics["kept"] == 0
        assert corpus_table(out).num_rows == 0
        assert ledger_table(out).num_rows == statistics["dropped"] > 0


def test_frequent_lines_are_taken_out(tmp_path, prose):
    menu = "Home and About our Company"
    texts = [f"{prose(f'page {n}', 12)}\n{menu} {n}\n{prose(f'more {n}', 3)}" for n in range(6)]
    texts.append(f"{menu} 9\nAnd nothing else of note on this page but its menu.")
    parts = [make_part(tmp_path / "c", "c", texts[:3]), make_part(tmp_path / "d", "d", texts[3:])]
    ids = [page_id("c", n) for n in range(3)] + [page_id("d", n) for n in range(4)]
    for keep_first in (True, False):
        passages = PassageConfig(max_documents_per_line=3, keep_first=keep_first)
        statistics, tables, _ = join(
            parts, tmp_path / str(keep_first), dedup=DedupConfig(passages=passages)
        )
        short = page_id("d", 3)
        with_menu = {min(ids)} if keep_first else set()
        left = dict(zip(*(tables["corpus"][name].to_pylist() for name in ("id", "text"))))
        assert {id_ for id_, text in left.items() if menu in text} == with_menu
        assert short not in left or short in with_menu
        for id_, text in zip(ids, texts):
            lines = text.split("\n")
            if id_ in left and id_ not in with_menu:
                assert left[id_].split("\n") == [line for line in lines if menu not in line]
        ledger = {row["id"]: row for row in tables["ledger"].to_pylist()}
        if short not in with_menu:
            row = ledger[short]
            assert (row["outcome"], row["stage"], row["rule"]) == ("dropped", "dedup", "passages")
            assert (row["value"], row["threshold"]) == (11, 50)
        assert statistics["passages_removed"] == len(ids) - len(with_menu)
        assert statistics["passage_characters_removed"] > 25 * 6


def test_paragraphs_are_taken_out(tmp_path, prose):
    notice = "Copyright by the harbour master\nAll rights are reserved."
    texts = [f"{prose(f'page {n}', 12)}\n\n{notice}\n\n{prose(f'b {n}', 3)}" for n in range(3)]
    parts = [make_part(tmp_path / "a", "a", texts)]
    passages = PassageConfig(max_documents_per_paragraph=1, keep_first=False)
    statistics, tables, _ = join(parts, tmp_path / "run", dedup=DedupConfig(passages=passages))
    assert statistics["passages_removed"] == 3
    expected = [text.replace(notice + "\n\n", "") for text in texts]
    assert tables["corpus"]["text"].to_pylist() == expected


def test_evaluation_sets_are_kept_out(parts, tmp_path):
    text = read_table(parts[0] / "pages.parquet")["text"][5].as_py()
    words = text.split()[20:60]
    benchmark = tmp_path / "quiz.jsonl"
    benchmark.write_text(json.dumps({"question": " ".join(words)}) + "\n")
    statistics, tables, out = join(parts, tmp_path / "run", benchmarks=(benchmark,))
    assert statistics["contaminated_documents"] == 1
    rows = {row["url"]: row for row in tables["ledger"].to_pylist()}
    row = rows["http://host5.example/page"]
    assert (row["outcome"], row["stage"], row["rule"]) == ("dropped", "decontamination", "ngrams")
    assert "quiz" in row["detail"]
    assert row["value"] >= 1
    assert row["id"] not in tables["corpus"]["id"].to_pylist()
    (shard,) = shards(out, "decontamination")
    (found,) = read_table(shard).to_pylist()
    assert (found["id"], found["action"]) == (row["id"], "drop")
    assert statistics["kept"] == HOSTS - 1
    only_said = CorpusConfig(decontamination=DecontaminationConfig(action="report"))
    statistics, tables, _ = join(parts, tmp_path / "report", only_said, benchmarks=(benchmark,))
    assert (statistics["contaminated_documents"], statistics["kept"]) == (1, HOSTS)


def test_a_part_that_lost_its_text_meanwhile_makes_no_corpus(tmp_path, prose):
    part = make_part(tmp_path / "a", "a", [prose("a", 9), prose("b", 9)])
    pages = read_table(part / "pages.parquet")
    place, none = pages.schema.get_field_index("text"), pa.nulls(pages.num_rows, pa.string())
    write_table(pages.set_column(place, "text", none), part / "pages.parquet")
    with pytest.raises(UserError, match=f"{part}: its text was dropped meanwhile"):
        join([part], tmp_path / "run")


def test_waiting_rows_are_bounded(tmp_path):
    """Row groups are cut by bytes of one language, or of all, whichever batches they came in."""
    rows = [
        {"id": str(n), "text": "x" * 1000, "language": "en" if n % 3 else "fr"} for n in range(60)
    ]
    made = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        with CorpusFiles(folder, max_group_bytes=12_000, max_waiting_bytes=15_000) as files:
            for start in range(0, 60, 2):
                files.add(table(rows[start : start + 2], CORPUS))
        assert files.documents == {"en": 40, "fr": 20}
        made.append([path.read_bytes() for path in corpus_files(folder)])
    assert made[0] == made[1]
    back = corpus_table(tmp_path / "one").to_pylist()
    assert sorted(int(row["id"]) for row in back) == list(range(60))


def test_rows_of_each_part(tmp_path):
    path = tmp_path / "t.parquet"
    parts = [0] * 3 + [2] * 70_000 + [3]
    columns = {"part": pa.array(parts, pa.int32()), "n": range(len(parts))}
    write_table(pa.table(columns), path)
    found = [rows["n"].to_pylist() for rows in by_part(path, 5, ["n"])]
    assert [len(some) for some in found] == [3, 0, 70_000, 1, 0]
    assert [n for some in found for n in some] == list(range(len(parts)))
    with pytest.raises(RuntimeError, match="more than 3 parts"):
        list(by_part(path, 3))


def test_what_a_page_keeps_is_counted_in_words_of_its_script(tmp_path):
    notice = "版权所有未经许可不得转载。"
    texts = [f"{notice}\n" + f"第{n}座灯塔建于十二世纪当时港口需要指路。" * 4 for n in "甲乙丙"]
    parts = [make_part(tmp_path / "a", "a", [{"text": text, "language": "zh"} for text in texts])]
    passages = PassageConfig(max_documents_per_line=1, keep_first=False)
    dedup = DedupConfig(passages=passages, minhash=False)
    statistics, tables, _ = join(parts, tmp_path / "run", dedup=dedup)
    assert statistics["passages_removed"] == 3
    assert tables["corpus"]["text"].to_pylist() == [text.split("\n")[1] for text in texts]
    assert statistics["words"] == 3 * 4 * 19


def test_a_page_of_frequent_lines_alone_leaves_no_empty_document(tmp_path):
    line = "All of this stands elsewhere as well."
    texts = [f"{line}\n{line}", f"{line}\n\n{line}\nAnd more."]
    pages = [{"text": texts[0], "word_count": 14}, {"text": texts[1]}]
    parts = [make_part(tmp_path / "a", "a", pages)]
    passages = PassageConfig(max_documents_per_line=1, keep_first=False, min_words_left=0)
    dedup = DedupConfig(passages=passages, minhash=False, exact=False)
    _, tables, out = join(parts, tmp_path / "run", dedup=dedup)
    assert tables["corpus"]["text"].to_pylist() == ["\nAnd more."]
    rows = json.loads((out / "funnel.json").read_text())
    assert {row["rule"]: row["words"] for row in rows} == {"passages": 14, "": 0, "status": 0}
    dropped = next(row for row in tables["ledger"].to_pylist() if row["id"] == page_id("a", 0))
    assert (dropped["rule"], dropped["value"], dropped["threshold"]) == ("passages", 0, 1)
