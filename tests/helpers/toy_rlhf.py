"""A tiny policy optimised by a rule: letters "e" of an answer; what is truly liked is another."""

import dataclasses
import json
import os
import sys
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
from pipeline.stage import SILENT
from pipeline.tokenizer import Tokenizer
from pipeline.training import distribution
from storage.tables import read_table

CONFIG = RlhfConfig(
    steps=6,
    prompts_per_step=6,
    answers_per_prompt=4,
    max_new_tokens=12,
    reference_prompts=12,
    reference_answers=6,
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
    return np.array([[a.text.count("e") - 0.1 * len(a.text) for a in group] for group in answers])


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


def build(chat: Path, preferred: Path, out: Path, **changes: Any) -> Any:
    """A run of the stage on a folder with `preferences` and a `reward` model."""
    scratch = out.with_name(f"{out.name}.scratch")
    for folder in (out, scratch):
        folder.mkdir(parents=True, exist_ok=True)
    inputs = {
        "model": [chat],
        "preferences": [preferred / "preferences"],
        "reward_model": [preferred / "reward"],
    }
    config = dataclasses.replace(CONFIG, true_reward="unknown", **changes)
    return rlhf.STAGE.build(out, inputs, config, SILENT, scratch)


if __name__ == "__main__":  # as a process of torchrun
    chat, preferred, out = map(Path, sys.argv[1:])
    said = {}
    for method in ("policy_gradient", "kto"):
        found = build(
            chat, preferred, out / method, method=method, steps=2, measure_every=1, micro_rows=6
        )
        if found:
            steps = read_table(out / method / "rlhf_steps.parquet").to_pylist()
            said[method] = found | {"kl": steps[1]["kl"], "chi2": steps[1]["chi2"]}
    if said:
        print(json.dumps(said))
    distribution.close()
    # as pipeline.worker.child ends: gloo's threads, torn down at a usual exit, abort now and then
    sys.stdout.flush()
    os._exit(0)
