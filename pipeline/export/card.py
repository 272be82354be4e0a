"""The model card of an exported folder: what the model is, how to run it, what was measured."""

from pipeline.export.agreement import Agreement
from pipeline.model import ModelConfig
from pipeline.tokenizer import Tokenizer

FILE = "README.md"

_CHAT = """```python
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("{name}")
model = AutoModelForCausalLM.from_pretrained("{name}")
turns = [{{"role": "user", "content": "Who are you?"}}]
ids = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt")
answer = model.generate(**ids, max_new_tokens=64)[0, ids["input_ids"].shape[1] :]
print(tokenizer.decode(answer, skip_special_tokens=True))
```

Turns end with `<|im_end|>`, where `generate` stops. `apply_chat_template` takes `tools=[…]` and
messages with `tool_calls` and role `tool`, rendered as Qwen3's: Hermes calls in `<tool_call>`. The
template marks what the assistant writes (`{{% generation %}}`), so TRL's `assistant_only_loss=True`
trains on it as it is. Users can write the names of special tokens, which the template then reads as
such: crawl2chat encodes what they write as plain text."""

_PAGES = """```python
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("{name}")
model = AutoModelForCausalLM.from_pretrained("{name}")
ids = tokenizer("{document}" + "How a page begins", return_tensors="pt")
print(tokenizer.decode(model.generate(**ids, max_new_tokens=64)[0]))
```

A base model: it goes on with pages and doesn't answer. Every document it saw began with
`{document}`, and so should a prompt."""


def text(
    name: str,
    config: ModelConfig,
    tokenizer: Tokenizer,
    kind: str,
    stored: Agreement | None,
    transformers: Agreement | None,
) -> str:
    """The whole card, with the front matter that hubs read."""
    parts = [
        "---",
        "library_name: transformers",
        "pipeline_tag: text-generation",
        f"tags: [{config.family}, crawl2chat]",
        "---",
        "",
        f"# {name}",
        "",
        shape(config, tokenizer, kind),
        "",
        "## How to run it",
        "",
        _use(name, tokenizer),
        "",
        "## What was measured when this folder was written",
        "",
        *_measured(kind, stored, transformers),
        "",
    ]
    return "\n".join(parts)


def shape(config: ModelConfig, tokenizer: Tokenizer, kind: str) -> str:
    """The model's sizes as a sentence."""
    heads = f"{config.heads} heads of {config.head_dim}"
    if config.kv_heads != config.heads:
        heads += f" ({config.kv_heads} for keys and values)"
    return (
        f"Family {config.family}: {config.layers} layers of width {config.width}, {heads}, "
        f"feed-forward {config.ffn_width}, context {config.max_context} tokens, vocabulary "
        f"{tokenizer.vocab_size}, weights in {kind}."
    )


def _use(name: str, tokenizer: Tokenizer) -> str:
    if tokenizer.has_conversation_tokens:
        return _CHAT.format(name=name)
    document = tokenizer.token_bytes[tokenizer.document_token].decode()
    return _PAGES.format(name=name, document=document)


def _measured(kind: str, stored: Agreement | None, transformers: Agreement | None) -> list[str]:
    lines = ["| | tokens | largest error of a logit | mean | same most likely token | bits lost |"]
    lines.append("|---|---|---|---|---|---|")
    lines.append(_row(f"the trained weights, stored as {kind}", stored))
    lines.append(_row("transformers in float32 on this folder, against crawl2chat", transformers))
    lines.append("")
    lines.append(
        "On text the model itself wrote; bits lost is the Kullback-Leibler divergence a token."
    )
    if transformers is None:
        lines.append("Not measured: transformers was not installed, or the check was left out.")
    return lines


def _row(what: str, found: Agreement | None) -> str:
    if found is None:
        return f"| {what} | not measured | | | | |"
    return (
        f"| {what} | {found.tokens:,} | {found.max_error:.2g} | {found.mean_error:.2g} | "
        f"{found.same_choice:.2%} | {found.bits_lost:.2g} |"
    )
