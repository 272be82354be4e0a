"""Bytes per token: true counts, prefixes that equal vocabularies trained at their size, cases."""

import pytest

from pipeline.stage import SILENT
from pipeline.tokenizer import report
from pipeline.tokenizer.config import TokenizerConfig, TokenizerReportConfig
from pipeline.tokenizer.train import train
from storage.errors import UserError
from storage.schemas import CORPUS
from storage.tables import read_table, table, write_table


@pytest.fixture(scope="module")
def texts(corpus):
    rows = read_table(corpus / "corpus-en.parquet").to_pylist()
    return {s: [r["text"] for r in rows if r["split"] == s] for s in ("train", "validation")}


@pytest.mark.parametrize("size", [257, 300, 379])
def test_a_prefix_is_the_vocabulary_that_training_at_its_size_finds(tokenizer, texts, size):
    again = train((text_of for text_of in texts["train"]), TokenizerConfig(vocab_size=380))
    small = train((text_of for text_of in texts["train"]), TokenizerConfig(vocab_size=size))
    assert report.prefix(again, size).token_bytes == small.token_bytes
    for text in texts["validation"]:
        assert report.prefix(again, size).encode(text) == small.encode(text)
    with pytest.raises(UserError, match="can't be cut"):
        report.prefix(tokenizer, 381)


def test_sizes_end_with_the_vocabulary_itself():
    assert report.sizes_up_to(4096) == [512, 1024, 2048, 4096]
    assert report.sizes_up_to(700) == [512, 700]
    assert report.sizes_up_to(300) == [300]


@pytest.fixture(scope="module")
def rows(corpus, tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    tokenizer.save(folder / "tokenizer")
    inputs: report.ReportInputs = {"corpus": [corpus], "tokenizer": [folder / "tokenizer"]}
    report.build(folder, inputs, TokenizerReportConfig(), SILENT, folder)
    return read_table(folder / "compression.parquet").to_pylist()


def test_counts_are_those_of_the_validation_split(rows, tokenizer, texts):
    (every,) = (row for row in rows if row["kind"] == "all")
    held_out = texts["validation"]
    assert every["bytes"] == sum(len(text.encode()) for text in held_out)
    assert every["tokens"] == sum(len(tokenizer.encode(text)) for text in held_out)
    assert every["low"] <= every["bytes_per_token"] <= every["high"]
    for kind in ("language", "host"):
        assert sum(r["documents"] for r in rows if r["kind"] == kind) == every["documents"]


def test_a_larger_vocabulary_packs_more_into_a_token(rows):
    by_size = [row["bytes_per_token"] for row in rows if row["kind"] == "vocab_size"]
    assert by_size == sorted(by_size)
    assert {row["name"] for row in rows if row["kind"] == "case"} == set(report.CASES)


def test_digits_stand_alone_in_every_case(tokenizer):
    ids = tokenizer.encode(report.CASES["digits"])
    pieces = [tokenizer.token_bytes[id] for id in ids]
    assert all(len(piece) == 1 for piece in pieces if any(b"0"[0] <= b <= b"9"[0] for b in piece))
    for text in report.CASES.values():
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_a_corpus_without_validation_is_said(tmp_path, tokenizer):
    write_table(
        table([{"id": "1", "text": "a", "split": "train"}], CORPUS), tmp_path / "corpus-en.parquet"
    )
    tokenizer.save(tmp_path / "t")
    inputs: report.ReportInputs = {"corpus": [tmp_path], "tokenizer": [tmp_path / "t"]}
    with pytest.raises(UserError, match="validation split"):
        report.build(tmp_path, inputs, TokenizerReportConfig(), SILENT, tmp_path)


def test_a_sample_is_even_and_repeatable(corpus):
    small = report._sample(corpus, 2_000)
    assert small == report._sample(corpus, 2_000)
    assert 0 < len(small) < len(report._sample(corpus, 10**9))
