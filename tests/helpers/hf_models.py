"""Tiny random-weight models of transformers' own classes, and tokenizers as their folders hold.

No weights are downloaded: each family's class is built from a small config and every parameter is
drawn, so that nothing (a bias of zero, a gain of one) hides a mistake.
"""

import json
from pathlib import Path
from typing import Any

import tokenizers
import torch
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers.trainers import BpeTrainer

from pipeline.tokenizer.tokenizer import QWEN2_REGEX

# From Llama 3's tokenizer.json, to the character.
LLAMA3_REGEX = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEXTS = [
    "the cat sat on the mat",
    "The dog didn't sit on 12345 logs",
    "Ein Fluß, naïve café 日本語",
]
LONG = {"vocab_size": 300, "max_position_embeddings": 512}
ROTARY = {
    "vocab_size": 300,
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 96,
    "max_position_embeddings": 128,
}
LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 500_000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
YARN = {
    "rope_type": "yarn",
    "rope_theta": 10_000.0,
    "factor": 8.0,
    "original_max_position_embeddings": 64,
}
LINEAR = {"rope_type": "linear", "rope_theta": 10_000.0, "factor": 8.0}
GPT2 = {"vocab_size": 300, "n_embd": 64, "n_layer": 3, "n_head": 4, "n_positions": 128}

# name: class of transformers, config, what differs
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "qwen3": ("Qwen3", ROTARY | {"head_dim": 32}),
    "qwen3 tied, one kv head": (
        "Qwen3",
        ROTARY | {"head_dim": 16, "num_key_value_heads": 1, "tie_word_embeddings": True},
    ),
    "qwen3 yarn": ("Qwen3", ROTARY | {"head_dim": 16, **LONG, "rope_parameters": YARN}),
    "llama": ("Llama", ROTARY),
    "llama full heads, tied": (
        "Llama",
        ROTARY | {"num_key_value_heads": 4, "tie_word_embeddings": True},
    ),
    "llama llama3 rope": ("Llama", ROTARY | LONG | {"rope_parameters": LLAMA3_ROPE}),
    "llama yarn": ("Llama", ROTARY | LONG | {"rope_parameters": YARN}),
    "llama yarn, own factor": (
        "Llama",
        ROTARY
        | LONG
        | {"rope_parameters": YARN | {"attention_factor": 1.3, "beta_fast": 16, "truncate": False}},
    ),
    "llama linear": ("Llama", ROTARY | LONG | {"rope_parameters": LINEAR}),
    "gpt2": ("GPT2", GPT2),
    "gpt2 untied, own ffn": ("GPT2", GPT2 | {"tie_word_embeddings": False, "n_inner": 200}),
}


def random_model(kind: str, settings: dict[str, Any], seed: int = 0, scale: float = 0.15) -> Any:
    """`<kind>LMHeadModel` or `<kind>ForCausalLM` with every parameter drawn, in eval mode."""
    import transformers

    # A fresh dict each: transformers completes rope_parameters in place.
    config = getattr(transformers, f"{kind}Config")(**json.loads(json.dumps(settings)))
    suffix = "LMHeadModel" if kind == "GPT2" else "ForCausalLM"
    model = getattr(transformers, f"{kind}{suffix}")(config).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            gain = parameter.ndim == 1 and not name.endswith("bias")
            parameter.copy_(1 + 0.2 * noise if gain else scale * noise)
    return model


def foreign_tokenizer(family: str, vocab_size: int = 290) -> tokenizers.Tokenizer:
    """The Rust pipeline of GPT-2's, Llama 3's or Qwen's tokenizer.json, trained on a few texts."""
    rust = tokenizers.Tokenizer(models.BPE(ignore_merges=family == "llama"))
    if family == "gpt2":
        rust.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        pattern = QWEN2_REGEX if family == "qwen3" else LLAMA3_REGEX
        rust.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(pattern), behavior="isolated", invert=False),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
    if family == "qwen3":
        rust.normalizer = normalizers.NFC()
    rust.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=vocab_size - 3,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    rust.train_from_iterator(TEXTS * 4, trainer)
    names = {
        "gpt2": ["<|endoftext|>"],
        "llama": ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"],
        "qwen3": ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
    }[family]
    rust.add_special_tokens([AddedToken(n, special=True, normalized=False) for n in names])
    if family == "llama":
        begin = names[0]
        rust.post_processor = processors.TemplateProcessing(
            single=f"{begin} $A", special_tokens=[(begin, rust.token_to_id(begin))]
        )
    return rust


def write_tokenizer(family: str, folder: Path) -> tokenizers.Tokenizer:
    """A family's tokenizer.json and the two small files beside it that name its tokens."""
    rust = foreign_tokenizer(family)
    rust.save(str(folder / "tokenizer.json"))
    settings: dict[str, Any] = {"tokenizer_class": "PreTrainedTokenizerFast"}
    generation: dict[str, Any] = {}
    if family == "gpt2":
        settings |= {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}
    if family == "llama":
        settings |= {
            "bos_token": {"content": "<|begin_of_text|>", "__type": "AddedToken"},
            "eos_token": "<|end_of_text|>",
        }
        ends = [rust.token_to_id(name) for name in ("<|end_of_text|>", "<|eot_id|>")]
        generation = {"bos_token_id": rust.token_to_id("<|begin_of_text|>"), "eos_token_id": ends}
    if family == "qwen3":
        settings |= {"bos_token": None, "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    if generation:
        (folder / "generation_config.json").write_text(json.dumps(generation), encoding="utf-8")
    return rust
