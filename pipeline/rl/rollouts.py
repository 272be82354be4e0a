"""Rollouts: the policy answers each task several times, and each answer gets reward and advantage.

In: an engine, tasks, sampling settings. Out: one `Rollout` an answer, in groups of the same task.
The advantage is reward minus the group's mean, not divided by its deviation (Dr. GRPO): a group
whose answers are all right or all wrong teaches nothing.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.chat.conversation import STOP, prompt, user
from pipeline.curriculum.tasks import Task, check, is_worked
from pipeline.model.engine import Completion, Engine
from pipeline.rl.config import RlConfig
from pipeline.tokenizer import Tokenizer


@dataclasses.dataclass(frozen=True)
class Rollout:
    """One sampled answer."""

    task: Task
    group: int  # number of the task within the step, over all processes
    prompt: list[int]
    tokens: list[int]  # the answer, its stop token included if it came
    logprobs: list[float]  # of each token, under the sampling policy
    text: str  # the answer without its stop token
    stopped: bool
    reward: float
    advantage: float


def advantages(rewards: np.ndarray) -> np.ndarray:
    """(groups, answers) rewards to advantages: reward minus the mean of its group."""
    return rewards - rewards.mean(axis=1, keepdims=True)


def sample(
    engine: Engine,
    tokenizer: Tokenizer,
    tasks: Sequence[Task],
    config: RlConfig,
    seed: int,
    first_group: int = 0,
) -> list[Rollout]:
    """`answers_per_prompt` answers to each task, judged; ordered by task."""
    stop = tokenizer.special(STOP)
    prompts = [prompt([user(task.prompt)], tokenizer) for task in tasks]
    completions = engine.generate(
        prompts,
        samples=config.answers_per_prompt,
        max_new_tokens=config.max_new_tokens,
        temperature=config.temperature,
        top_k=config.top_k,
        stop_tokens=(stop,),
        seed=seed,
    )
    texts = [[text_of(c, tokenizer) for c in group] for group in completions]
    rewards = np.array(
        [
            [float(check(task, text, c.stopped)) for text, c in zip(group_texts, group)]
            for task, group_texts, group in zip(tasks, texts, completions)
        ]
    )
    gained = advantages(rewards)
    return [
        Rollout(
            task=task,
            group=first_group + index,
            prompt=prompts[index],
            tokens=completion.tokens,
            logprobs=completion.logprobs,
            text=texts[index][number],
            stopped=completion.stopped,
            reward=float(rewards[index, number]),
            advantage=float(gained[index, number]),
        )
        for index, task in enumerate(tasks)
        for number, completion in enumerate(completions[index])
    ]


def text_of(completion: Completion, tokenizer: Tokenizer) -> str:
    """What was said, without the stop token."""
    return tokenizer.decode(completion.tokens[:-1] if completion.stopped else completion.tokens)


def summarize(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Sums over a step's rows of the `rollouts` table and its groups; see `figures`.

    Sums, so that processes can add theirs up.
    """
    groups: dict[int, list[float]] = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row["reward"])
    return {
        "answers": float(len(rows)),
        "reward": sum(row["reward"] for row in rows),
        "tokens": float(sum(row["length"] for row in rows)),
        "nats": -sum(row["logprob"] for row in rows),
        "worked": float(sum(is_worked(row["completion"]) for row in rows)),
        "stopped": float(sum(row["stopped"] for row in rows)),
        "groups": float(len(groups)),
        "flat": float(sum(min(rewards) == max(rewards) for rewards in groups.values())),
        "solved": float(sum(max(rewards) > 0 for rewards in groups.values())),
    }


def figures(sums: dict[str, float]) -> dict[str, float]:
    """Means from the sums of `summarize`.

    `entropy` is the mean of -log p over sampled tokens: an unbiased estimate of the policy's
    entropy a token, for which no second pass is needed.
    """
    return {
        "reward": sums["reward"] / sums["answers"],
        "length": sums["tokens"] / sums["answers"],
        "entropy": sums["nats"] / sums["tokens"],
        "worked_share": sums["worked"] / sums["answers"],
        "stopped_share": sums["stopped"] / sums["answers"],
        "flat_group_share": sums["flat"] / sums["groups"],
        "pass_at_k": sums["solved"] / sums["groups"],
    }


def rows(step: int, rollouts: Sequence[Rollout]) -> list[dict[str, Any]]:
    """Rows of the `rollouts` table."""
    return [
        {
            "step": step,
            "task": r.task.kind,
            "group": r.group,
            "prompt": r.task.prompt,
            "completion": r.text,
            "answer": r.task.answer,
            "reward": r.reward,
            "advantage": r.advantage,
            "length": len(r.tokens),
            "logprob": sum(r.logprobs),
            "stopped": r.stopped,
        }
        for r in rollouts
    ]
