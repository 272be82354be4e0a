"""Parts joined: duplicates and personal data out, whole hosts held out, no record lost."""

import dataclasses
import json
import re
import shutil
from collections import Counter

import pytest

from pipeline.corpus import assemble, part
from pipeline.corpus.config import AssembleConfig, CorpusConfig, SplitConfig
from pipeline.corpus.funnel import check_conservation
from pipeline.corpus.quality_report import QUALITY, quality_report, wilson, word_f1
from pipeline.crawl.sample_web.tables import TRUTH
from pipeline.filters.url import UrlConfig
from pipeline.stage import SILENT
from storage.errors import UserError
from storage.schemas import CLUSTERS, CORPUS, LEDGER
from storage.tables import read_table, table, write_table

HOSTS = 12


def near_copy(text: str) -> str:
    lines = text.split("\n")
    lines[-1] = "This copy ends in its own way, as copies do, and says so at the end of the page."
    return "\n".join(lines)


def number_of(url: str) -> str:
    """The page's number, for an original and its mirror the same."""
    return re.search(r"\d+", url).group()


@pytest.fixture(scope="module")
def parts(tmp_path_factory, make_warc, make_page, prose):
    """Two WARCs; the second mirrors pages of the first, exactly and nearly."""
    folder = tmp_path_factory.mktemp("parts")
    texts = [prose(f"original {number}", 24) for number in range(HOSTS)]
    mail = (
        "Please write to jane.roe@harbour.org or call from 93.184.216.34 if you have seen the boat."
    )
    texts[0] += "\n" + mail
    first = [
        {"url": f"http://host{number}.example/page", "body": make_page(text)}
        for number, text in enumerate(texts)
    ]
    first.append({"url": "http://gone.example/", "body": b"", "status": "404 Not Found"})
    second = [
        {"url": "http://mirror.example/0", "body": make_page(texts[0])},
        {"url": "http://mirror.example/1", "body": make_page(texts[1].upper().lower())},
        {"url": "http://mirror.example/2", "body": make_page(near_copy(texts[2]))},
        {"url": "http://kurz.example/", "body": make_page("Das ist ein kurzer Satz. " * 30)},
    ]
    built = []
    for name, pages in (("a", first), ("b", second)):
        path = folder / f"{name}.warc.gz"
        make_warc(path, pages)
        out = folder / name
        out.mkdir()
        config = CorpusConfig(url=UrlConfig(use_lists=False))
        part.build(out=out, inputs={"warc": [path]}, config=config, progress=SILENT, scratch=folder)
        built.append(out)
    return built


def join(parts, out, config=None):
    out.mkdir(parents=True)
    statistics = assemble.build(
        out=out,
        inputs={"parts": parts},
        config=config or AssembleConfig(),
        progress=SILENT,
        scratch=out,
    )
    rows = {name: read_table(out / f"{name}.parquet") for name in ("ledger", "corpus", "clusters")}
    return statistics, rows


@pytest.fixture(scope="module")
def joined(parts, tmp_path_factory):
    out = tmp_path_factory.mktemp("joined") / "out"
    return *join(parts, out), out


def test_every_record_is_accounted_for(joined):
    statistics, tables, out = joined
    ledger = tables["ledger"]
    outcomes = Counter(ledger["outcome"].to_pylist())
    assert ledger.schema == LEDGER
    assert statistics["records"] == ledger.num_rows == HOSTS + 1 + 4 == outcomes.total()
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


def test_duplicates(joined):
    statistics, tables, _ = joined
    assert (statistics["exact_duplicates"], statistics["minhash_duplicates"]) == (2, 1)
    rows = {row["url"]: row for row in tables["ledger"].to_pylist()}
    ids = {row["id"]: url for url, row in rows.items() if row["id"]}
    dropped = [row for row in rows.values() if row["stage"] == "dedup"]
    assert Counter(row["rule"] for row in dropped) == {"exact": 2, "minhash": 1}
    kept = set(tables["corpus"]["id"].to_pylist())
    for row in dropped:
        assert number_of(ids[row["detail"]]) == number_of(row["url"])
        assert row["detail"] in kept
        assert row["id"] not in kept
        assert row["detail"] < row["id"]  # the smallest id is kept
    clusters = tables["clusters"].to_pylist()
    assert len(clusters) == 6
    assert {row["id"] for row in clusters if row["kept"]} == {row["detail"] for row in dropped}
    pair = {row["id"] for row in clusters if row["cluster"] == clusters[0]["cluster"]}
    assert len(pair) == 2
    assert len({number_of(ids[id_]) for id_ in pair}) == 1


def test_personal_data_is_replaced_and_counted(joined):
    statistics, tables, _ = joined
    texts = " ".join(tables["corpus"]["text"].to_pylist())
    assert "jane.roe@harbour.org" not in texts
    assert "93.184.216.34" not in texts
    assert "Please write to" in texts
    assert (statistics["pii"]["email"], statistics["pii"]["ipv4"]) == (1, 1)
    assert sum(tables["corpus"]["pii_emails"].to_pylist()) == 1


def test_whole_hosts_are_held_out(parts, tmp_path, joined):
    _, tables, _ = joined
    splits = Counter(tables["corpus"]["split"].to_pylist())
    assert splits["validation"] >= 1
    assert splits["train"] >= HOSTS - 4
    config = AssembleConfig(split=SplitConfig(validation_fraction=0.5, salt="x"))
    _, other = join(parts, tmp_path / "half", config)
    by_host: dict[str, set[str]] = {}
    for row in other["corpus"].to_pylist():
        by_host.setdefault(row["host"], set()).add(row["split"])
    assert all(len(found) == 1 for found in by_host.values())
    assert 2 <= sum(found == {"validation"} for found in by_host.values()) < len(by_host)


def test_the_order_of_parts_changes_the_order_of_rows_only(parts, tmp_path, joined):
    _, tables, _ = joined
    _, reverse = join(parts[::-1], tmp_path / "reverse")
    assert reverse["clusters"].equals(tables["clusters"])
    for name in ("corpus", "ledger"):
        left, right = (
            sorted(found[name].to_pylist(), key=lambda row: (row["id"], row["url"]))
            for found in (tables, reverse)
        )
        assert left == right
    again, _ = join(parts, tmp_path / "again")
    assert again == joined[0]
    for name in ("ledger.parquet", "corpus.parquet", "clusters.parquet", "funnel.json"):
        assert (tmp_path / "again" / name).read_bytes() == (joined[2] / name).read_bytes()


def test_a_lost_row_breaks_the_conservation_law(parts, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(parts[0], copy)
    ledger = read_table(copy / "ledger.parquet")
    write_table(ledger.slice(1), copy / "ledger.parquet")
    with pytest.raises(RuntimeError, match=r"13 records were read from a\.warc\.gz"):
        join([copy, parts[1]], tmp_path / "out")
    with pytest.raises(RuntimeError, match="not read"):
        check_conservation({}, ledger)
    check_conservation({"a.warc.gz": 13, "empty.warc": 0}, ledger)


def test_parts_that_cannot_be_joined(parts, tmp_path):
    with pytest.raises(UserError, match=r"2 input files are named a\.warc\.gz"):
        join([parts[0], parts[0]], tmp_path / "twice")
    other = tmp_path / "other"
    shutil.copytree(parts[1], other)
    read = json.loads((other / "read.json").read_text())
    read["minhash"]["seed"] += 1
    (other / "read.json").write_text(json.dumps(read))
    with pytest.raises(UserError, match="different MinHash settings"):
        join([parts[0], other], tmp_path / "seeds")


def test_no_parts_and_no_exact_dedup(parts, tmp_path):
    statistics, tables = join([], tmp_path / "none")
    assert (statistics["records"], tables["corpus"].num_rows) == (0, 0)
    statistics, _ = join(parts, tmp_path / "near", AssembleConfig(exact=False))
    assert (statistics["exact_duplicates"], statistics["minhash_duplicates"]) == (0, 3)


def test_quality_report(parts, tmp_path, joined, prose):
    """Truth that agrees with what happened but for one page said to be meant for url."""
    truth = []
    for folder in parts:
        for row in read_table(folder / "ledger.parquet").to_pylist():
            copy = "mirror" in row["url"]
            stage = row["stage"] or ("dedup" if copy else "")
            if row["url"] == "http://host5.example/page":
                stage = "url"
            truth.append(
                {
                    "url": row["url"],
                    "warc": row["warc"],
                    "expected": "dropped" if stage else "kept",
                    "stage": stage,
                    "duplicate_of": f"http://host{number_of(row['url'])}.example/page"
                    if copy
                    else "",
                    "similarity": 0.9 if copy else None,
                    "pii_emails": int(row["url"] == "http://host0.example/page"),
                    "pii_values": ["jane.roe@harbour.org", "not on the page"]
                    if row["url"] in ("http://host0.example/page", "http://mirror.example/0")
                    else [],
                    "main_text": "",
                }
            )
    for row in truth:
        if row["url"] == "http://mirror.example/0":
            row["pii_emails"] = 1
        if row["url"] == "http://host3.example/page":
            row["main_text"] = prose("original 3", 24) + " extra"
    write_table(table(truth, TRUTH), tmp_path / "truth.parquet")
    report = quality_report(tmp_path / "truth.parquet", joined[2], parts)
    assert report.schema == QUALITY
    found = {(r["stage"], r["task"], r["metric"]): r for r in report.to_pylist()}
    assert found["dedup", "pages", "precision"]["value"] == 1
    assert found["dedup", "pages", "recall"]["n"] == 3
    assert found["dedup", "pages", "recall"]["value"] == 1
    assert found["url", "pages", "recall"]["value"] == 0
    assert found["language", "pages", "recall"]["value"] == 1
    assert found["all", "pages to keep", "recall"]["value"] == 1
    assert found["all", "pages", "precision"]["value"] == 1
    assert found["all", "pages", "recall"]["value"] == pytest.approx(5 / 6)
    pairs = found["dedup", "planted pairs, similarity 0.8 to 1", "recall"]
    assert (pairs["value"], pairs["n"]) == (1, 3)
    assert found["dedup", "pairs in clusters", "precision"]["value"] == 1
    assert found["pii", "email", "recall"]["value"] == 1
    gone = found["pii", "planted values gone", "recall"]
    assert (gone["value"], gone["n"]) == (1, 1)
    words = found["extract", "words of main text", "recall"]
    assert words["n"] == 1
    assert 0.99 < words["value"] < 1


def test_intervals_and_f1():
    low, high = wilson(9, 10)
    assert (round(low, 3), round(high, 3)) == (0.596, 0.982)  # Wilson's formula by hand
    assert wilson(0, 5)[0] == 0
    assert word_f1("a b b c", "a b d") == pytest.approx((0.5, 2 / 3, 4 / 7))
    assert word_f1("", "a") == (0, 0, 0)


def test_configs_go_through_json():
    from pipeline.config import from_dict, to_dict

    for config in (CorpusConfig(), AssembleConfig()):
        data = json.loads(json.dumps(to_dict(config)))
        assert from_dict(type(config), data) == config
        assert dataclasses.is_dataclass(config)
