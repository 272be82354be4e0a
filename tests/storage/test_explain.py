"""`explain`: what the lake knows of a URL."""

import json
from pathlib import Path

import pytest

from storage import UserError
from storage.explain import explain
from storage.schemas import CLUSTERS, CORPUS, LEDGER, PAGES
from storage.tables import table

WARC = b"not really a WARC"


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
            "url": f"http://h/{id}",
            "host": "h",
            "text": f"mail a@b.c {id}",
            "word_count": 3,
        }
        for id in ("keeper", "copy")
    ]
    part = make(
        lake,
        "corpus_part",
        {"pages.parquet": table(pages, PAGES)},
        inputs={"warc": [f"sha256:{sha}:one.warc.gz"]},
    )
    elsewhere = make(
        lake,
        "corpus_part",
        {"pages.parquet": table([], PAGES)},
        inputs={"warc": ["sha256:" + "0" * 64 + ":two.warc.gz"]},
        provenance={"input_paths": {"warc": [str(lake.disk.root / "two.warc.gz")]}},
    )
    rows = [
        ledger_row("http://h/keeper", record_type="request", outcome="dropped"),
        ledger_row("http://h/keeper", "keeper"),
        ledger_row(
            "http://h/copy",
            "copy",
            outcome="dropped",
            stage="dedup",
            rule="minhash",
            detail="keeper",
        ),
        ledger_row(
            "http://h/short",
            outcome="dropped",
            stage="quality",
            rule="words",
            value=3.0,
            threshold=50.0,
        ),
        ledger_row("http://h/two", warc="two.warc.gz"),
        ledger_row("http://h/gone", warc="three.warc.gz"),
    ]
    members = [
        {"id": "keeper", "cluster": "keeper", "kept": True},
        {"id": "copy", "cluster": "keeper", "kept": False},
    ]
    kept = {
        "id": "keeper",
        "text": "mail email@example.com keeper",
        "split": "train",
        "pii_emails": 1,
    }
    corpus = make(
        lake,
        "corpus",
        {
            "ledger.parquet": table(rows, LEDGER),
            "clusters.parquet": table(members, CLUSTERS),
            "corpus-en.parquet": table([kept], CORPUS),
        },
        inputs={"parts": [part.digest, elsewhere.digest]},
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
    assert response["signals"]["word_count"] == 3
    assert response["signals"]["mean_word_length"] is None
    assert response["document"]["text"] == "mail a@b.c keeper"
    assert response["corpus"]["text"] == "mail email@example.com keeper"
    assert response["corpus"]["pii"]["email"] == 1
    assert response["cluster"] == {
        "cluster": "keeper",
        "kept": True,
        "size": 2,
        "keeper": "keeper",
        "keeper_url": "http://h/keeper",
    }
    assert response["duplicate_of"] is None
    assert request["document"] is request["signals"] is request["corpus"] is None
    assert Path(response["warc_path"]).read_bytes() == WARC


def test_a_duplicate_names_its_keeper(filled):
    (record,) = explain(filled, "http://h/copy")["records"]
    assert record["duplicate_of"] == "http://h/keeper"
    assert record["cluster"]["keeper_url"] == "http://h/keeper"
    assert not record["cluster"]["kept"]
    assert record["document"]["text"] == "mail a@b.c copy"
    assert record["corpus"] is None


def test_a_dropped_page_has_its_rule(filled):
    (record,) = explain(filled, "http://h/short")["records"]
    assert (record["stage"], record["rule"], record["value"], record["threshold"]) == (
        "quality",
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
    (record,) = explain(filled, "http://h/gone")["records"]
    assert record["warc_path"] is record["warc_sha256"] is None


def test_an_unknown_url_names_near_ones(filled):
    with pytest.raises(UserError, match="near: http://h/copy") as caught:
        explain(filled, "http://h/copyy")
    assert "\n" not in str(caught.value)


def test_a_url_is_data_not_sql(filled):
    with pytest.raises(UserError, match="no record of"):
        explain(filled, "'; DROP VIEW ledger; --")


def test_an_empty_lake(lake):
    with pytest.raises(UserError, match="no corpus in lake"):
        explain(lake, "http://h/")
