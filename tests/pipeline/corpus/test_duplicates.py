"""Duplicates over parts and dumps: held against brute force, in any order, within any memory."""

import itertools
import json
import random
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from toy_parts import CONFIG, make_part, make_selection, page_id

from pipeline.corpus import duplicates
from pipeline.dedup import exact, minhash
from pipeline.dedup.config import DedupConfig, PassageConfig
from pipeline.dedup.hash_index import HashIndex, id_bytes, id_texts
from pipeline.dedup.minhash import signature_of
from pipeline.stage import SILENT
from storage.errors import UserError
from storage.schemas import CLUSTERS
from storage.tables import read_table

WORDS = [a + b + c for a in "bcdfgklmnprst" for b in "aeiou" for c in ("r", "st", "nd", "ly", "m")]


def text_of(seed: object, words: int = 120) -> str:
    return " ".join(random.Random(str(seed)).choices(WORDS, k=words))


def near(text: str, seed: object, edits: int = 2) -> str:
    draw = random.Random(str(seed))
    words = text.split()
    for place in draw.sample(range(len(words)), edits):
        words[place] = draw.choice(WORDS) + "x"
    return " ".join(words)


def pages_of(dump: int, families: range) -> list[str]:
    """Originals, copies and near-copies; families below 4 come in every dump."""
    pages = []
    for family in families:
        original = text_of(family)
        pages.append(near(original, (dump, family)) if dump else original)
        if family % 3 == 0:
            pages.append(near(original, (dump, family, "near"), 1 + family % 5))
        if family % 4 == 0:
            pages.append(pages[-1].upper())
    pages += ["too short", "too short", "three words only"]
    return pages


def run(
    folder: Path, parts: list[Path], config: DedupConfig | None = None, **inputs: Any
) -> tuple[duplicates.DuplicatesStatistics, dict[str, Any]]:
    """Statistics, and dropped as {id: (rule, keeper)}."""
    if "selection" not in inputs:
        inputs["selection"] = [make_selection(folder / "selection", parts)]
    out = folder / "duplicates"
    out.mkdir(parents=True)
    statistics = duplicates.build(
        out=out,
        inputs=cast(duplicates.DuplicatesInputs, {"parts": parts, **inputs}),
        config=config or DedupConfig(),
        progress=SILENT,
        scratch=folder / "scratch",
    )
    rows = read_table(out / "dropped-00000.parquet").to_pylist()
    return statistics, {row["id"]: (row["rule"], row["keeper"]) for row in rows}


def match(texts: dict[str, str], signed: dict[str, np.ndarray], left: str, right: str) -> bool:
    equal = bool((signed[left] == signed[right]).all(axis=1).any())
    long = len(texts[left].split()) >= 5
    return texts[left].lower() == texts[right].lower() or (equal and long)


def brute_force(dumps: list[dict[str, str]]) -> dict[str, str]:
    """The keeper of every page: each pair of pages compared, dump after dump."""
    keeper: dict[str, str] = {}
    rank: dict[str, tuple[int, str]] = {}
    texts: dict[str, str] = {}
    for dump, pages in enumerate(dumps):
        rank |= {id_: (dump, id_) for id_ in pages}
        texts |= pages
        signed = {
            id_: np.frombuffer(signature_of(text, CONFIG), "<u8").reshape(14, 8)
            for id_, text in texts.items()
        }

        group = {id_: {id_} for id_ in pages}
        for left, right in itertools.combinations(pages, 2):
            if match(texts, signed, left, right):
                joined = group[left] | group[right]
                for member in joined:
                    group[member] = joined
        earlier = list(keeper)
        for id_ in pages:
            before = {
                keeper[old]
                for new in group[id_]
                for old in earlier
                if match(texts, signed, new, old)
            }
            keeper[id_] = min(before or group[id_], key=rank.__getitem__)
    return keeper


def dump_parts(folder: Path, dump: int, families: range) -> tuple[list[Path], dict[str, str]]:
    """A dump in three parts, and its pages."""
    pages = pages_of(dump, families)
    random.Random(dump).shuffle(pages)
    parts: list[Path] = []
    texts: dict[str, str] = {}
    for number in range(3):
        some = pages[number::3]
        warc = f"w{dump}{number}"
        parts.append(make_part(folder / warc, warc, some))
        texts |= {page_id(warc, offset): text for offset, text in enumerate(some)}
    return parts, texts


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("dumps")
    return [dump_parts(folder, dump, range(dump * 8, 24 + dump * 8)) for dump in range(3)]


@pytest.fixture(scope="module")
def runs(dumps: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The three dumps, each held against the index of those before."""
    folder = tmp_path_factory.mktemp("runs")
    done: list[Any] = []
    for number, (parts, _) in enumerate(dumps):
        before = [folder / str(number - 1) / "duplicates"] if number else []
        done.append((*run(folder / str(number), parts, previous=before), folder / str(number)))
    return done


def test_one_dump_is_as_by_brute_force(dumps: Any, runs: Any) -> None:
    statistics, dropped, _ = runs[0]
    texts = dumps[0][1]
    expected = brute_force([texts])
    assert {id_: keeper for id_, (_, keeper) in dropped.items()} == {
        id_: keeper for id_, keeper in expected.items() if id_ != keeper
    }
    for id_, (rule, _) in dropped.items():
        same = [other for other in texts if texts[other].lower() == texts[id_].lower()]
        assert rule == ("exact" if min(same) < id_ else "minhash")
    assert statistics["documents"] == len(texts)
    assert statistics["kept"] == len(texts) - len(dropped)
    counts = statistics["exact_duplicates"], statistics["minhash_duplicates"]
    assert min(counts) > 4
    assert sum(counts) == len(dropped)


def test_later_dumps_are_held_against_earlier_ones(dumps: Any, runs: Any) -> None:
    expected = brute_force([texts for _, texts in dumps])
    for dump in (1, 2):
        _, dropped, _ = runs[dump]
        texts = dumps[dump][1]
        assert set(dropped) == {id_ for id_ in texts if expected[id_] != id_}
    statistics, dropped, _ = runs[1]
    assert {id_: keeper for id_, (_, keeper) in dropped.items()} == {
        id_: expected[id_] for id_ in dumps[1][1] if expected[id_] != id_
    }
    first = dumps[0][1]
    of_earlier = [keeper for _, keeper in dropped.values() if keeper in first]
    assert statistics["duplicates_of_earlier_dumps"] == len(of_earlier) > 10
    assert statistics["earlier_documents"] == len(first)


def test_clusters_span_dumps(dumps: Any, runs: Any) -> None:
    _, dropped, folder = runs[1]
    rows = read_table(folder / "duplicates" / "clusters-00000.parquet")
    assert rows.schema == CLUSTERS
    clusters: dict[str, list[dict[str, Any]]] = {}
    for row in rows.to_pylist():
        clusters.setdefault(row["cluster"], []).append(row)
    assert all(len(members) > 1 for members in clusters.values())
    first, second = dumps[0][1], dumps[1][1]
    earlier_dropped = {id_: keeper for id_, (_, keeper) in runs[0][1].items()}
    for keeper, members in clusters.items():
        assert [row["id"] for row in members if row["kept"]] == [keeper]
        assert all(row["earlier"] == (row["id"] in first) for row in members)
        new = {row["id"] for row in members if row["id"] in second}
        old = {row["id"] for row in members if row["id"] in first}
        assert {i for i in new if i != keeper} == {
            i for i, (_, k) in dropped.items() if k == keeper
        }
        if old:  # all that the earlier dump put into this cluster
            assert old == {keeper} | {i for i, k in earlier_dropped.items() if k == keeper}
    assert any(sum(row["earlier"] for row in members) > 1 for members in clusters.values())


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_memory_and_threads_change_no_byte(
    dumps: Any, runs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = DedupConfig(sort_memory_bytes=1 << 10)
    left_over = tmp_path / "small/scratch/dedup/minhash-00-0000"  # by a run that was killed
    left_over.parent.mkdir(parents=True)
    left_over.write_bytes(b"x" * 12)
    before = [runs[0][2] / "duplicates"]
    statistics, _ = run(tmp_path / "small", dumps[1][0], small, previous=before)
    assert statistics == runs[1][0]
    assert files_of(tmp_path / "small/duplicates") == files_of(runs[1][2] / "duplicates")
    assert not (tmp_path / "small/scratch/dedup").exists()
    monkeypatch.setattr(duplicates, "cores", lambda: 1)
    run(tmp_path / "one", dumps[1][0], previous=before)
    assert files_of(tmp_path / "one/duplicates") == files_of(runs[1][2] / "duplicates")


def test_the_order_of_parts_changes_only_the_order_of_dropped(
    dumps: Any, runs: Any, tmp_path: Path
) -> None:
    statistics, dropped = run(tmp_path, dumps[0][0][::-1])
    assert statistics == runs[0][0]
    assert dropped == runs[0][1]
    ours, theirs = (files_of(f / "duplicates") for f in (tmp_path, runs[0][2]))
    different = {name for name in theirs if ours[name] != theirs[name]}
    # the list of files stands in the order given
    assert different <= {"dropped-00000.parquet", "index/index.json"}


def test_only_selected_pages_are_compared(dumps: Any, runs: Any, tmp_path: Path) -> None:
    parts, texts = dumps[0]
    keepers = frozenset(keeper for _, keeper in runs[0][1].values())
    selection = make_selection(tmp_path / "fewer", parts, keepers)
    statistics, dropped = run(tmp_path, parts, selection=[selection])
    assert statistics["documents"] == len(texts) - len(keepers)
    assert not keepers & set(dropped)
    assert not keepers & {keeper for _, keeper in dropped.values()}
    assert {i: k for i, (_, k) in dropped.items()} == {
        i: k
        for i, k in brute_force([{i: t for i, t in texts.items() if i not in keepers}]).items()
        if i != k
    }


def test_each_rule_alone(dumps: Any, tmp_path: Path) -> None:
    parts, texts = dumps[0]
    exact, dropped = run(tmp_path / "exact", parts, DedupConfig(minhash=False))
    assert exact["minhash_duplicates"] == 0
    assert len(dropped) == len(texts) - len({text.lower() for text in texts.values()})
    near_only, _ = run(tmp_path / "near", parts, DedupConfig(exact=False))
    assert near_only["exact_duplicates"] == 0
    assert near_only["minhash_duplicates"] > exact["exact_duplicates"]
    # what was not compared this time stays in the index
    after, _ = run(
        tmp_path / "after",
        dumps[1][0],
        DedupConfig(minhash=False),
        previous=[tmp_path / "near/duplicates"],
    )
    assert after["duplicates_of_earlier_dumps"] == 0
    kept = HashIndex(tmp_path / "after/duplicates/index").band("minhash-03")
    assert (
        len(kept[0]) == len(HashIndex(tmp_path / "near/duplicates/index").band("minhash-03")[0]) > 0
    )


def test_no_pages_at_all(tmp_path: Path, runs: Any) -> None:
    statistics, dropped = run(tmp_path / "none", [])
    assert (statistics["documents"], dropped) == (0, {})
    empty = make_part(tmp_path / "empty", "empty", [])
    statistics, _ = run(tmp_path / "one", [empty], previous=[runs[0][2] / "duplicates"])
    assert statistics["earlier_documents"] == runs[0][0]["documents"]
    assert (
        files_of(tmp_path / "one/duplicates/index").keys()
        == files_of(runs[0][2] / "duplicates/index").keys()
    )


def test_what_cannot_be_joined(dumps: Any, runs: Any, tmp_path: Path) -> None:
    parts = dumps[0][0]
    before = [runs[0][2] / "duplicates"]
    with pytest.raises(UserError, match="w00 is in the previous dedup index already"):
        run(tmp_path / "again", parts, previous=before)
    with pytest.raises(UserError, match="2 input files are named w00"):
        run(tmp_path / "twice", [parts[0], parts[0]])
    with pytest.raises(UserError, match="no dedup index"):
        run(tmp_path / "wrong", parts, previous=[parts[0]])
    selection = make_selection(tmp_path / "mixed", parts[::-1])
    with pytest.raises(RuntimeError, match="selection"):
        run(tmp_path / "other", parts, selection=[selection])
    read = json.loads((dumps[1][0][0] / "read.json").read_text())
    other = make_part(tmp_path / "seeded", "seeded", ["a text of five words here"])
    read |= {"warc": "seeded", "minhash": {**read["minhash"], "seed": 9}}
    (other / "read.json").write_text(json.dumps(read))
    with pytest.raises(UserError, match="different MinHash settings"):
        run(tmp_path / "seeds", [parts[0], other])
    with pytest.raises(UserError, match="other MinHash settings than these parts"):
        run(tmp_path / "seeded-run", [other], previous=before)


def test_ids_go_through_bytes() -> None:
    ids = [page_id("w", number) for number in range(3)]
    assert id_texts(id_bytes(ids)) == ids
    assert id_texts(id_bytes([])) == []
    for wrong in ("zz" * 16, "ab", "a" * 31 + " "):
        with pytest.raises(RuntimeError, match="32 hex digits"):
            id_bytes([ids[0], wrong])


def test_frequent_passages_are_found(tmp_path: Path) -> None:
    menu = "Home and About our Company"
    pages = [f"{text_of(n, 40)}\n{menu} {n}\nNo\n{text_of((n, 'b'), 40)}" for n in range(9)]
    parts = [
        make_part(tmp_path / "a", "a", pages[:4]),
        make_part(tmp_path / "b", "b", pages[4:]),
    ]
    config = DedupConfig(passages=PassageConfig(max_documents_per_line=8))
    statistics, _ = run(tmp_path / "run", parts, config)
    assert statistics["frequent_lines"] == 1  # numbers are put aside, "No" is too short
    index = HashIndex(tmp_path / "run/duplicates/index")
    keys, documents = index.band("lines")
    assert len(keys) == 1
    assert documents.tolist() == [0]  # the smallest id's
    config = DedupConfig(passages=PassageConfig(max_documents_per_line=9))
    assert run(tmp_path / "more", parts, config)[0]["frequent_lines"] == 0
    # found once, known to every later dump
    later = make_part(tmp_path / "c", "c", [f"{text_of('new', 40)}\n{menu}"])
    statistics, _ = run(tmp_path / "later", [later], config, previous=[tmp_path / "run/duplicates"])
    assert statistics["frequent_lines"] == 1
    assert HashIndex(tmp_path / "later/duplicates/index").band("lines")[1].tolist() == [0]


@pytest.mark.parametrize("nothing", ["", " ", "\n\n \t", "\u3000\u2028"])
def test_texts_of_nothing_are_no_duplicates(tmp_path: Path, nothing: str) -> None:
    """Nor of each other, nor of an earlier dump's, nor with lines compared; copies still are."""
    text = text_of("a page")
    lines = PassageConfig(max_documents_per_line=1, max_documents_per_paragraph=1, min_words=0)
    config = DedupConfig(passages=lines)
    first = [make_part(tmp_path / "a", "a", ["", nothing, text, "…", "…"])]
    statistics, dropped = run(tmp_path / "first", first, config)
    assert list(dropped) in ([page_id("a", 3)], [page_id("a", 4)])
    assert statistics["exact_duplicates"] == 1
    assert statistics["frequent_lines"] == statistics["frequent_paragraphs"] == 0
    second = [make_part(tmp_path / "b", "b", [nothing, "", text])]
    previous = [tmp_path / "first" / "duplicates"]
    _, later = run(tmp_path / "second", second, config, previous=previous)
    assert list(later) == [page_id("b", 2)]


def test_the_signature_of_nothing_matches_nothing() -> None:
    none = minhash.without_shingles(CONFIG)
    for text in ("", " \n", "…", "a b", "灯塔", "น้ำ"):
        keys = minhash.bucket_keys(signature_of(text, CONFIG), CONFIG)
        assert (keys == none).all(), text
    assert exact.text_sha256(" \n\u3000") == exact.NOTHING != exact.text_sha256("…")
