"""The corpus' training documents as synthesis reads them: some rows at a time.

Each iteration reads them again from the start, so that memory does not grow with the corpus.

A corpus above `max_bytes` of training text is sampled evenly, by the hash of each document's id.
"""

from collections.abc import Iterator
from pathlib import Path

from pipeline.tokenizer.corpus_text import documents
from pipeline.tokenizer.train import sampled


class CorpusDocuments:
    """(id, text) of each document in the corpus' order."""

    def __init__(self, corpus: Path, max_bytes: int) -> None:
        self.corpus = corpus
        self.read = 0  # documents read by the last iteration
        total = sum(
            len(row["text"].encode()) for batch in documents(corpus, "train") for row in batch
        )
        self.fraction = min(1.0, max_bytes / max(1, total))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        self.read = 0
        for batch in documents(self.corpus, "train"):
            for row in batch:
                if self.fraction == 1.0 or sampled(row["id"], self.fraction):
                    self.read += 1
                    yield row["id"], row["text"]
