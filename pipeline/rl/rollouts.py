"""Rollouts: the policy answers each task several times, and each answer gets reward and advantage.

In: an engine, tasks, sampling settings. Out: one `Rollout` an answer, in groups of the same task.
The advantage is reward minus the group's mean, not divided by its deviation (Dr. GRPO): a group
whose answers are all right or all wrong has no gradient.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import numpy as np

from pipeline.chat.conversation import STOP, Message, prompt, system, user
from pipeline.curriculum.answer_matching import AnswerType
from pipeline.curriculum.tasks import Task, check, is_worked
from pipeline.model.engine import Completion, Engine
from pipeline.rl.config import RlConfig
from pipeline.rl.honesty_prompts import KIND, HonestyTask
from pipeline.tokenizer import Tokenizer

LOGGED = ("reward", "length", "entropy", "worked_share", "flat_group_share")
HONESTY_LOGGED = ("right_share", "honesty_reward", "answer_rate")  # where honesty is asked as well


class RolloutRow(TypedDict):
    """A row of storage.schemas.ROLLOUTS."""

    step: int
    task: str
    group: int
    prompt: str
    completion: str
    answer: str
    reward: float
    advantage: float
    length: int  # tokens
    logprob: float  # of all tokens together
    stopped: bool
    answer_type: AnswerType
    target: float | None  # of task honesty


class RolloutSums(TypedDict):
    """Sums over rollouts; those of several processes can be added."""

    answers: float  # how many
    reward: float
    tokens: float
    nats: float  # -log p, over tokens
    worked: float  # answers that show their work
    stopped: float  # answers that ended by themselves
    groups: float
    flat: float  # groups without variance in reward
    solved: float  # groups with a right answer
    honesty: float  # answers to honesty's prompts
    honesty_reward: float  # of those, as are …
    attempted: float  # … those that aren't "I don't know"
    right: float  # right answers to the other prompts


class LoggedFigures(TypedDict):
    """Means that every row of the metrics has."""

    reward: float
    length: float  # tokens of an answer
    entropy: float  # nats a token
    worked_share: float
    flat_group_share: float
    right_share: NotRequired[float]  # of the other tasks, where honesty is asked as well
    honesty_reward: NotRequired[float]
    answer_rate: NotRequired[float]  # of honesty's prompts


class RolloutFigures(LoggedFigures):
    """All means over rollouts."""

    stopped_share: float
    pass_at_k: float  # share of groups with a right answer


@dataclasses.dataclass(frozen=True)
class Rollout:
    """One sampled answer."""

    task: Task
    group: int  # number of the task within the step, over all processes
    prompt: list[int]
    tokens: list[int]  # the answer, its stop token included if it came
    logprobs: list[float]  # of each token, under the sampling policy; 0 where it wasn't drawn
    text: str  # the answer without its stop token
    stopped: bool
    reward: float
    advantage: float
    answer_type: AnswerType
    # of each token, whether the policy drew it; a tool's output isn't. Empty: all
    drawn: Sequence[bool] = ()

    @property
    def length(self) -> int:
        """Tokens that the policy drew."""
        return sum(self.drawn) if self.drawn else len(self.tokens)


def advantages(rewards: np.ndarray) -> np.ndarray:
    """[groups, answers] each reward minus the mean of its group.

    Args:
        rewards: [groups, answers].

    Source: Dr. GRPO (arXiv 2503.20783), which does without GRPO's division by the deviation.
    """
    gained: np.ndarray = rewards - rewards.mean(axis=1, keepdims=True)
    return gained


def sample(
    engine: Engine,
    tokenizer: Tokenizer,
    tasks: Sequence[Task],
    config: RlConfig,
    seed: int,
    first_group: int = 0,
) -> list[Rollout]:
    """Sample `answers_per_prompt` answers to each task and judge them.

    Args:
        engine: of the policy.
        tokenizer: with conversation tokens.
        tasks: what is asked.
        config: how answers are drawn.
        seed: of the draws.
        first_group: the number of the first task within the step, over all processes.

    Returns:
        The answers, ordered by task.
    """
    stop = tokenizer.special(STOP)
    prompts = [prompt(messages(task), tokenizer) for task in tasks]
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
    judged = [
        [judge(task, text, c.stopped) for text, c in zip(group_texts, group)]
        for task, group_texts, group in zip(tasks, texts, completions)
    ]
    rewards = np.array([[reward for _, reward in group] for group in judged])  # [tasks, answers]
    gained = advantages(rewards)  # [tasks, answers]
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
            answer_type=judged[index][number][0],
        )
        for index, task in enumerate(tasks)
        for number, completion in enumerate(completions[index])
    ]


def messages(task: Task) -> list[Message]:
    """The conversation that asks a task."""
    return [*([system(task.system)] if task.system else []), user(task.prompt)]


def judge(task: Task, reply: str, stopped: bool) -> tuple[AnswerType, float]:
    """What a reply is, and its reward: 1 or 0, for honesty what its target says."""
    if isinstance(task, HonestyTask):
        kind = task.type_of(reply, stopped)
        return kind, task.reward(kind)
    right = check(task, reply, stopped)
    return "correct" if right else "wrong", float(right)


def text_of(completion: Completion, tokenizer: Tokenizer) -> str:
    """The text of an answer, without the stop token."""
    return tokenizer.decode(completion.tokens[:-1] if completion.stopped else completion.tokens)


def summarize(rows: Sequence[RolloutRow]) -> RolloutSums:
    """Sums over a step's rollouts and their groups; see `figures`.

    Args:
        rows: of whole groups.
    """
    groups: dict[int, list[float]] = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row["reward"])
    honesty = [row for row in rows if row["task"] == KIND]
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
        "honesty": float(len(honesty)),
        "honesty_reward": sum(row["reward"] for row in honesty),
        "attempted": float(sum(row["answer_type"] != "idk" for row in honesty)),
        "right": sum(row["reward"] for row in rows if row["task"] != KIND),
    }


def figures(sums: RolloutSums) -> RolloutFigures:
    """Means from sums.

    `entropy` is the mean of -log p over sampled tokens: an unbiased estimate of the policy's
    entropy a token, for which no second pass is needed.

    Args:
        sums: of `summarize`, over at least one answer.
    """
    found: RolloutFigures = {
        "reward": sums["reward"] / sums["answers"],
        "length": sums["tokens"] / sums["answers"],
        "entropy": sums["nats"] / sums["tokens"],
        "worked_share": sums["worked"] / sums["answers"],
        "stopped_share": sums["stopped"] / sums["answers"],
        "flat_group_share": sums["flat"] / sums["groups"],
        "pass_at_k": sums["solved"] / sums["groups"],
    }
    if sums["honesty"]:
        found["honesty_reward"] = sums["honesty_reward"] / sums["honesty"]
        found["answer_rate"] = sums["attempted"] / sums["honesty"]
        if others := sums["answers"] - sums["honesty"]:
            found["right_share"] = sums["right"] / others
    return found


def logged(figures: Mapping[str, Any]) -> dict[str, float]:
    """Of a step's figures those that the metrics have; honesty's where there are any."""
    honesty = [name for name in HONESTY_LOGGED if figures.get(name) is not None]
    return {name: figures[name] for name in (*LOGGED, *honesty)}


def rows(step: int, rollouts: Sequence[Rollout]) -> list[RolloutRow]:
    """Rows of the `rollouts` table of a step, numbered from 1."""
    return [
        {
            "step": step,
            "task": r.task.kind,
            "group": r.group,
            "prompt": "\n\n".join(said.content for said in messages(r.task)),
            "completion": r.text,
            "answer": r.task.answer,
            "reward": r.reward,
            "advantage": r.advantage,
            "length": r.length,
            "logprob": sum(r.logprobs),
            "stopped": r.stopped,
            "answer_type": r.answer_type,
            "target": r.task.target if isinstance(r.task, HonestyTask) else None,
        }
        for r in rollouts
    ]
