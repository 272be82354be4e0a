"""A tiny model that really learned to call the calculator, with a tokenizer of its own."""

import functools
import json
import random
from pathlib import Path

import pytest
import torch

from pipeline import model as models
from pipeline.chat.conversation import Conversation, assistant, render, tool, user
from pipeline.chat.layout import pieces
from pipeline.chat.messages import ToolCall
from pipeline.curriculum.sums import question
from pipeline.model import ModelConfig, Transformer
from pipeline.sft.train import with_conversation_tokens
from pipeline.tokenizer import train as tokenizer_training
from pipeline.tokenizer.config import TokenizerConfig
from pipeline.tools.calculator import calculator
from pipeline.tools.config import CalculatorConfig
from pipeline.training.data_loader import RowPart, collate
from pipeline.training.loss import token_loss

STATED = (calculator(CalculatorConfig()).definition,)
STEPS, ROWS, RATE = 150, 6, 5e-3


def sums(count: int, seed: int) -> list[Conversation]:
    """Sums that are called for, and greetings that need no call."""
    rng = random.Random(seed)
    made = []
    for number in range(count):
        if number % 4 == 3:
            made.append(Conversation((user("Hello!"), assistant("Hello!")), STATED))
            continue
        a, b = rng.randint(1, 9), rng.randint(1, 9)
        call = ToolCall("calculator", json.dumps({"expression": f"{a} + {b}"}))
        said = (
            *(user(question(a, b, rng)), assistant("", [call]), tool(str(a + b))),
            assistant(f"It is {a + b}."),
        )
        made.append(Conversation(said, STATED))
    return made


@functools.cache
def make_tool_model(folder: Path) -> Path:
    texts = ["".join(part.text for part in pieces(talk)) for talk in sums(200, 1)]
    base = tokenizer_training.train(iter(texts), TokenizerConfig(vocab_size=480))
    shape = ModelConfig(
        vocab_size=base.vocab_size,
        layers=2,
        width=32,
        heads=2,
        kv_heads=1,
        head_dim=32,  # which the C kernels have: results the same to the bit in any batch
        ffn_width=64,
        max_context=320,
    )
    model, tokenizer = with_conversation_tokens(Transformer(shape).init_weights(0), base)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    talks = sums(STEPS * ROWS, 2)
    for step in range(STEPS):
        rows = [render(talk, tokenizer) for talk in talks[step * ROWS : (step + 1) * ROWS]]
        parts = [[RowPart(*(torch.tensor(x).numpy() for x in row))] for row in rows]
        longest = max(len(ids) for ids, _ in rows)
        batch = collate(parts, longest, tokenizer.document_token)
        total, _ = token_loss(model, batch)
        (total / batch.loss_mask.sum()).backward()
        optimizer.step()
        optimizer.zero_grad()
    models.save(model, tokenizer, folder)
    return folder


@pytest.fixture(scope="session")
def tool_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the model."""
    folder = tmp_path_factory.getbasetemp() / "tool_model"
    folder.mkdir(exist_ok=True)
    return make_tool_model(folder)
