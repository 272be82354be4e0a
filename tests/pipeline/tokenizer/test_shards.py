"""Token files: every document once, in order, whole, and its bytes accounted for."""

import itertools
import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from pipeline.stage import SILENT
from pipeline.tokenizer.config import ShardConfig
from pipeline.tokenizer.shards import build, token_dtype
from storage.errors import UserError
from storage.schemas import CORPUS, TOKEN_SHARDS
from storage.tables import read_table, table, write_table


@pytest.fixture(scope="session")
def tokenizer_folder(tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save(folder)
    return folder


def run(corpus, tokenizer_folder, out, **config):
    out.mkdir()
    return build(
        out=out,
        inputs={"corpus": [corpus], "tokenizer": [tokenizer_folder]},
        config=ShardConfig(**config),
        progress=SILENT,
        scratch=out,
    )


@pytest.mark.parametrize("max_tokens", [100_000_000, 900, 1])
def test_shards_hold_the_corpus_in_order(corpus, tokenizer, tokenizer_folder, tmp_path, max_tokens):
    out = tmp_path / "out"
    statistics = run(
        corpus, tokenizer_folder, out, max_tokens_per_shard=max_tokens, batch_documents=8
    )
    rows = read_table(corpus / "corpus-en.parquet").to_pylist()
    shards = read_table(out / "shards.parquet")
    assert shards.schema.names == TOKEN_SHARDS.names
    ids = read_table(out / "document_ids.parquet").to_pylist()
    for split in ("train", "validation"):
        expected = [row for row in rows if row["split"] == split]
        mine = [s for s in shards.to_pylist() if s["split"] == split]
        names = [s["shard"] for s in mine]
        assert names == [f"{split}-{i:05d}.safetensors" for i in range(len(mine))]
        texts, sizes = [], []
        for shard in mine:
            tensors = load_file(out / shard["shard"])
            tokens, offsets = tensors["tokens"], tensors["offsets"]
            assert tokens.dtype == np.uint16
            assert offsets.dtype == np.int64
            assert offsets[0] == 0
            assert offsets[-1] == len(tokens) == shard["tokens"]
            assert shard["tokens"] <= max_tokens or shard["documents"] == 1
            documents = [tokens[a:b].tolist() for a, b in itertools.pairwise(offsets)]
            assert all(d[0] == tokenizer.document_token for d in documents)
            assert all(tokenizer.document_token not in d[1:] for d in documents)
            texts += [tokenizer.decode(d[1:]) for d in documents]
            own = [row for row in ids if row["shard"] == shard["shard"]]
            assert len(own) == len(documents) == shard["documents"]
            assert (own[0]["id"], own[-1]["id"]) == (
                shard["first_document"],
                shard["last_document"],
            )
            assert sum(row["bytes"] for row in own) == shard["bytes"]
            sizes += [row["bytes"] for row in own]
        assert texts == [row["text"] for row in expected]
        assert sizes == [len(row["text"].encode()) for row in expected]
        assert statistics[split]["documents"] == len(expected)
        assert statistics[split]["bytes"] == sum(sizes)
    assert [row["id"] for row in ids] == [
        row["id"] for split in ("train", "validation") for row in rows if row["split"] == split
    ]
    assert json.loads(json.dumps(statistics)) == statistics


def test_bytes_are_reproducible_and_free_of_batch_size(corpus, tokenizer_folder, tmp_path):
    run(corpus, tokenizer_folder, tmp_path / "a", batch_documents=3, max_tokens_per_shard=2000)
    run(corpus, tokenizer_folder, tmp_path / "b", batch_documents=500, max_tokens_per_shard=2000)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "b").iterdir())
    assert len(names) > 4
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_special_names_in_pages_do_not_become_special(tokenizer_folder, tokenizer, tmp_path):
    text = "end <|endoftext|> of <|im_start|> text"
    rows = [
        {"id": "a", "text": text, "split": "train"},
        {"id": "b", "text": "x", "split": "validation"},
    ]
    write_table(table(rows, CORPUS), tmp_path / "corpus-en.parquet")
    run(tmp_path, tokenizer_folder, tmp_path / "out")
    tokens = load_file(tmp_path / "out" / "train-00000.safetensors")["tokens"].tolist()
    assert tokens.count(tokenizer.document_token) == 1
    assert tokenizer.decode(tokens[1:]) == text


def test_dtype_leaves_room_for_conversation_tokens():
    assert token_dtype(65_530) is np.uint16
    assert token_dtype(65_531) is np.uint32


@pytest.mark.parametrize("split", ["train", "validation"])
def test_an_empty_split_says_what_to_do(tokenizer_folder, tmp_path, split):
    rows = [{"id": "a", "text": "x", "split": split}]
    write_table(table(rows, CORPUS), tmp_path / "corpus-en.parquet")
    with pytest.raises(UserError, match=r"split of .* is empty: give the corpus"):
        run(tmp_path, tokenizer_folder, tmp_path / "out")
