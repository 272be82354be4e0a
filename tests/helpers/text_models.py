"""Models of random weights that write plain text and never end by themselves.

For tests and benchmarks in which every answer is to be as long as was asked: no special token, no
tag of a tool call, no byte that isn't a whole character and no control character is ever sampled.
Their rows of the head answer a constant that every hidden state carries, so the model needs no
sampling option for it. Tokenizers have the conversation tokens: such a model also chats.
"""

from collections.abc import Iterable
from pathlib import Path

import torch

from pipeline.model import ModelConfig, Transformer, save
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer.config import TokenizerConfig
from pipeline.tokenizer.special import CONVERSATION_TOKENS
from pipeline.tokenizer.train import train

CONSTANT = 8.0  # the feature that every hidden state carries, beside others of about 1
# For tests: as small as the C kernels take, whose results are the same to the bit in any batch.
SMALL = ModelConfig(
    vocab_size=320,
    layers=2,
    width=64,
    heads=2,
    kv_heads=1,
    head_dim=32,
    ffn_width=96,
    max_context=256,
)
README = Path(__file__).resolve().parents[2] / "README.md"


def write(folder: Path, model: Transformer, texts: Iterable[str]) -> Tokenizer:
    """Make the model write text, and save it with a tokenizer that is trained on these texts."""
    rows = model.config.vocab_size
    config = TokenizerConfig(rows - len(CONVERSATION_TOKENS))
    tokenizer = train(iter(texts), config).with_conversation_tokens()
    save(writes_text(model, tokenizer), tokenizer, folder)
    return tokenizer


def small(folder: Path) -> Tokenizer:
    """One for tests, in `folder`."""
    return write(folder, random_weights(SMALL), [README.read_text(encoding="utf-8")])


@torch.no_grad()
def random_weights(config: ModelConfig) -> Transformer:
    """Logits about as wide as a trained model's: fresh ones are all alike."""
    model = Transformer(config).init_weights(0)
    generator = torch.Generator().manual_seed(1)
    head = [model.lm_head] if model.lm_head is not None else []
    blocks = [part for b in model.blocks for part in (b.self_attn.o_proj, b.mlp.down_proj)]
    for part in (*blocks, *head):
        drawn = torch.randn(part.weight.shape, generator=generator)
        part.weight.copy_(drawn * config.width**-0.5)
    return model


@torch.no_grad()
def writes_text(model: Transformer, tokenizer: Tokenizer) -> Transformer:
    """The same model, which never samples what isn't plain text by itself."""
    assert model.lm_head is not None
    model.embed_tokens.weight[:, 0] = CONSTANT
    for layer in model.blocks:  # nothing takes from it
        layer.self_attn.o_proj.weight[0] = 0
        layer.mlp.down_proj.weight[0] = 0
    names = {*tokenizer.special_tokens, *CONVERSATION_TOKENS}
    for id, said in enumerate(tokenizer.token_bytes):
        odd = said.decode("utf-8", "replace") in names or not is_text(said)
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
