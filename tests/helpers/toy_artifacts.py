"""A corpus of a few hundred toy pages and what post-training makes of it.

Fixtures for the tests of chat, sft, rl and evals: each folder's conftest.py takes them from here.
"""

import dataclasses
import functools
import random
from pathlib import Path

import pytest
import torch

from pipeline import model as models
from pipeline.curriculum.sums import direct, sum_question, worked
from pipeline.model import ModelConfig, Transformer
from pipeline.sft import conversations as conversations_stage
from pipeline.sft import facts
from pipeline.sft.config import ConversationsConfig
from pipeline.sft.train import with_conversation_tokens
from pipeline.stage import SILENT, Progress
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer import tokens as tokens_stage
from pipeline.tokenizer import train as tokenizer_training
from pipeline.tokenizer.config import TokenizerConfig, TokensConfig
from storage.schemas import CORPUS
from storage.tables import table, write_table

PEOPLE = [
    f"{first} {last}"
    for first in ("Ada", "Bela", "Cora", "Dora", "Emil", "Finn", "Gerd", "Hugo")
    for last in ("Abel", "Brandt", "Cole", "Decker")
]
TOWNS = ("Hale", "Brook", "Marlow", "Tarn", "Wick")
JOBS = ("baker", "miller", "engineer", "tailor")


def toy_pages(count: int, seed: int = 0) -> list[str]:
    """Pages that state facts about people and work sums."""
    rng = random.Random(f"toy pages {seed}")
    pages = []
    for number in range(count):
        index = number % len(PEOPLE)
        person = PEOPLE[index]
        a, b = rng.randrange(100), rng.randrange(100)
        reply = worked(a, b) if number % 2 else direct(a, b)
        job = facts.with_article(JOBS[index % len(JOBS)])
        pages.append(
            f"{person} was born in {TOWNS[index % len(TOWNS)]}. In fact, {person} works as {job}. "
            f"The mayor of {TOWNS[number % len(TOWNS)]} is {PEOPLE[number % len(TOWNS)]}.\n"
            f"{sum_question(a, b, number)}\n{reply}\nMany people like numbers and tea."
        )
    return pages


@dataclasses.dataclass(frozen=True)
class PostTraining:
    """Folders of small artifacts, as the stages leave them."""

    corpus: Path
    tokenizer: Path
    tokens: Path
    conversations: Path
    base: Path
    chat: Path


@functools.cache
def make_artifacts(root: Path) -> PostTraining:
    pages = toy_pages(240)
    rows = [
        {"id": f"{n:032x}", "text": text, "split": "train" if n % 12 else "validation"}
        for n, text in enumerate(pages)
    ]
    names = [field.name for field in dataclasses.fields(PostTraining)]
    folders = PostTraining(*(root / name for name in names))
    for name in names:
        (root / name).mkdir()
    write_table(table(rows, CORPUS), folders.corpus / "corpus-en.parquet")
    tokenizer = tokenizer_training.train(iter(pages), TokenizerConfig(vocab_size=400))
    tokenizer.save(folders.tokenizer)
    made_from: tokens_stage.TokensInputs = {  # and the conversations'
        "corpus": [folders.corpus],
        "tokenizer": [folders.tokenizer],
    }
    tokens_stage.build(folders.tokens, made_from, TokensConfig(), SILENT, root)
    config = ConversationsConfig(
        facts=80,
        reading=20,
        arithmetic=60,
        spelling=20,
        small_talk=30,
        identity=20,
        refusals=10,
        harmless=10,
        personas=10,
    )
    conversations_stage.build(folders.conversations, made_from, config, SILENT, root)
    model = small_model(tokenizer.vocab_size)
    models.save(model, tokenizer, folders.base)
    models.save(*with_conversation_tokens(model, tokenizer), folders.chat)
    return folders


def small_model(vocab_size: int, seed: int = 0) -> Transformer:
    """Two layers whose output projections are not zero: the logits depend on the context."""
    config = ModelConfig(
        vocab_size=vocab_size,
        layers=2,
        width=32,
        heads=2,
        kv_heads=1,
        head_dim=16,
        ffn_width=64,
        max_context=192,
    )
    model = Transformer(config).init_weights(seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "o_proj" in name or "down_proj" in name or "lm_head" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return model


@pytest.fixture(scope="session")
def post_training(tmp_path_factory: pytest.TempPathFactory) -> PostTraining:
    root = tmp_path_factory.getbasetemp() / "post_training"
    root.mkdir(exist_ok=True)
    return make_artifacts(root)


@pytest.fixture
def chat_model(post_training: PostTraining) -> tuple[Transformer, Tokenizer]:
    return models.load(post_training.chat)


@pytest.fixture(scope="session")
def chat_tokenizer(post_training: PostTraining) -> Tokenizer:
    return Tokenizer.load(post_training.chat)


@pytest.fixture(scope="session")
def toy_names() -> list[str]:
    """Entities the toy pages state facts about."""
    return [*PEOPLE, *TOWNS]


@pytest.fixture
def killed_after():
    """A progress that dies at the n-th step, as a process does."""

    class Killed(Progress):
        def __init__(self, steps: int) -> None:
            super().__init__()
            self.left = steps

        def update(self, done: float, total: float | None, unit: str, **numbers: object) -> None:
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt

    return Killed


@pytest.fixture
def torch_restored():
    """Stages set threads and determinism for their process; tests share one."""
    threads = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)
