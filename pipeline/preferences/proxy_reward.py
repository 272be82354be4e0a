"""What a policy is optimised for: a number for each answer, by one or several reward models.

In: prompts and sampled answers to each. Out: their rewards, [prompts, answers] float64. A rule (a
known true reward, with a planted flaw or without) is a proxy reward as well: any function of this
form is.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from pipeline.chat.conversation import STOP, Conversation, prompt
from pipeline.preferences.preference_prompts import PreferencePrompt
from pipeline.preferences.reward_model import RewardModel, load_reward_model
from pipeline.rl.rollouts import DrawnAnswer
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError

MEMBER = "member-"  # folders of an ensemble's further members, beside the first one's files


class ProxyReward(Protocol):
    """Rewards of sampled answers."""

    def __call__(
        self, prompts: Sequence[PreferencePrompt], answers: Sequence[Sequence[DrawnAnswer]]
    ) -> np.ndarray:  # [prompts, answers] float64
        """The reward of each answer; of an order that only answers to one prompt share.

        Args:
            prompts: that were asked.
            answers: to each, equally many.
        """


class ModelReward:
    """The score of a reward model, or of several: their mean less so many standard deviations.

    An answer that was cut is read as though it had stopped there: no model has learned from others.

    Args:
        models: one at least; several of the same tokenizer.
        tokenizer: theirs, and the policy's.
        deviations: of the models' scores of an answer, taken off their mean: where they disagree an
            answer is worth less (Coste et al. 2023, arXiv 2310.02743); 0: the mean alone.
    """

    def __init__(
        self, models: Sequence[RewardModel], tokenizer: Tokenizer, deviations: float = 0.0
    ) -> None:
        self.models = list(models)
        self.tokenizer = tokenizer
        self.deviations = deviations

    def __call__(
        self, prompts: Sequence[PreferencePrompt], answers: Sequence[Sequence[DrawnAnswer]]
    ) -> np.ndarray:  # [prompts, answers] float64
        """See `ProxyReward`.

        Raises:
            UserError: a score is no finite number, or the models can't read an answer; it names the
                prompt.
        """
        read = [
            self._tokens(asked, answer)
            for asked, group in zip(prompts, answers)
            for answer in group
        ]
        found = self.combined(read)
        rewards: np.ndarray = found.reshape(len(prompts), len(read) // max(1, len(prompts)))
        if not np.isfinite(rewards).all():
            row, column = np.argwhere(~np.isfinite(rewards))[0].tolist()
            raise UserError(
                f"the reward model gives {rewards[row, column]} for answer {column + 1} to prompt"
                f" {prompts[row].id}: it is broken, train it anew"
            )
        return rewards

    def combined(self, conversations: Sequence[Sequence[int]]) -> np.ndarray:
        """[conversations] float64, the models' scores as one, unchecked.

        Args:
            conversations: as `RewardModel.score` takes them.
        """
        scores = self.scores(conversations)  # [models, conversations]
        found: np.ndarray = scores.mean(axis=0) - self.deviations * scores.std(axis=0)
        return found

    def scores(self, conversations: Sequence[Sequence[int]]) -> np.ndarray:
        """[models, conversations] float64, of each model, unchecked.

        Args:
            conversations: as `RewardModel.score` takes them.
        """
        return np.array([model.score(conversations).double().numpy() for model in self.models])

    def _tokens(self, asked: PreferencePrompt, answer: DrawnAnswer) -> list[int]:
        """The ids of a prompt and an answer, which ends with its stop token."""
        before = prompt(Conversation(asked.messages, asked.tools), self.tokenizer)
        room = min(model.config.max_context for model in self.models) - len(before)
        tokens = list(answer.tokens)
        if not answer.stopped:  # of a full context the last token gives way
            tokens = [*tokens[: max(0, room - 1)], self.tokenizer.special(STOP)]
        if len(tokens) > room:
            raise UserError(
                f"prompt {asked.id}: {len(before)} tokens and an answer of {len(tokens)} exceed the"
                f" reward model's context of {room + len(before)}: ask for shorter answers"
            )
        return before + tokens


def load_model_reward(
    folders: Sequence[Path],
    tokenizer: Tokenizer,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    deviations: float = 0.0,
) -> ModelReward:
    """The reward models of some artifacts, with all members of their ensembles, as one reward.

    Args:
        folders: of `reward_model` artifacts, one at least.
        tokenizer: the policy's.
        device: of the models.
        dtype: of their products.
        deviations: see `ModelReward`.

    Raises:
        UserError: a folder holds no reward model, or one of another tokenizer than the policy's.
    """
    if not math.isfinite(deviations) or deviations < 0:
        raise UserError(f"{deviations} deviations can't be taken off a mean: give 0 or more")
    models = []
    for folder in folders:
        for member in member_folders(folder):
            model, its = load_reward_model(member, device, dtype)
            if (its.token_bytes, its.special_tokens) != (
                tokenizer.token_bytes,
                tokenizer.special_tokens,
            ):
                raise UserError(
                    f"{member}: the reward model's tokenizer is another than the policy's, so it"
                    " can't read its answers: train the reward model from the policy's own family"
                )
            models.append(model)
    if not models:
        raise UserError("no reward model is given: name the artifact that reward_model made")
    return ModelReward(models, tokenizer, deviations)


def member_folders(folder: Path) -> list[Path]:
    """The folders of an artifact's reward models: its own, then its ensemble's further ones."""
    return [folder, *sorted(folder.glob(f"{MEMBER}*"), key=lambda f: int(f.name[len(MEMBER) :]))]
