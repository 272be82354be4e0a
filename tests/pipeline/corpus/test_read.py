"""A corpus read in batches is not in memory in the end."""

import numpy as np
import pyarrow as pa
import pytest

from pipeline.corpus.read import corpus_batches
from pipeline.tokenizer.encoding import batches
from storage.schemas import CORPUS
from storage.tables import table, write_tables

GROUPS = 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Row groups of a quarter of a megabyte, half of that on disk."""
    out = tmp_path_factory.mktemp("corpus")
    noise = np.random.default_rng(0)
    tables = (
        table([{"id": f"{n:032x}", "text": noise.bytes(1 << 17).hex(), "split": "train"}], CORPUS)
        for n in range(GROUPS)
    )
    write_tables(tables, CORPUS, out / "corpus-en.parquet", group_rows=1)
    return out


@pytest.mark.parametrize(
    "read",
    [
        lambda folder: corpus_batches(folder, ["id", "text"], 1),
        lambda folder: batches(folder, {"train": 0}, 1),
    ],
    ids=["corpus_batches", "the token stage's"],
)
def test_what_was_read_is_let_go(folder, read):
    before = pa.total_allocated_bytes()
    most = count = 0
    for _ in read(folder):
        count += 1
        most = max(most, pa.total_allocated_bytes() - before)
    assert count == GROUPS
    assert most < 10 << 18
