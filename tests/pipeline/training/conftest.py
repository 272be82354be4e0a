"""A tiny tokens artifact made from sentences, tiny models, torch's global switches put back."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from torchrun_fixture import torchrun  # noqa: F401

from pipeline.model import ModelConfig, Transformer
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer.config import TokenizerConfig
from pipeline.tokenizer.train import train as train_tokenizer

VOCABULARY = 310


@pytest.fixture(autouse=True)
def torch_as_it_was():
    threads = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)


def sentences(count: int, seed: int) -> list[str]:
    generator = random.Random(seed)
    names = ["Ada", "Bo", "Cy", "Dee", "Eli"]
    verbs = ["likes", "sells", "paints", "finds"]
    things = ["red apples", "old maps", "tall ships", "small clocks"]
    return [
        " ".join(
            f"{generator.choice(names)} {generator.choice(verbs)} {generator.choice(things)}."
            for _ in range(generator.randint(1, 12))
        )
        for _ in range(count)
    ]


def save_shard(path: Path, documents: list[list[int]]) -> None:
    offsets = np.cumsum([0, *(len(document) for document in documents)]).astype(np.int64)
    tokens = np.concatenate([np.array(document, np.uint16) for document in documents])
    save_file({"tokens": tokens, "offsets": offsets}, path)


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders: tokens (two train shards, one validation shard) and tokenizer."""
    root = tmp_path_factory.mktemp("artifacts")
    texts = sentences(300, 0)
    tokenizer = train_tokenizer(iter(texts), TokenizerConfig(vocab_size=VOCABULARY))
    tokenizer.save(root / "tokenizer")
    (root / "tokens").mkdir()
    documents = [[tokenizer.document_token, *ids] for ids in tokenizer.encode_batch(texts)]
    save_shard(root / "tokens" / "train-00000.safetensors", documents[:150])
    save_shard(root / "tokens" / "train-00001.safetensors", documents[150:280])
    save_shard(root / "tokens" / "validation-00000.safetensors", documents[280:])
    return {"tokens": root / "tokens", "tokenizer": root / "tokenizer"}


@pytest.fixture(scope="session")
def tokenizer(artifacts: dict[str, Path]) -> Tokenizer:
    return Tokenizer.load(artifacts["tokenizer"])


@pytest.fixture
def tiny_model() -> Transformer:
    return tiny_transformer()


@pytest.fixture
def make_model():
    return tiny_transformer


@pytest.fixture
def write_shard():
    return save_shard


def tiny_transformer(seed: int = 0, vocab_size: int = VOCABULARY, context: int = 32) -> Transformer:
    config = ModelConfig(
        vocab_size=vocab_size,
        layers=2,
        width=32,
        heads=2,
        kv_heads=1,
        head_dim=16,
        ffn_width=64,
        max_context=context,
    )
    return Transformer(config).init_weights(seed)
