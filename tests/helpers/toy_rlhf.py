"""A tiny policy optimised by a rule: how many letters "e" an answer has, and what is truly liked."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.chat.conversation import Message
from pipeline.model import Transformer
from pipeline.preferences import rlhf
from pipeline.preferences.config import RlhfConfig
from pipeline.preferences.preference_prompts import PreferencePrompt, prompt_id
from pipeline.rl.rollouts import DrawnAnswer
from pipeline.tokenizer import Tokenizer

CONFIG = RlhfConfig(
    steps=6,
    prompts_per_step=6,
    answers_per_prompt=4,
    max_new_tokens=12,
    reference_prompts=12,
    pairs_per_step=6,
    measure_every=2,
    rate_factor=0.5,
    rehearsal_rows=0,
    checkpoint_seconds=0.0,
    precision="float32",
    threads=1,
    device="cpu",
)


def toy_prompts(count: int = 14, split: str = "train") -> list[PreferencePrompt]:
    """Questions about nothing in particular."""
    made = []
    for number in range(count):
        said = (Message("user", f"What is {number} + {number + 1}?"),)
        made.append(PreferencePrompt(prompt_id(said), said, split=split))
    return made


def letters(
    prompts: Sequence[PreferencePrompt], answers: Sequence[Sequence[DrawnAnswer]]
) -> np.ndarray:
    """A proxy: letters "e" of an answer."""
    return np.array([[float(a.text.count("e")) for a in group] for group in answers])


def truth(
    prompts: Sequence[PreferencePrompt], answers: Sequence[Sequence[DrawnAnswer]]
) -> np.ndarray:
    """What the proxy stands for: as many letters "e", but short."""
    return np.array(
        [[a.text.count("e") - 0.1 * len(a.text) for a in group] for group in answers]
    )


def optimise(
    chat: tuple[Transformer, Tokenizer], scratch: Path, reward: Any = letters, **given: Any
) -> rlhf.Optimised:
    """`rlhf.optimise` with a config that is changed by name."""
    model, tokenizer = chat
    names = {field.name for field in dataclasses.fields(RlhfConfig)}
    changes = {name: given.pop(name) for name in list(given) if name in names}
    scratch.mkdir(parents=True, exist_ok=True)
    return rlhf.optimise(
        model,
        tokenizer,
        rlhf.reference_of(model),
        toy_prompts(),
        reward,
        dataclasses.replace(CONFIG, **changes),
        scratch=scratch,
        **{"gold": truth, "measured_prompts": toy_prompts(20, "validation"), **given},
    )
