"""The training documents of a corpus: some rows at a time, and of too many an even sample."""

import weakref

from pipeline.corpus.read import corpus_batches
from pipeline.sft.documents import CorpusDocuments
from pipeline.tokenizer import corpus_text
from pipeline.tokenizer.train import sampled
from storage.tables import read_table

ALL = 10**9


def train_rows(post_training):
    rows = read_table(post_training.corpus / "corpus-en.parquet").to_pylist()
    return [(row["id"], row["text"]) for row in rows if row["split"] == "train"]


def test_they_are_the_train_split_in_order_as_often_as_they_are_gone_through(post_training):
    found = CorpusDocuments(post_training.corpus, ALL)
    for _ in range(2):
        assert list(found) == train_rows(post_training)
        assert found.read == 220


def test_a_larger_corpus_is_sampled_evenly_by_the_hash_of_the_ids(post_training):
    rows = train_rows(post_training)
    total = sum(len(text.encode()) for _, text in rows)
    assert list(CorpusDocuments(post_training.corpus, total)) == rows
    some = CorpusDocuments(post_training.corpus, total // 3)
    assert some.fraction == (total // 3) / total
    chosen = list(some)
    assert chosen == [row for row in rows if sampled(row[0], some.fraction)]
    assert 40 < some.read == len(chosen) < 110
    assert chosen[-1][0] > rows[150][0]  # not the corpus' head


def test_they_are_never_all_in_memory(post_training, monkeypatch):
    held = []

    def batches(corpus, columns, batch_rows):
        for batch in corpus_batches(corpus, columns, 7):
            held.append(weakref.ref(batch))
            assert sum(ref() is not None for ref in held) <= 2
            yield batch

    monkeypatch.setattr(corpus_text, "corpus_batches", batches)
    assert sum(1 for _ in CorpusDocuments(post_training.corpus, ALL)) == 220
    assert len(held) > 40
