"""Token files: every document once, in order, whole, and its bytes accounted for."""

import contextlib
import errno
import functools
import io
import itertools
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from forgetful_disk import LOST, ForgetfulDisk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file
from safetensors.numpy import save as safetensors_save

from pipeline.stage import SILENT, Progress
from pipeline.tokenizer import Tokenizer, encoding, shard_files
from pipeline.tokenizer.config import TokensConfig
from pipeline.tokenizer.shard_files import TokenShardWriter
from pipeline.tokenizer.tokens import build, make_shards, token_dtype
from storage import durable
from storage.errors import UserError
from storage.schemas import CORPUS, TOKEN_SHARDS
from storage.tables import read_table, table, write_table, write_tables


@pytest.fixture(scope="session")
def tokenizer_folder(tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save(folder)
    return folder


def run(corpus, tokenizer_folder, out, **config):
    """Into `out`; scratch is beside it, and kept."""
    out.mkdir()
    scratch = out.with_name(f"{out.name}-scratch")
    scratch.mkdir(exist_ok=True)
    return build(
        out=out,
        inputs={"corpus": [corpus], "tokenizer": [tokenizer_folder]},
        config=TokensConfig(**config),
        progress=SILENT,
        scratch=scratch,
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


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
    one, other = contents(tmp_path / "a"), contents(tmp_path / "b")
    assert len(one) > 4
    assert one == other


def test_the_number_of_processes_changes_no_byte(corpus, tokenizer_folder, tmp_path, monkeypatch):
    """Batches of a few documents each, so that both processes have many of them."""
    monkeypatch.setattr(encoding, "BATCH_BYTES", 2_000)
    config = {"batch_documents": 16, "max_tokens_per_shard": 1_500}
    run(corpus, tokenizer_folder, tmp_path / "one", **config)
    monkeypatch.setattr(encoding, "WORTH_PROCESSES", 0)
    monkeypatch.setattr(encoding, "cores", lambda: 2)
    counts = []
    real = encoding.in_order

    def counted(*given):
        counts.append(given[-1])
        return real(*given)

    monkeypatch.setattr(encoding, "in_order", counted)
    run(corpus, tokenizer_folder, tmp_path / "two", **config)
    assert counts == [2]
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert len(contents(tmp_path / "one")) > 8


class Killed(Exception):
    """Stands for SIGKILL: nothing in the stage knows it."""


@given(
    kills=st.lists(st.tuples(st.integers(1, 60), st.booleans()), min_size=1, max_size=3),
    max_tokens=st.sampled_from([1, 700, 2_500]),
)
@settings(deadline=None, max_examples=8, suppress_health_check=list(HealthCheck))
def test_a_killed_run_goes_on_behind_its_whole_shards(
    corpus, tokenizer_folder, tmp_path_factory, kills, max_tokens
):
    """Killed after any batch, or while it writes a shard: the same bytes, no whole shard again."""
    root = tmp_path_factory.mktemp("killed")
    config = {"batch_documents": 5, "max_tokens_per_shard": max_tokens}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "BATCH_BYTES", 1_000)
        patch.setattr(durable, "_sync", lambda path: None)  # no power cut here
        run(corpus, tokenizer_folder, root / "whole", **config)
        scratch = root / "again-scratch"
        for left, writing in kills:
            kept = times(scratch)
            with pytest.MonkeyPatch.context() as deadly:
                die_after(deadly, left, writing)
                # a run that ends before its kill is as good
                with contextlib.suppress(Killed):
                    run(corpus, tokenizer_folder, root / "again", **config)
            shutil.rmtree(root / "again")
            assert kept.items() <= times(scratch).items()
        run(corpus, tokenizer_folder, root / "again", **config)
    assert contents(root / "again") == contents(root / "whole")
    assert not list(scratch.glob("unfinished-*"))


def times(scratch: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in scratch.glob("[tv]*-?????")}


def die_after(patch: pytest.MonkeyPatch, left: int, writing: bool) -> None:
    """At the left-th batch, or in the left-th file that is forced to disk."""
    count = itertools.count(1)

    def dying(real):
        def call(*arguments):
            if next(count) == left:
                if real is durable.sync_tree:  # what it finds is half a file
                    path = arguments[0] / shard_files.TOKENS
                    path.write_bytes(path.read_bytes()[:-7])
                raise Killed
            return real(*arguments)

        return call

    if writing:
        patch.setattr(durable, "sync_tree", dying(durable.sync_tree))
    else:
        patch.setattr(TokenShardWriter, "add", dying(TokenShardWriter.add))


@pytest.mark.parametrize("lost", LOST)
def test_a_power_cut_costs_no_more_than_what_was_not_on_disk(
    corpus, tokenizer_folder, tmp_path, lost
):
    config = {"batch_documents": 5, "max_tokens_per_shard": 2_500}
    run(corpus, tokenizer_folder, tmp_path / "whole", **config)
    found = []
    for number in (3, 10, 11):  # five a shard: its three files, its folder, and the one above
        root = tmp_path / str(number)
        (root / "again-scratch").mkdir(parents=True)
        disk = ForgetfulDisk(root, tmp_path / f"notes-{number}")
        end = disk.watch(functools.partial(die_at, number))
        with pytest.raises(Killed):
            run(corpus, tokenizer_folder, root / "again", **config)
        end()
        shutil.rmtree(root / "again")
        disk.power_cut(lost)
        found.append(len(times(root / "again-scratch")))
        run(corpus, tokenizer_folder, root / "again", **config)
        assert contents(root / "again") == contents(tmp_path / "whole")
    assert found == [0, 2, 2]


def die_at(number: int, count: int) -> None:
    if count == number:
        raise Killed


@pytest.mark.parametrize("name", ["shard.json", "tokens.safetensors", "documents.arrow"])
@pytest.mark.parametrize("damage", ["gone", "empty", "half"])
def test_a_shard_that_cannot_be_read_is_made_again(
    corpus, tokenizer_folder, tmp_path, name, damage
):
    config = {"batch_documents": 5, "max_tokens_per_shard": 2_500}
    run(corpus, tokenizer_folder, tmp_path / "whole", **config)
    shutil.copytree(tmp_path / "whole-scratch", tmp_path / "again-scratch")
    victim = tmp_path / "again-scratch" / "train-00001" / name
    data = victim.read_bytes()
    victim.unlink()
    if damage != "gone":
        victim.write_bytes(data[: len(data) // 2] if damage == "half" else b"")
    kept = shard_files.whole_shards(tmp_path / "again-scratch", "train")
    assert [shard.folder.name for shard in kept] == ["train-00000"]
    run(corpus, tokenizer_folder, tmp_path / "again", **config)
    assert contents(tmp_path / "again") == contents(tmp_path / "whole")


def test_whole_shards_are_not_encoded_again(corpus, tokenizer_folder, tmp_path, monkeypatch):
    config = {"batch_documents": 4, "max_tokens_per_shard": 1_500}
    whole = run(corpus, tokenizer_folder, tmp_path / "whole", **config)
    shutil.copytree(tmp_path / "whole-scratch", tmp_path / "again-scratch")
    last = sorted((tmp_path / "again-scratch").glob("train-*"))[-1]
    documents = json.loads((last / "shard.json").read_text())["facts"]["documents"]
    shutil.rmtree(last)
    texts = []
    encode_batch = Tokenizer.encode_batch

    def noted(tokenizer, some, threads):
        texts.extend(some)
        return encode_batch(tokenizer, some, threads)

    monkeypatch.setattr(Tokenizer, "encode_batch", noted)
    notes = io.StringIO()
    shards = make_shards(
        corpus, tokenizer_folder, TokensConfig(**config), Progress(notes), last.parent
    )
    assert len(texts) == documents
    assert (
        sum(shard.facts["tokens"] for shard in shards if shard.facts["split"] == "train")
        == (whole["train"]["tokens"])
    )
    events = [json.loads(line) for line in notes.getvalue().splitlines()]
    assert (
        events[0]["text"] == f"token shards: {len(shards) - 1} of an earlier run are whole and kept"
    )
    assert (events[-1]["done"], events[-1]["total"]) == (67, 67)
    assert events[-1]["tokens_per_second"] > 0


def test_row_groups_that_are_done_are_not_read(tmp_path, monkeypatch):
    rows = [{"id": str(n), "text": "x", "split": "train"} for n in range(20)]
    for number, language in enumerate(("de", "en", "fr")):
        mine = table(rows[: 20 - number], CORPUS)
        write_tables([mine], CORPUS, tmp_path / f"corpus-{language}.parquet", group_rows=6)
    everything = [(d, t) for d, t in encoding.batches(tmp_path, {"train": 0}, 4)]
    places = np.concatenate([documents.rows for documents, _ in everything])
    assert places.tolist() == list(range(57))
    for start in range(57):
        read: list[int] = []
        real = encoding._from_row

        def noted(*given, read=read, real=real):
            for number, batch in real(*given):
                read.append(number)
                yield number, batch

        monkeypatch.setattr(encoding, "_from_row", noted)
        some = list(encoding.batches(tmp_path, {"train": start}, 4))
        monkeypatch.undo()
        assert np.concatenate([d.rows for d, _ in some]).tolist() == list(range(start, 57))
        assert start - read[0] < 6  # no more than the row group's own beginning
        ids = [id for documents, _ in some for id in documents.ids.to_pylist()]
        assert ids == [str(n) for n in [*range(20), *range(19), *range(18)]][start:]


def test_long_texts_are_given_out_alone_and_none_is_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(encoding, "BATCH_BYTES", 10)
    texts = ["a" * n for n in (3, 3, 3, 25, 1, 9, 40, 2)]
    rows = [{"id": str(n), "text": text, "split": "train"} for n, text in enumerate(texts)]
    write_table(table(rows, CORPUS), tmp_path / "corpus-en.parquet")
    given_out = [t.to_pylist() for _, t in encoding.batches(tmp_path, {"train": 0}, 100)]
    assert [text for batch in given_out for text in batch] == texts
    # what is in a batch beside its last text is less than the limit
    assert all(sum(map(len, batch[:-1])) < 10 for batch in given_out)


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
def test_files_are_safetensors_to_the_byte(tmp_path, dtype):
    for count in (1, 3, 40):
        tokens = [np.arange(n, dtype=dtype) for n in range(1, count + 1)]
        lengths = np.arange(1, count + 1)
        shard_files.save(tmp_path / f"{count}", tokens, lengths)
        offsets = np.cumsum([0, *lengths])
        expected = safetensors_save({"tokens": np.concatenate(tokens), "offsets": offsets})
        assert (tmp_path / f"{count}").read_bytes() == expected


def test_a_disk_without_links_has_copies(corpus, tokenizer_folder, tmp_path, monkeypatch):
    run(corpus, tokenizer_folder, tmp_path / "linked")

    def refused(*_):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refused)
    run(corpus, tokenizer_folder, tmp_path / "copied")
    assert contents(tmp_path / "copied") == contents(tmp_path / "linked")


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
