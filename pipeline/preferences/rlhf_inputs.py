"""What the stage rlhf reads: prompts and pairs of its input folders, and the true reward as a rule.

In: folders of `preferences` and `labels` artifacts. Out: prompts by split, comparisons by split.
A prompt that validates in one folder is trained on in none.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.chat.conversation import from_row
from pipeline.preferences.compared_pairs import ComparedPair
from pipeline.preferences.preference_pairs import TokenPair, read_pairs
from pipeline.preferences.preference_prompts import (
    FILE,
    PreferencePrompt,
    prompt_id,
    read_prompts,
)
from pipeline.preferences.proxy_reward import ProxyReward
from pipeline.preferences.reward_config import RewardModelConfig
from pipeline.preferences.taste import Taste, gold_reward, qualities
from pipeline.rl.rollouts import DrawnAnswer
from pipeline.tokenizer import Tokenizer
from storage.tables import read_table


class GivenPrompts(NamedTuple):
    """Prompts by split, each once."""

    train: list[PreferencePrompt]
    validation: list[PreferencePrompt]


def given_prompts(folders: Sequence[Path]) -> GivenPrompts:
    """The prompts of all folders; of one that has comparisons alone, what they compare answers to.

    Args:
        folders: of `preferences` or `labels` artifacts.
    """
    validation = _once(folders, "validation")
    known = {prompt.id for prompt in validation}
    train = [prompt for prompt in _once(folders, "train") if prompt.id not in known]
    return GivenPrompts(train, validation)


class GivenPairs(NamedTuple):
    """Comparisons that somebody has won, by split."""

    train: list[ComparedPair]
    validation: list[TokenPair]


def given_pairs(folders: Sequence[Path], tokenizer: Tokenizer, context: int) -> GivenPairs:
    """The comparisons of all folders, ties left out.

    Args:
        folders: of `preferences` or `labels` artifacts.
        tokenizer: of the policy.
        context: tokens that it reads at once.

    Raises:
        UserError: a folder has no comparisons, or one of them is broken.
    """
    found = read_pairs(folders, tokenizer, context, RewardModelConfig(ties="drop"))
    train = [
        ComparedPair(
            pair.chosen[: pair.prompt_tokens],
            pair.chosen[pair.prompt_tokens :],
            pair.rejected[pair.prompt_tokens :],
        )
        for pair in found.train
    ]
    return GivenPairs(train, found.validation)


def taste_reward(taste: Taste) -> ProxyReward:
    """The true reward of the simulated raters, as a rule."""

    def rewards(
        prompts: Sequence[PreferencePrompt], answers: Sequence[Sequence[DrawnAnswer]]
    ) -> np.ndarray:  # [prompts, answers]
        kept: dict[tuple[str, str, bool], float] = {}  # a policy says the same again and again

        def reward(asked: PreferencePrompt, answer: DrawnAnswer) -> float:
            key = (asked.id, answer.text, answer.stopped)
            if key not in kept:
                kept[key] = gold_reward(qualities(asked, answer.text, answer.stopped), taste)
            return kept[key]

        return np.array(
            [[reward(asked, answer) for answer in group] for asked, group in zip(prompts, answers)]
        )

    return rewards


def _once(folders: Sequence[Path], split: str) -> list[PreferencePrompt]:
    found: dict[str, PreferencePrompt] = {}
    for folder in folders:
        if (folder / FILE).exists():
            prompts = read_prompts(folder, split)
        else:
            prompts = _compared(folder, split)
        for prompt in prompts:
            found.setdefault(prompt.id, prompt)
    return list(found.values())


def _compared(folder: Path, split: str) -> list[PreferencePrompt]:
    """What a folder's comparisons compare answers to; nothing is known of the right answer."""
    rows = read_table(folder / "preferences.parquet", ["prompt", "tools", "split"]).to_pylist()
    talks = [
        from_row({"messages": row["prompt"], "tools": row["tools"]})
        for row in rows
        if row["split"] == split
    ]
    return [
        PreferencePrompt(
            prompt_id(talk.messages, talk.tools), talk.messages, split=split, tools=talk.tools
        )
        for talk in talks
    ]
