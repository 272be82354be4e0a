"""The vocabulary: exact size, same bytes on every run, from the train split alone."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.stage import SILENT
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer.config import TokenizerConfig
from pipeline.tokenizer.train import STAGE, build, sampled, train
from storage.errors import UserError
from storage.schemas import CORPUS
from storage.tables import table, write_table

TIES = """
import hashlib, sys
from pipeline.tokenizer.config import TokenizerConfig
from pipeline.tokenizer.train import train
# Every word once or twice: hundreds of pairs of equal count, the trainer's ties.
letters = bytes(97 + i % 16 for i in range(256))
words = [hashlib.sha256(str(i).encode()).digest()[:6].translate(letters).decode() + "ä東"
         for i in range(400)]
texts = [" ".join(words), " ".join(reversed(words))]
sys.stdout.write(hashlib.sha256(
    train(iter(texts), TokenizerConfig(vocab_size=700))._rust.to_str().encode()).hexdigest())
"""


def hash_word(number: int) -> str:
    letters = bytes(97 + i % 16 for i in range(256))
    return hashlib.sha256(str(number).encode()).digest()[:6].translate(letters).decode()


def run(corpus, out, **config):
    return build(
        out=out,
        inputs={"corpus": [corpus]},
        config=TokenizerConfig(**config),
        progress=SILENT,
        scratch=out,
    )


def test_same_bytes_for_every_run_and_thread_count():
    """The Rust trainer counts words in randomly seeded hash maps on several threads."""
    root = Path(__file__).parents[3]
    digests = set()
    for threads, parallel in (("1", "false"), ("1", "true"), ("4", "true"), ("3", "true")):
        environment = os.environ | {
            "RAYON_NUM_THREADS": threads,
            "TOKENIZERS_PARALLELISM": parallel,
            "PYTHONPATH": str(root),
        }
        done = subprocess.run(
            [sys.executable, "-c", TIES],
            env=environment,
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(done.stdout)
    assert len(digests) == 1


def test_order_of_documents_does_not_matter():
    texts = [f"{hash_word(i)} {hash_word(i % 7)} 東京{i % 3}" for i in range(80)]
    one = train(iter(texts), TokenizerConfig(vocab_size=300))
    two = train(iter(texts[::-1]), TokenizerConfig(vocab_size=300))
    assert one.token_bytes == two.token_bytes


def test_stage_writes_a_tokenizer_from_the_train_split(corpus, tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    statistics = run(corpus, first, vocab_size=380)
    assert run(corpus, second, vocab_size=380) == statistics
    names = sorted(path.name for path in first.iterdir())
    assert names == ["tokenizer.json", "tokenizer_config.json"]
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes()
    assert json.loads(json.dumps(statistics)) == statistics
    assert statistics["documents"] == 61
    assert Tokenizer.load(first).vocab_size == 380
    assert STAGE.entry == "pipeline.tokenizer.train:build"


def test_validation_text_is_not_learned_from(tmp_path):
    rows = [
        {"id": "1", "text": "plain words here " * 40, "split": "train"},
        {"id": "2", "text": "zyzzyva zyzzyva " * 400, "split": "validation"},
    ]
    write_table(table(rows, CORPUS), tmp_path / "corpus-en.parquet")
    run(tmp_path, tmp_path / "out", vocab_size=262)
    assert not any(b"zy" in piece for piece in Tokenizer.load(tmp_path / "out").token_bytes)


def test_byte_cap_samples_evenly(corpus, tmp_path):
    whole = run(corpus, tmp_path / "whole", vocab_size=300)
    half = run(corpus, tmp_path / "half", vocab_size=300, max_bytes=whole["bytes"] // 2)
    assert half["sampled_fraction"] == pytest.approx(0.5, abs=0.01)
    assert 0.25 < half["documents"] / whole["documents"] < 0.75
    assert whole["sampled_fraction"] == 1.0
    share = sum(sampled(str(i), 0.3) for i in range(5000)) / 5000
    assert share == pytest.approx(0.3, abs=0.03)


def test_mistakes_are_named(corpus, tmp_path):
    with pytest.raises(UserError, match="at least 257"):
        run(corpus, tmp_path, vocab_size=100)
    with pytest.raises(UserError, match=r"lower tokenizer\.vocab_size"):
        run(corpus, tmp_path, vocab_size=60_000)
    with pytest.raises(UserError, match="build the corpus first"):
        run(tmp_path, tmp_path, vocab_size=300)
    empty = tmp_path / "empty"
    rows = [{"id": "1", "text": "x", "split": "validation"}]
    write_table(table(rows, CORPUS), empty / "corpus-en.parquet")
    with pytest.raises(UserError, match="train split"):
        run(empty, tmp_path, vocab_size=300)
