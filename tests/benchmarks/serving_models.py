"""Models and prompts for the serving benchmark, and the same model as llama.cpp reads it.

Random weights of `engine`'s shapes: how fast a model is doesn't depend on what it has learned. They
never write a special token, a byte that is no whole character or a control character: such rows of
the head answer a constant that every hidden state carries. So each answer is as long as was asked,
on both sides and with no sampling option that one of them would have to pay for, and a text as a
trained model writes it. The tokenizer is trained on this repository's own pages.
"""

from collections.abc import Iterator
from pathlib import Path

import torch

from pipeline.export import gguf_write
from pipeline.model import Transformer, save
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer.config import TokenizerConfig
from pipeline.tokenizer.train import train
from tests.benchmarks import engine
from tests.benchmarks.train_peers import ROOT

CONSTANT = 8.0  # the feature that every hidden state carries, beside others of about 1
PROMPT, SHARED = engine.PROMPT, engine.SYSTEM  # tokens: a prompt's own, and those before them
GGUF_TYPES = ("f16", "q8_0")


def make(name: str, folder: Path) -> Tokenizer:
    """The model of a shape's name, in `folder/model`, and as GGUF in each of GGUF_TYPES."""
    config = engine.SHAPES[name]
    tokenizer = train(iter(pages()), TokenizerConfig(vocab_size=config.vocab_size))
    model = writes_text(engine.build(config), tokenizer)
    save(model, tokenizer, folder / "model")
    for kind in GGUF_TYPES:
        gguf_write.write(folder / "model", gguf_file(folder, kind), kind, name)
    return tokenizer


def gguf_file(folder: Path, kind: str) -> Path:
    return folder / f"{kind}.gguf"


def pages() -> list[str]:
    """This repository's pages, in the order of their names."""
    found = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
    return [page.read_text(encoding="utf-8") for page in found]


@torch.no_grad()
def writes_text(model: Transformer, tokenizer: Tokenizer) -> Transformer:
    """The same model, which never samples what isn't plain text by itself."""
    assert model.lm_head is not None
    model.embed_tokens.weight[:, 0] = CONSTANT
    for layer in model.blocks:  # nothing takes from it
        layer.self_attn.o_proj.weight[0] = 0
        layer.mlp.down_proj.weight[0] = 0
    special = set(tokenizer.special_tokens.values())
    for id, said in enumerate(tokenizer.token_bytes):
        odd = id in special or not is_text(said)
        model.lm_head.weight[id, 0] = -CONSTANT if odd else 0
    model.lm_head.weight[tokenizer.vocab_size :, 0] = -CONSTANT
    return model


def is_text(said: bytes) -> bool:
    """Whether the bytes are whole characters that a page would show, or a line's end."""
    try:
        text = said.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return bool(text) and all(letter.isprintable() or letter == "\n" for letter in text)


def prompts(tokenizer: Tokenizer, shared: bool) -> list[str]:
    """Texts of about PROMPT tokens, no two alike; behind SHARED tokens that all of them share."""
    ids = [id for page in tokenizer.encode_batch(pages()) for id in page]
    before = tokenizer.decode(ids[:SHARED]) if shared else ""
    return [before + text for text in dict.fromkeys(windows(tokenizer, ids[SHARED:]))]


def windows(tokenizer: Tokenizer, ids: list[int]) -> Iterator[str]:
    """Windows side by side that are whole characters and stay as long when encoded again."""
    for start in range(0, len(ids) - PROMPT, PROMPT):
        window = ids[start : start + PROMPT]
        text = tokenizer.decode_bytes(window).decode("utf-8", "ignore")
        if abs(len(tokenizer.encode(text)) - PROMPT) < PROMPT // 4:
            yield text
