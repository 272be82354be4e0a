import hashlib
from pathlib import Path

import pytest

from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer.config import TokenizerConfig
from pipeline.tokenizer.train import train
from storage.schemas import CORPUS
from storage.tables import table, write_table

TEXT = (
    "the river town of Mara holds 347 houses and 58 barn; it's old, they've said, we'll "
    "see naïve Zoë über die Brücke — 東京 の 猫 "
    "москва 12,345.67 (what?) don't I'm you'd\tcode{}\r\n\n  x"
)
WORDS = TEXT.split(" ")


def text_of(seed: int, words: int = 120) -> str:
    digest = b"".join(hashlib.sha256(f"{seed}:{i}".encode()).digest() for i in range(words // 8))
    return " ".join(WORDS[b % len(WORDS)] for b in digest[:words]) + "\n"


def corpus_rows(train_documents: int = 60, validation_documents: int = 7) -> list[dict]:
    rows = []
    for index in range(train_documents + validation_documents):
        rows.append(
            {
                "id": f"{index:032x}",
                "url": f"https://h{index}.example/",
                "host": f"h{index}.example",
                "text": text_of(index),
                "split": "train" if index % 10 or index == 0 else "validation",
                "language": "en",
            }
        )
    return rows


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_table(table(corpus_rows(), CORPUS), folder / "corpus-en.parquet")
    return folder


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return train((text_of(i) for i in range(60)), TokenizerConfig(vocab_size=380))
