"""`explain`: what the lake knows of a URL."""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from storage import UserError
from storage.explain import Book, explain
from storage.places import PLACES, id_key, url_key
from storage.schemas import CLUSTERS, CORPUS, LEDGER, PAGES
from storage.tables import table

WARC = b"not really a WARC"
KEEPER, COPY = "0" * 31 + "1", "f" * 32
NAMES = {KEEPER: "keeper", COPY: "copy"}


def ledger_row(url, id="", **columns):
    return {
        "warc": "one.warc.gz",
        "offset": 7,
        "record_type": "response",
        "url": url,
        "outcome": "kept",
        "stage": "",
        "rule": "",
        "detail": "",
        "id": id,
        **columns,
    }


@pytest.fixture
def filled(lake, make):
    crawl = make(lake, "crawl", {"one.warc.gz": WARC})
    sha = crawl.files["one.warc.gz"]["sha256"]
    pages = [
        {
            "id": id,
            "url": f"http://h/{NAMES[id]}",
            "host": "h",
            "text": f"mail a@b.c {NAMES[id]}",
            "offset": 7,
            "word_count": 3,
        }
        for id in (KEEPER, COPY)
    ]
    part = make(
        lake,
        "scan",
        {"pages.parquet": table(pages, PAGES)},
        inputs={"warc": [f"sha256:{sha}:one.warc.gz"]},
    )
    elsewhere = make(
        lake,
        "scan",
        {"pages.parquet": table([], PAGES)},
        inputs={"warc": ["sha256:" + "0" * 64 + ":two.warc.gz"]},
        provenance={"input_paths": {"warc": [str(lake.disk.root / "two.warc.gz")]}},
    )
    rows = [
        ledger_row("http://h/keeper", record_type="request", outcome="dropped"),
        ledger_row("http://h/keeper", KEEPER),
        ledger_row(
            "http://h/copy",
            COPY,
            outcome="dropped",
            stage="dedup",
            rule="minhash",
            detail=KEEPER,
        ),
        ledger_row(
            "http://h/short",
            outcome="dropped",
            stage="gopher_quality",
            rule="words",
            value=3.0,
            threshold=50.0,
        ),
        ledger_row("http://h/two", warc="two.warc.gz"),
        ledger_row("http://i/copyy", warc="two.warc.gz"),
    ]
    members = [
        {"id": KEEPER, "cluster": KEEPER, "kept": True},
        {"id": COPY, "cluster": KEEPER, "kept": False},
    ]
    kept = {
        "id": KEEPER,
        "text": "mail email@example.com keeper",
        "split": "train",
        "pii_emails": 1,
    }
    copies = make(
        lake,
        "duplicates",
        {
            "clusters-00000.parquet": table(members, CLUSTERS),
            "clusters.json": json.dumps([[KEEPER, KEEPER]]).encode(),
        },
    )
    groups = []
    for part_, some in ((part, rows[:4]), (elsewhere, rows[4:])):
        warcs = [{"warc": some[0]["warc"]}]
        # each row in a row group of its own, and two to a file
        shards = {
            f"ledger-{n:05d}.parquet": table(some[2 * n : 2 * n + 2], LEDGER) for n in range(2)
        }
        groups.append(
            make(
                lake,
                "corpus_group",
                {
                    **{name: rows for name, rows in shards.items() if rows.num_rows},
                    "corpus-en-00000.parquet": table([kept] if part_ is part else [], CORPUS),
                    "group.json": json.dumps({"warcs": warcs}).encode(),
                },
                inputs={"parts": [part_.digest], "duplicates": [copies.digest]},
            )
        )
    keys = [(url_key(row["url"]), n // 4, n % 4 // 2) for n, row in enumerate(rows)]
    keys.append((id_key(KEEPER), 0, 0))
    places = [dict(zip(PLACES.names, key)) for key in sorted(set(keys))]
    corpus = make(
        lake,
        "corpus",
        {
            "places-00000.parquet": table(places[:3], PLACES),
            "places-00001.parquet": table(places[3:], PLACES),
            "places.json": json.dumps([places[0]["key"], places[3]["key"]]).encode(),
        },
        inputs={"groups": [group.digest for group in groups]},
    )
    lake.set_heads({"corpus": corpus.digest})
    return lake


def test_a_kept_page(filled):
    answer = explain(filled, "http://h/keeper")
    assert json.loads(json.dumps(answer)) == answer
    response, request = answer["records"]
    assert (response["record_type"], request["record_type"]) == ("response", "request")
    assert response["outcome"] == "kept"
    assert response["offset"] == 7
    assert response["signals"] is not None
    assert response["signals"]["word_count"] == 3
    assert response["signals"]["mean_word_length"] is None
    assert response["document"] is not None
    assert response["document"]["text"] == "mail a@b.c keeper"
    assert response["corpus"] is not None
    assert response["corpus"]["text"] == "mail email@example.com keeper"
    assert response["corpus"]["pii"]["email"] == 1
    assert response["cluster"] == {
        "cluster": KEEPER,
        "kept": True,
        "size": 2,
        "keeper": KEEPER,
        "keeper_url": "http://h/keeper",
    }
    assert response["duplicate_of"] is None
    assert request["document"] is request["signals"] is request["corpus"] is None
    assert response["warc_path"] is not None
    assert Path(response["warc_path"]).read_bytes() == WARC


def test_a_duplicate_names_its_keeper(filled):
    (record,) = explain(filled, "http://h/copy")["records"]
    assert record["duplicate_of"] == "http://h/keeper"
    assert record["cluster"] is not None
    assert record["cluster"]["keeper_url"] == "http://h/keeper"
    assert not record["cluster"]["kept"]
    assert record["document"] is not None
    assert record["document"]["text"] == "mail a@b.c copy"
    assert record["corpus"] is None


@pytest.mark.parametrize(
    ("span", "is_read"),
    [
        ([KEEPER, KEEPER], True),
        (["0" * 32, KEEPER], True),
        ([KEEPER, COPY], True),
        (["0" * 32, COPY], True),
        (["0" * 32, "0" * 32], False),
        ([COPY, COPY], False),
        ([], False),
    ],
)
def test_of_the_clusters_those_files_are_read_that_may_hold_the_name(filled, span, is_read):
    (copies,) = filled.list("duplicates")
    spans = Path(filled.folder("duplicates", copies.digest)) / "clusters.json"
    spans.write_text(json.dumps([span]))
    (record,) = explain(filled, "http://h/copy")["records"]
    assert (record["cluster"] is not None) == is_read


def test_a_dropped_page_has_its_rule(filled):
    (record,) = explain(filled, "http://h/short")["records"]
    assert (record["stage"], record["rule"], record["value"], record["threshold"]) == (
        "gopher_quality",
        "words",
        3.0,
        50.0,
    )
    assert record["document"] is record["cluster"] is record["corpus"] is None


def test_where_the_warc_is(filled):
    (record,) = explain(filled, "http://h/two")["records"]
    assert record["warc_path"] is None, "noted, but not there any more"
    assert record["warc_sha256"] == "0" * 64
    path = filled.disk.root / "two.warc.gz"
    path.write_bytes(b"")
    (record,) = explain(filled, "http://h/two")["records"]
    assert record["warc_path"] == str(path)


def test_an_unknown_url_names_near_ones(filled):
    """Of its own host alone."""
    with pytest.raises(UserError, match="near: http://h/copy, ") as caught:
        explain(filled, "http://h/copyy")
    assert "\n" not in str(caught.value)
    assert "http://i/" not in str(caught.value)
    with pytest.raises(UserError, match="nor of any page of its host"):
        explain(filled, "http://hh/copy")


def test_near_names_are_sought_in_four_row_groups_at_most(filled, monkeypatch):
    """A host with millions of pages is not read through for a hint; three names are shown."""
    read = []

    def ledgers(self, *keys):
        for n in range(9):
            read.append(n)
            yield "", pa.table({"url": [f"http://h/{n}"]})

    monkeypatch.setattr(Book, "ledgers", ledgers)
    said = Book(filled).unknown("http://h/x")  # one character from each: in the alphabet's order
    assert said.endswith("near: http://h/0, http://h/1, http://h/2")
    assert read == [0, 1, 2, 3]


def test_the_part_is_gone(filled):
    """What is left of the lake answers."""
    for manifest in filled.list("scan"):
        shutil.rmtree(filled.folder(manifest.kind, manifest.digest))
    record = explain(filled, "http://h/keeper")["records"][0]
    assert record["document"] is record["signals"] is record["warc_path"] is None
    assert record["corpus"] is not None
    assert record["corpus"]["text"] == "mail email@example.com keeper"


def test_a_url_is_data_not_sql(filled):
    with pytest.raises(UserError, match="no record of"):
        explain(filled, "'; DROP VIEW ledger; --")


def test_an_empty_lake(lake):
    with pytest.raises(UserError, match="no corpus in lake"):
        explain(lake, "http://h/")
