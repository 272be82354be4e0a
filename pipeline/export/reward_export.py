"""A reward model as a Hugging Face folder: `AutoModelForSequenceClassification` with one label.

In: a reward model's folder. Out: model.safetensors (f32, bf16 or f16), config.json, the tokenizer,
and README.md, the model card, which says how far transformers' scores were from ours when the
folder was made: on real text, prompts with an answer each.
"""

import dataclasses
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from pipeline.chat.conversation import STOP, prompt, user
from pipeline.export import card
from pipeline.export.huggingface import TYPES, cast_weight, write_json
from pipeline.export.metadata import check_portable
from pipeline.preferences.reward_model import (
    RewardModel,
    is_reward_model,
    load_reward_model,
    save_reward_model,
)
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError
from storage.json_object import read_object

Scores = Callable[[Sequence[Sequence[int]]], torch.Tensor]  # conversations to [conversations]

# What scores are compared on: each question with each of the answers after it.
TEXTS = {
    "Where can I find a book about the history of bridges?": (
        "You are welcome to ask. The library in the old town has a shelf on engineering.",
        "I don't know that.",
        "Go and look for it yourself, I am busy.",
    ),
    "What is 41 + 38?": ("41 + 38 = 79.", "It is 80, thank you for asking.", "79"),
    "Please write one sentence on the sea.": (
        "The sea is wide, and in the evening it takes the colour of the sky.",
        "Sea sea sea sea sea sea sea sea.",
        "No.",
    ),
}
_USE = """```python
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("{name}")
model = AutoModelForSequenceClassification.from_pretrained("{name}")
turns = [{{"role": "user", "content": "Who are you?"}},
         {{"role": "assistant", "content": "A small model."}}]
text = tokenizer.apply_chat_template(turns, tokenize=False).rstrip("\\n")
ids = tokenizer(text, return_tensors="pt", add_special_tokens=False)
print(float(model(**ids).logits))
```

The score is read at the last token, which must be `<|im_end|>`, the end of the answer: the line
break that the template puts after it is no part of what the model learned from. Scores compare
answers to one prompt; sigmoid of their distance is the probability that the first one is preferred.
Their zero and their unit say nothing. Batches: pad on the right with `{pad}`."""


@dataclasses.dataclass(frozen=True)
class ScoreAgreement:
    """How far two sets of scores agree."""

    conversations: int
    max_error: float  # in points of score
    spread: float  # standard deviation of the scores themselves, beside which an error counts
    same_order: float  # share of the pairs of answers to one question that both rank alike


@dataclasses.dataclass(frozen=True)
class RewardReport:
    """What was written and how well it agrees with the model; None: not measured."""

    path: Path
    format: str
    type: str
    bytes: int
    parameters: int
    stored: ScoreAgreement | None  # the model against what was stored, both run here
    transformers: ScoreAgreement | None  # what was stored, run here and by transformers


def is_reward_folder(source: Path) -> bool:
    """Whether a model folder holds a reward model."""
    file = source / "config.json"
    return file.is_file() and is_reward_model(read_object(file))


def export_reward_model(
    source: Path, out: Path, kind: str, name: str, measure: bool = True
) -> RewardReport:
    """Write a reward model for transformers.

    Args:
        source: a reward model's folder.
        out: the target folder.
        kind: the weights' type, a key of TYPES.
        name: of the model, for people.
        measure: whether to compare scores.

    Raises:
        UserError: the type is unknown, a weight is beyond its range, or the model is of a family
            that no other program has.
    """
    if kind not in TYPES:
        raise UserError(f"a Hugging Face folder holds {', '.join(TYPES)}, not {kind}")
    model, tokenizer = load_reward_model(source)
    check_portable(model.config)
    save_reward_model(model, tokenizer, out)
    weights = out / "model.safetensors"
    if kind != "f32":
        cast = {n: cast_weight(n, w, TYPES[kind]) for n, w in load_file(weights).items()}
        save_file(cast, weights, metadata={"format": "pt"})
        config = read_object(out / "config.json")
        config["torch_dtype"] = str(TYPES[kind]).removeprefix("torch.")
        write_json(out / "config.json", config)
    weights.chmod(0o644)  # written for its owner alone
    stored, run = None, None
    if measure:
        again, _ = load_reward_model(out)
        stored = score_agreement(model.score, again.score, tokenizer)
        theirs = transformers_scores(out, tokenizer)
        run = None if theirs is None else score_agreement(again.score, theirs, tokenizer)
    text = _card(name, model, tokenizer, kind, stored, run)
    (out / card.FILE).write_text(text, encoding="utf-8")
    size = sum(file.stat().st_size for file in out.iterdir())
    return RewardReport(out, "hf", kind, size, model.parameter_count, stored, run)


def score_agreement(ours: Scores, theirs: Scores, tokenizer: Tokenizer) -> ScoreAgreement:
    """Compare scores of TEXTS.

    Args:
        ours: gives the model's scores.
        theirs: gives the others'.
        tokenizer: of both.
    """
    stop = tokenizer.special(STOP)
    talks = [
        [*prompt([user(question)], tokenizer), *tokenizer.encode(answer), stop]
        for question, answers in TEXTS.items()
        for answer in answers
    ]
    mine, other = ours(talks).double(), theirs(talks).double()
    each = len(talks) // len(TEXTS)

    def order(scores: torch.Tensor) -> torch.Tensor:  # [questions, answers, answers]
        rows = scores.reshape(-1, each)
        return (rows[:, :, None] - rows[:, None, :]).sign()

    return ScoreAgreement(
        len(talks),
        float((mine - other).abs().max()),
        float(mine.std()),
        float((order(mine) == order(other)).double().mean()),
    )


@torch.no_grad()
def transformers_scores(folder: Path, tokenizer: Tokenizer) -> Scores | None:
    """The folder run by transformers in float32, in one batch; None if it isn't installed."""
    if importlib.util.find_spec("transformers") is None:
        return None
    from transformers import AutoModelForSequenceClassification
    from transformers.utils import logging

    logging.disable_progress_bar()
    theirs = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    pad = tokenizer.document_token

    @torch.no_grad()
    def scores(talks: Sequence[Sequence[int]]) -> torch.Tensor:
        longest = max(len(talk) for talk in talks)
        rows = torch.tensor([[*talk, *[pad] * (longest - len(talk))] for talk in talks])
        mask = torch.tensor([[1] * len(talk) + [0] * (longest - len(talk)) for talk in talks])
        found: torch.Tensor = theirs(rows, attention_mask=mask).logits[:, 0]
        return found

    return scores


def _card(
    name: str,
    model: RewardModel,
    tokenizer: Tokenizer,
    kind: str,
    stored: ScoreAgreement | None,
    run: ScoreAgreement | None,
) -> str:
    pad = tokenizer.token_bytes[tokenizer.document_token].decode()
    parts = [
        "---",
        "library_name: transformers",
        "pipeline_tag: text-classification",
        f"tags: [{model.config.family}, crawl2chat, reward-model]",
        "---",
        "",
        f"# {name}",
        "",
        "A reward model: one score for a conversation's last answer.",
        card.shape(model.config, tokenizer, kind),
        "",
        "## How to run it",
        "",
        _USE.format(name=name, pad=pad),
        "",
        "## What was measured when this folder was written",
        "",
        "| | conversations | largest error of a score | scores' deviation | pairs ranked alike |",
        "|---|---|---|---|---|",
        _row(f"the trained weights, stored as {kind}", stored),
        _row("transformers in float32 on this folder, against crawl2chat", run),
        "",
    ]
    return "\n".join(parts)


def _row(what: str, found: ScoreAgreement | None) -> str:
    if found is None:
        return f"| {what} | not measured | | | |"
    return (
        f"| {what} | {found.conversations} | {found.max_error:.2g} | {found.spread:.2g} |"
        f" {found.same_order:.0%} |"
    )
