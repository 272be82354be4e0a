"""Which prompts a step asks, and which of them leave room for an answer.

In: prompts, or whatever is drawn from, and the number of a batch. Out: that batch's, a function of
seed and number alone: the same for every number of processes, and after a kill.
"""

import functools
import random
from collections.abc import Sequence
from typing import TypeVar

from pipeline.chat.conversation import prompt
from pipeline.preferences.preference_prompts import PreferencePrompt
from pipeline.stage import Progress
from pipeline.tokenizer import Tokenizer
from pipeline.training import distribution
from storage.errors import UserError

Thing = TypeVar("Thing")


def fitting(
    prompts: Sequence[PreferencePrompt],
    tokenizer: Tokenizer,
    context: int,
    max_new_tokens: int,
    progress: Progress,
) -> list[PreferencePrompt]:
    """Prompts that leave room for an answer; how many don't is said.

    Args:
        prompts: in any order.
        tokenizer: with conversation tokens.
        context: of the shorter of policy and reference.
        max_new_tokens: of an answer.
        progress: is told.

    Raises:
        UserError: none is left.
    """
    kept = [
        each
        for each in prompts
        if len(prompt(each.conversation, tokenizer)) + max_new_tokens <= context
    ]
    if prompts and not kept:
        raise UserError(
            f"none of {len(prompts):,} prompts leaves room for rlhf.max_new_tokens="
            f"{max_new_tokens} in the model's context of {context}: make it less"
        )
    if len(kept) < len(prompts):
        progress.note(
            f"rlhf: {len(prompts) - len(kept):,} of {len(prompts):,} prompts are left out: with"
            f" an answer of {max_new_tokens} tokens they exceed the context of {context}"
        )
    return kept


def batch_of(things: Sequence[Thing], count: int, number: int, seed: int) -> list[Thing]:
    """The things of a batch: all of them once in each epoch, in an order of its own.

    Args:
        things: prompts or pairs, one at least.
        count: of a batch.
        number: of the batch, from 0.
        seed: of the orders.
    """
    found: list[Thing] = []
    for place in range(number * count, (number + 1) * count):
        epoch, index = divmod(place, len(things))
        found.append(things[_order(len(things), epoch, seed)[index]])
    return found


def spread(prompts: Sequence[PreferencePrompt], count: int, seed: int) -> list[PreferencePrompt]:
    """So many prompts, or all, drawn without replacement: for a measurement.

    Their number is a multiple of the processes.
    """
    most = min(count, len(prompts))
    most = max(most - most % distribution.world(), distribution.world())
    return batch_of(prompts, most, 0, seed)


@functools.lru_cache(maxsize=4)
def _order(count: int, epoch: int, seed: int) -> list[int]:
    order = list(range(count))
    random.Random(f"{seed}:rlhf:{epoch}").shuffle(order)
    return order
