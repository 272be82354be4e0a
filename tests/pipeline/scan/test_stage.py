"""Every kind of record ends in one row; broken bytes end as errors; bytes never depend on order."""

import concurrent.futures
import dataclasses
import gzip
import hashlib
import itertools
import json
import multiprocessing
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.corpus.replay import explain
from pipeline.crawl import warc
from pipeline.crawl.account import KINDS
from pipeline.crawl.dump_name import dump_name
from pipeline.crawl.warc import read_records
from pipeline.filters.stages import STAGES
from pipeline.filters.url import UrlConfig
from pipeline.scan import batches, page_process
from pipeline.scan import stage as scan
from pipeline.scan.config import GateConfig, ScanConfig
from pipeline.scan.judge import Judge
from pipeline.scan.stage import ScanStatistics
from pipeline.stage import SILENT
from storage.errors import UserError
from storage.schemas import LEDGER, PAGES, SIGNALS
from storage.tables import read_table

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

KEPT = 8  # of the zoo below


def build(path: Path, out: Path, config: ScanConfig | None = None) -> ScanStatistics:
    out.mkdir(parents=True)
    return scan.build(
        out=out,
        inputs={"warc": [path]},
        config=config or ScanConfig(url=UrlConfig(use_lists=False)),
        progress=SILENT,
        scratch=out.with_name(f"{out.name}.scratch"),
    )


def file_hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def zoo(tmp_path_factory, make_warc, make_page, prose):
    """One record of each kind, with what must become of it."""
    good = make_page(prose("good"))
    chunked = b"".join(
        b"%x\r\n%s\r\n" % (len(good[i : i + 99]), good[i : i + 99]) for i in range(0, len(good), 99)
    )
    kinds = [
        ({"body": good}, ("kept", "", "")),
        (
            {
                "body": chunked + b"0\r\n\r\n",
                "headers": [("Transfer-Encoding", "chunked")],
            },
            ("kept", "", ""),
        ),
        (
            {"body": gzip.compress(good), "headers": [("Content-Encoding", "gzip")]},
            ("kept", "", ""),
        ),
        (
            {
                "body": make_page(prose("latin") + "\nThe café of Zoë was full and noisy.")
                .decode()
                .encode("cp1252"),
                "mime": "text/html; charset=utf-8",
            },
            ("kept", "", ""),
        ),
        ({"body": good, "warc_headers": {"WARC-Truncated": "length"}}, ("kept", "", "")),
        ({"body": good, "mime": "application/xhtml+xml"}, ("kept", "", "")),
        ({"body": good, "status": "404 Not Found"}, ("dropped", "read", "http_status")),
        ({"body": b"\x89PNG", "mime": "image/png"}, ("dropped", "read", "mime")),
        ({"body": b"", "record_type": "metadata"}, ("dropped", "read", "record_type")),
        ({"body": good, "record_type": "request"}, ("dropped", "read", "record_type")),
        ({"body": b""}, ("dropped", "read", "empty")),
        ({"body": b"a" * 6_000_000}, ("dropped", "read", "size")),
        ({"body": b"", "raw": b"no header " + good}, ("error", "read", "no_http_header")),
        (
            {"body": b"\1\2", "headers": [("Content-Encoding", "zstd")]},
            ("error", "read", "content_encoding"),
        ),
        (
            {"body": b"", "raw": b"dns", "warc_headers": {"Content-Type": "text/dns"}},
            ("dropped", "read", "mime"),
        ),
        ({"body": good, "url": "http://spam.example/a"}, ("dropped", "url", "domain")),
        (
            {"body": b"<html><body>" + b"<div>" * 100_000 + b"deep</body></html>"},
            ("dropped", "extract", "min_text_characters"),
        ),
        (
            {"body": make_page("Der Hafen liegt hinter der Altstadt am Fluss. " * 20)},
            ("dropped", "language", "languages"),
        ),
        ({"body": make_page("Too short.")}, ("dropped", "extract", "min_text_characters")),
        # what filters drop, the pass keeps with its signals
        ({"body": make_page(prose("lorem") + " Lorem ipsum dolor.")}, ("kept", "", "")),
        ({"body": make_page(prose("code") + " function() { return; }")}, ("kept", "", "")),
    ]
    pages = []
    for number, (page, _) in enumerate(kinds):
        pages.append({"url": f"http://host{number}.example/page", **page})
    path = tmp_path_factory.mktemp("zoo") / "ZOO-MAIN-2024-22-x.warc.gz"
    make_warc(path, pages, info={"isPartOf": "ZOO-MAIN-2024-23"})
    config = ScanConfig(url=UrlConfig(use_lists=False, extra_domains=("spam.example",)))
    out = path.parent / "out"
    statistics = build(path, out, config)
    return path, out, statistics, [wanted for _, wanted in kinds], config


def test_every_kind_of_record_ends_where_it_ought_to(zoo):
    _, out, statistics, wanted, _ = zoo
    rows = read_table(out / "ledger.parquet").to_pylist()
    assert (rows[0]["record_type"], rows[0]["rule"]) == ("warcinfo", "record_type")
    for row, expected in zip(rows[1:], wanted):
        assert (row["outcome"], row["stage"], row["rule"]) == expected, row
    outcomes = Counter(row["outcome"] for row in rows)
    assert statistics["records"] == len(rows) == len(wanted) + 1 == outcomes.total()
    assert statistics["kept"] == outcomes["kept"] == KEPT
    assert (statistics["dropped"], statistics["errors"]) == (
        outcomes["dropped"],
        outcomes["error"],
    )
    assert statistics["truncated_records"] == 1
    assert rows[5]["detail"] == "WARC-Truncated: length"
    assert json.loads((out / "read.json").read_text())["records"] == len(rows)
    size = next(row for row in rows if row["rule"] == "size")
    assert (size["value"], size["threshold"]) == (6_000_000.0, 5 * 2**20)
    german = next(row for row in rows if row["stage"] == "language")
    assert german["detail"] == "de"
    assert german["value"] < german["threshold"] == GateConfig().min_language_score


def test_pages_hold_the_text_and_every_signal(zoo, prose):
    path, out, _, _, _ = zoo
    pages = read_table(out / "pages.parquet")
    assert pages.schema == PAGES
    assert read_table(out / "ledger.parquet").schema == LEDGER
    rows = pages.to_pylist()
    assert [row["dump"] for row in rows] == ["ZOO-MAIN-2024-22"] * KEPT  # by its name
    for row in rows:
        assert row["host"].startswith("host")
        assert row["date"] == "2024-05-18T03:10:00Z"
        assert row["language"] == "en"
        assert row["language_score"] >= 0.65
        assert all(row[name] is not None for name, _ in SIGNALS)
        place = f"{path.name}:{row['offset']}:{row['url']}"
        assert row["id"] == hashlib.sha256(place.encode()).hexdigest()[:32]
    assert [row["lorem_ipsum_lines"] for row in rows] == [0] * 6 + [1, 0]
    assert [row["curly_bracket_lines"] for row in rows] == [0] * 6 + [0, 1]
    # the same page, plain, chunked, gzipped, cut by the crawler and as XHTML
    assert rows[0]["text"] == rows[1]["text"] == rows[2]["text"] == rows[4]["text"]
    assert rows[0]["text"].split("\n")[-1] == prose("good").split("\n")[-1]
    assert "The café of Zoë" in rows[3]["text"]
    signatures = read_table(out / "signatures.parquet").to_pylist()
    assert [row["id"] for row in signatures] == [row["id"] for row in rows]
    assert {len(row["signature"]) for row in signatures} == {14 * 8 * 8}
    assert signatures[0]["signature"] == signatures[1]["signature"] != signatures[3]["signature"]
    assert signatures[0]["text_sha256"] == signatures[1]["text_sha256"]


def test_all_languages_pass_a_gate_without_languages(zoo, tmp_path):
    path, _, _, _, config = zoo
    config = dataclasses.replace(config, gate=GateConfig(languages=()))
    build(path, tmp_path / "out", config)
    languages = read_table(tmp_path / "out" / "pages.parquet")["language"].to_pylist()
    assert Counter(languages) == {"en": KEPT, "de": 1}


def test_explain_judges_a_record_again(zoo):
    path, out, _, _, config = zoo
    rows = read_table(out / "ledger.parquet").to_pylist()
    kept = next(row for row in rows if row["outcome"] == "kept")
    found = explain(path, kept["offset"], kept["url"], config)
    assert found["row"] == kept
    page = read_table(out / "pages.parquet").to_pylist()[0]
    assert found["text"] == page["text"]
    assert found["signals"] == {name: page[name] for name, _ in SIGNALS}
    assert found["text"].split("\n")[0] in found["extracted"]
    assert found["extracted"].split("\n")[-1] in found["plain"]
    german = next(row for row in rows if row["stage"] == "language")
    found = explain(path, german["offset"], german["url"], config)
    assert (found["row"], found["extracted"], found["signals"]) == (german, "", {})
    assert "Altstadt" in found["plain"]
    with pytest.raises(UserError, match="no record of"):
        explain(path, 1, "http://nowhere.example/", config)


def test_no_url_and_wrong_inputs(tmp_path):
    path = tmp_path / "a.warc"
    path.write_bytes(b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: 2\r\n\r\nhi\r\n\r\n")
    build(path, tmp_path / "out")
    (row,) = read_table(tmp_path / "out" / "ledger.parquet").to_pylist()
    assert (row["outcome"], row["rule"]) == ("error", "no_url")
    with pytest.raises(UserError, match="no such file"):
        build(tmp_path / "missing.warc", tmp_path / "out2")
    with pytest.raises(UserError, match="not from 2"):
        scan.one_file([path, path])
    empty = tmp_path / "empty.warc.gz"
    empty.touch()
    assert build(empty, tmp_path / "out3")["records"] == 0
    assert read_table(tmp_path / "out3" / "pages.parquet").num_rows == 0


def test_dump_names(tmp_path, make_warc, make_page, prose):
    assert dump_name("GHP-MAIN-2024-22-20240518031000-00000.warc.gz") == "GHP-MAIN-2024-22"
    assert dump_name("CC-MAIN-20240518031000-20240518061000-00000.warc.gz") == ""
    path = tmp_path / "CC-MAIN-20240518031000-00000.warc.gz"
    pages = [{"url": "http://a.example/", "body": make_page(prose("dump"))}]
    make_warc(path, pages, info={"isPartOf": "CC-MAIN-2024-22"})
    build(path, tmp_path / "out")
    (row,) = read_table(tmp_path / "out" / "pages.parquet").to_pylist()
    assert row["dump"] == "CC-MAIN-2024-22"


def work(job: tuple[str, str]) -> dict[str, str]:
    out = Path(job[1])
    build(Path(job[0]), out)
    return file_hashes(out)


def test_bytes_depend_neither_on_order_nor_on_workers(tmp_path, make_warc, make_page, prose):
    """Pages share paragraphs across files, which trafilatura's own memory would notice."""
    paths = []
    shared = prose("shared", 3)
    for number in range(2):
        pages = [
            {
                "url": f"http://h{number}.example/{page}",
                "body": make_page(f"{shared}\n{prose(f'{number} {page}')}"),
            }
            for page in range(6)
        ]
        paths.append(tmp_path / f"{number}.warc.gz")
        make_warc(paths[-1], pages)
    alone = [work((str(path), str(tmp_path / f"a{path.stem}"))) for path in paths]
    again = [work((str(path), str(tmp_path / f"b{path.stem}"))) for path in reversed(paths)]
    assert again == alone[::-1]
    jobs = [(str(path), str(tmp_path / f"c{path.stem}")) for path in paths]
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=spawn) as pool:
        assert list(pool.map(work, jobs)) == alone
    assert read_table(tmp_path / "a0.warc" / "pages.parquet").num_rows == 6


def reshaped(path: Path, folder: Path, form: str) -> Path:
    """The same records in a file of another form."""
    content = path.read_bytes()
    if form in ("one member", "plain", "zstd"):
        content = gzip.decompress(content)
    if form == "one member":
        content = gzip.compress(content)
    if form == "zstd":
        content = zstd.compress(content)
    if form == "damaged":
        content = content[:9000] + bytes(500) + content[9500:-100]
    ending = {"plain": "", "zstd": ".zst"}.get(form, ".gz")
    there = folder / f"zoo.warc{ending}"
    there.write_bytes(content)
    return there


@pytest.mark.parametrize("form", ["a member a record", "one member", "plain", "damaged"])
def test_where_batches_are_cut_changes_no_byte(zoo, tmp_path, monkeypatch, form):
    path, _, _, _, config = zoo
    path = reshaped(path, tmp_path, form)
    build(path, tmp_path / "one", config)
    monkeypatch.setattr(batches, "BATCH_RECORDS", 3)
    monkeypatch.setattr(page_process, "BATCHES_PER_PROCESS", 2)
    statistics = build(path, tmp_path / "many", config)
    assert len(list((tmp_path / "many.scratch").glob("batch-*"))) > 4
    assert file_hashes(tmp_path / "many") == file_hashes(tmp_path / "one")
    read = json.loads((tmp_path / "many" / "read.json").read_text())
    assert sum(read[kind] for kind in KINDS) == read["bytes"] == path.stat().st_size
    assert (read["unreadable_bytes"] > 0) == (form == "damaged")
    assert statistics["errors"] > 2 if form == "damaged" else statistics["kept"] == KEPT


def drop_every_third(items: Iterator) -> Iterator:
    return (item for number, item in enumerate(items, 1) if number % 3)


def drop_the_last(items: Iterator) -> Iterator:
    return (before for before, _ in itertools.pairwise(items))


def give_one_twice(items: Iterator) -> Iterator:
    for number, item in enumerate(items):
        yield from (item, item) if number == 5 else (item,)


def swap_two(items: Iterator) -> Iterator:
    given = list(items)
    given[3:5] = given[4:2:-1]
    return iter(given)


@pytest.mark.parametrize("form", ["a member a record", "one member", "plain", "zstd", "damaged"])
@pytest.mark.parametrize(
    "mutant", [drop_every_third, drop_the_last, give_one_twice, swap_two], ids=lambda m: m.__name__
)
def test_a_reader_that_leaves_out_or_repeats_a_record_fails_the_part(
    zoo, tmp_path, monkeypatch, mutant, form
):
    """The conservation law sees the reader: records alone add up in each of these."""
    path, _, _, _, config = zoo
    path = reshaped(path, tmp_path, form)
    monkeypatch.setattr(page_process, "read_all", lambda *given: mutant(warc.read_all(*given)))
    with pytest.raises(RuntimeError, match="conservation law: "):
        build(path, tmp_path / "out", config)
    assert not (tmp_path / "out" / "read.json").exists()


@pytest.mark.parametrize(
    ("layer", "form"),
    [
        ("members", "a member a record"),
        *(("parse", form) for form in ("a member a record", "one member", "plain", "zstd")),
    ],
)
def test_so_does_a_fault_in_a_layer_of_it(zoo, tmp_path, monkeypatch, layer, form):
    path, _, _, _, config = zoo
    path = reshaped(path, tmp_path, form)
    real, seen = getattr(warc, layer), itertools.count(1)

    def mutant(*given):
        return (item for item in real(*given) if next(seen) % 3)

    monkeypatch.setattr(warc, layer, mutant)
    with pytest.raises(RuntimeError, match="conservation law: "):
        build(path, tmp_path / "out", config)


def test_a_resumed_part_accounts_for_what_earlier_attempts_read(zoo, tmp_path, monkeypatch):
    path, _, _, _, config = zoo
    monkeypatch.setattr(batches, "BATCH_RECORDS", 3)
    build(path, tmp_path / "out", config)
    scratch = tmp_path / "out.scratch"
    whole = sorted(scratch.glob("batch-*"))
    assert len(whole) > 5
    for batch in whole[4:]:
        batch.unlink()
    told = whole[3].read_bytes()
    for name in ("again", "wrong"):
        (tmp_path / f"{name}.scratch").symlink_to(scratch)
    build(path, tmp_path / "again", config)
    assert file_hashes(tmp_path / "again") == file_hashes(tmp_path / "out")
    for batch in sorted(scratch.glob("batch-*"))[4:]:
        batch.unlink()
    digit = told.index(b'"record_bytes": ') + len(b'"record_bytes": ')
    other = b"%d" % (told[digit] - ord("0") + 1)  # of as many digits, but for nines
    whole[3].write_bytes(told[:digit] + other[-1:] + told[digit + 1 :])
    with pytest.raises(RuntimeError, match=r"conservation law: .* bytes, but the reader accounts"):
        build(path, tmp_path / "wrong", config)


def test_a_file_that_changes_while_it_is_read_fails_the_part(zoo, tmp_path, monkeypatch):
    path, _, _, _, config = zoo
    path = reshaped(path, tmp_path, "plain")
    content = path.read_bytes()

    def cut(*given):
        for number, item in enumerate(warc.read_all(*given)):
            if number == 4:
                path.write_bytes(content[:5000])  # the rest of the map is gone: SIGBUS
            yield item

    with monkeypatch.context() as patched:
        patched.setattr(page_process, "read_all", cut)
        with pytest.raises(UserError, match=r"zoo.warc was changed, or replaced, while"):
            build(path, tmp_path / "out", config)
    path.write_bytes(content)
    (tmp_path / "again.scratch").symlink_to(tmp_path / "out.scratch")
    build(path, tmp_path / "again", config)  # nothing that was read of the other bytes is left
    build(path, tmp_path / "fresh", config)
    assert file_hashes(tmp_path / "again") == file_hashes(tmp_path / "fresh")


def test_batches_of_another_state_of_the_file_are_not_gone_on_with(zoo, tmp_path, monkeypatch):
    path, _, _, _, config = zoo
    monkeypatch.setattr(batches, "BATCH_RECORDS", 3)
    path = reshaped(path, tmp_path, "plain")
    build(path, tmp_path / "before", config)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"harbour", b"HARBOUR").replace(b"the", b"THE"))
    (tmp_path / "after.scratch").symlink_to(tmp_path / "before.scratch")
    build(path, tmp_path / "after", config)
    build(path, tmp_path / "fresh", config)
    assert file_hashes(tmp_path / "after") == file_hashes(tmp_path / "fresh")
    assert file_hashes(tmp_path / "after") != file_hashes(tmp_path / "before")


@pytest.fixture(scope="module")
def fuzz(tmp_path_factory, make_warc, make_page, prose):
    folder = tmp_path_factory.mktemp("fuzz")
    pages = [
        {"url": f"http://f{number}.example/", "body": make_page(prose(str(number), 6))}
        for number in range(4)
    ]
    make_warc(folder / "a.warc.gz", pages, info={})
    make_warc(folder / "a.warc", pages, gzip=False, info={})
    judge = Judge(ScanConfig(url=UrlConfig(use_lists=False)))
    return folder, [(folder / n).read_bytes() for n in ("a.warc.gz", "a.warc")], judge


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_mutated_files_end_in_rows_or_one_clear_line(fuzz, data):
    folder, inputs, judge = fuzz
    content = bytearray(data.draw(st.sampled_from(inputs)))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content)))
        piece = data.draw(st.one_of(st.binary(max_size=40), st.just(bytes(200))))
        content[at : at + data.draw(st.integers(0, 300))] = piece
    path = folder / "mutated"
    path.write_bytes(content)
    rows = []
    try:
        for record in read_records(path, judge.config.limits):
            rows.append(judge.record("mutated", record).ledger_row("mutated", record))
    except UserError:
        assert not rows  # no archive at all: found before the first record
        return
    for row in rows:
        assert row["stage"] in (("",) if row["outcome"] == "kept" else STAGES)
        assert bool(row["rule"]) == (row["outcome"] != "kept")
    pa.Table.from_pylist(rows, schema=LEDGER)


def test_the_text_of_a_wet_file_is_taken_as_it_is(tmp_path, make_warc, prose):
    text = prose("wet", 30)
    page = {"url": "http://a.example/1", "record_type": "conversion", "body": text.encode()}
    path = tmp_path / "CC-MAIN-2024-22-x.warc.wet.gz"
    make_warc(path, [{**page, "warc_headers": {"Content-Type": "text/plain"}}])
    said = build(path, tmp_path / "out")
    assert (said["records"], said["kept"]) == (1, 1)
    (row,) = read_table(tmp_path / "out" / "pages.parquet").to_pylist()
    assert row["text"] == text
    assert row["extraction_confidence"] is None
    assert row["language"] == "en"
