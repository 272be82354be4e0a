"""Rollouts: the policy answers each task several times, and each answer gets reward and advantage.

In: an engine, tasks, sampling settings. Out: one `Rollout` an answer, in groups of the same task.
A group whose answers are all worth the same has no gradient.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from pipeline.chat.conversation import STOP, Message, prompt, system, user
from pipeline.curriculum.answer_matching import AnswerType
from pipeline.curriculum.tasks import Task, check
from pipeline.model.engine import Completion, Engine
from pipeline.rl.config import RlConfig
from pipeline.rl.honesty_prompts import HonestyTask
from pipeline.rl.objectives import OBJECTIVES
from pipeline.rl.rewards import reward
from pipeline.rl.rollout_figures import RolloutRow
from pipeline.tokenizer import Tokenizer

LEAST_DEVIATION = 1e-4  # is added to what is divided by, as in TRL's GRPOTrainer


@dataclasses.dataclass(frozen=True)
class DrawnAnswer:
    """A sampled answer before it is judged."""

    tokens: list[int]  # its stop token included if it came
    logprobs: list[float]  # of each token, under the sampling policy; 0 where it wasn't drawn
    stopped: bool
    text: str  # without its stop token
    said: str  # what is judged: the text, or what it says after its calls of tools
    # of each token, whether the policy drew it; a tool's output isn't. Empty: all
    drawn: Sequence[bool] = ()
    calls: int = 0

    @property
    def length(self) -> int:
        """Tokens that the policy drew."""
        return drawn_tokens(self.tokens, self.drawn)


@dataclasses.dataclass(frozen=True)
class Rollout:
    """One sampled answer."""

    task: Task
    group: int  # number of the task within the step, over all processes
    prompt: list[int]
    tokens: list[int]  # as DrawnAnswer's, as are …
    logprobs: list[float]
    text: str
    stopped: bool  # … these three
    reward: float
    advantage: float
    answer_type: AnswerType
    draw: int = 0  # of the task: how often its place had been drawn anew
    masked: bool = False  # not learned from, nor counted in what the loss is divided by
    drawn: Sequence[bool] = ()  # as DrawnAnswer's

    @property
    def length(self) -> int:
        """Tokens that the policy drew."""
        return drawn_tokens(self.tokens, self.drawn)


def drawn_tokens(tokens: Sequence[int], drawn: Sequence[bool]) -> int:
    """How many of an answer's tokens the policy drew."""
    return sum(drawn) if drawn else len(tokens)


def advantages(rewards: np.ndarray, kind: str = "centred") -> np.ndarray:
    """[groups, answers] of each answer, from the rewards of its group.

    A group whose answers are all worth the same has none, exactly.

    Args:
        rewards: [groups, answers]; of `relative` no mean may be negative.
        kind: centred, standardised (by the deviation of a sample, as TRL's) or relative.
    """
    mean = rewards.mean(axis=1, keepdims=True)
    gained: np.ndarray = rewards - mean
    if kind == "standardised":
        gained = gained / (rewards.std(axis=1, ddof=1, keepdims=True) + LEAST_DEVIATION)
    elif kind == "relative":
        gained = np.divide(gained, mean, out=np.zeros_like(gained), where=mean > 0)
    flat = rewards.min(axis=1, keepdims=True) == rewards.max(axis=1, keepdims=True)
    return np.where(flat, 0.0, gained)


def sample(
    engine: Engine,
    tokenizer: Tokenizer,
    tasks: Sequence[Task],
    config: RlConfig,
    seed: int,
    groups: Sequence[int],
    draw: int = 0,
) -> list[Rollout]:
    """Sample `answers_per_prompt` answers to each task and judge them.

    Args:
        engine: of the policy.
        tokenizer: with conversation tokens.
        tasks: what is asked.
        config: how answers are drawn.
        seed: of the draws.
        groups: the number of each task within the step, over all processes.
        draw: how often their places had been drawn anew.

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
    answers = [
        [
            DrawnAnswer(c.tokens, c.logprobs, c.stopped, text := text_of(c, tokenizer), text)
            for c in group
        ]
        for group in completions
    ]
    return judged(tasks, prompts, answers, config, groups, draw)


def judged(
    tasks: Sequence[Task],
    prompts: Sequence[list[int]],
    answers: Sequence[Sequence[DrawnAnswer]],
    config: RlConfig,
    groups: Sequence[int],
    draw: int = 0,
) -> list[Rollout]:
    """Answers with their rewards and advantages, ordered by task.

    Args:
        tasks: that were asked.
        prompts: of each.
        answers: to each, equally many.
        config: what an answer earns.
        groups: see `sample`, as is `draw`.
        draw: how often their places had been drawn anew.
    """
    kinds = [
        [judge(task, answer.said, answer.stopped) for answer in group]
        for task, group in zip(tasks, answers)
    ]
    earned = np.array(
        [
            [
                reward(task, answer.said, kind, answer.stopped, answer.length, config)
                - config.call_cost * answer.calls
                for answer, kind in zip(group, group_kinds)
            ]
            for task, group, group_kinds in zip(tasks, answers, kinds)
        ]
    )  # [tasks, answers]
    gained = advantages(earned, OBJECTIVES[config.objective].advantage)  # [tasks, answers]
    masks = config.overlong == "mask"
    return [
        Rollout(
            task=task,
            group=groups[index],
            prompt=prompts[index],
            tokens=answer.tokens,
            logprobs=answer.logprobs,
            text=answer.text,
            stopped=answer.stopped,
            reward=float(earned[index, number]),
            advantage=float(gained[index, number]),
            answer_type=kinds[index][number],
            draw=draw,
            masked=masks and not answer.stopped,
            drawn=answer.drawn,
        )
        for index, task in enumerate(tasks)
        for number, answer in enumerate(answers[index])
    ]


def messages(task: Task) -> list[Message]:
    """The conversation that asks a task."""
    return [*([system(task.system)] if task.system else []), user(task.prompt)]


def judge(task: Task, reply: str, stopped: bool) -> AnswerType:
    """What a reply is."""
    if isinstance(task, HonestyTask):
        return task.type_of(reply, stopped)
    return "correct" if check(task, reply, stopped) else "wrong"


def text_of(completion: Completion, tokenizer: Tokenizer) -> str:
    """The text of an answer, without the stop token."""
    return tokenizer.decode(completion.tokens[:-1] if completion.stopped else completion.tokens)


def rows(
    step: int, rollouts: Sequence[Rollout], replaced: Sequence[Rollout] = ()
) -> list[RolloutRow]:
    """Rows of the `rollouts` table of a step, in order of groups.

    Args:
        step: its number, from 1.
        rollouts: that are learned from.
        replaced: whose tasks gave way to others.
    """
    every = [(r, False) for r in rollouts] + [(r, True) for r in replaced]
    every.sort(key=lambda of: (of[0].group, of[0].draw))
    return [
        {
            "step": step,
            "task": r.task.kind,
            "level": r.task.level,
            "group": r.group,
            "draw": r.draw,
            "replaced": given_way,
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
        for r, given_way in every
    ]
