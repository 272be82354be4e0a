"""Answers of a policy to prompts, with what they are worth and how far they are from the reference.

In: policy and reference, prompts, the reward that is optimised and, where it is known, the true
one. Out: a `PolicySample`: everything that slopes, bounds and tables are made of. With several
processes each samples its share of the prompts, and the numbers of all are put together.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import torch

from pipeline.chat.conversation import STOP, prompt
from pipeline.model import Transformer
from pipeline.model.engine import Engine
from pipeline.preferences import divergences
from pipeline.preferences.answer_logprobs import log_ratios
from pipeline.preferences.config import RlhfConfig
from pipeline.preferences.preference_prompts import PreferencePrompt
from pipeline.preferences.proxy_reward import ProxyReward
from pipeline.rl.kept_answers import KeptAnswer
from pipeline.rl.rollouts import DrawnAnswer, text_of
from pipeline.tokenizer import Tokenizer
from pipeline.training import distribution
from storage.errors import UserError


@dataclasses.dataclass(frozen=True)
class Asker:
    """What samples and judges: all but the policy, which changes."""

    reference: Transformer
    tokenizer: Tokenizer
    config: RlhfConfig
    reward: ProxyReward | None  # what is optimised
    gold: ProxyReward | None  # the true reward, where it is known


@dataclasses.dataclass(frozen=True)
class PolicySample:
    """Answers, equally many to each prompt; arrays are [prompts, answers] of all processes."""

    prompts: list[PreferencePrompt]  # of this process, as the next two
    asked: list[list[int]]  # their token ids
    answers: list[list[DrawnAnswer]]
    first: int  # the place of this process' first prompt among all
    proxy: np.ndarray | None
    gold: np.ndarray | None
    log_ratios: np.ndarray  # nats
    lengths: np.ndarray  # tokens
    logprobs: np.ndarray  # nats, of the sampler
    stopped: np.ndarray  # 0 or 1

    @property
    def own(self) -> slice:
        """The rows of the arrays that are this process' prompts."""
        return slice(self.first, self.first + len(self.prompts))

    def figures(self) -> "SampleFigures":
        """Means over all answers."""
        return _figures(
            self.log_ratios, self.lengths, self.logprobs, self.stopped, self.proxy, self.gold
        )


@dataclasses.dataclass(frozen=True)
class SampleFigures:
    """Columns of storage.schemas.RLHF_STEPS."""

    answers: int  # that the divergences are means over
    left_out: int
    proxy: float | None
    gold: float | None
    kl: float
    kl_k2: float
    kl_k3: float
    chi2: float
    chi2_exact: float
    chi2_trimmed: float
    clipped: int
    inverse_clipped: int
    effective_answers: float
    length: float
    entropy: float
    stopped_share: float

    def numbers(self) -> dict[str, float]:
        """Those that are known."""
        return {name: value for name, value in self.columns().items() if value is not None}

    def columns(self) -> dict[str, float | None]:
        """All of them; what is a mean over no answers is None."""
        unknown = {name for name, value in vars(self).items() if value != value}
        return {name: None if name in unknown else v for name, v in vars(self).items()}


def figures_of(rollouts: pa.Table) -> SampleFigures:
    """The figures of rows of the `rollouts` table, of one step."""
    columns = {
        name: np.array(rollouts[name].to_pylist(), dtype=np.float64)
        for name in ("kl", "length", "logprob", "stopped")
    }
    judged = [
        None
        if rollouts[name].null_count
        else np.array(rollouts[name].to_pylist(), dtype=np.float64)
        for name in ("proxy", "gold")
    ]
    return _figures(*columns.values(), *judged)


def _figures(
    log_ratios: np.ndarray,
    lengths: np.ndarray,
    logprobs: np.ndarray,
    stopped: np.ndarray,
    proxy: np.ndarray | None,
    gold: np.ndarray | None,
) -> SampleFigures:
    found = divergences.estimate(log_ratios)
    return SampleFigures(
        answers=found.answers,
        left_out=found.left_out,
        proxy=_mean(proxy),
        gold=_mean(gold),
        kl=found.kl_k1,
        kl_k2=found.kl_k2,
        kl_k3=found.kl_k3,
        chi2=found.chi2_published,
        chi2_exact=found.chi2_exact,
        chi2_trimmed=found.chi2_trimmed,
        clipped=found.clipped,
        inverse_clipped=found.inverse_clipped,
        effective_answers=found.effective_answers,
        length=float(lengths.mean()),
        entropy=float(-logprobs.sum() / lengths.sum()),
        stopped_share=float(stopped.mean()),
    )


def sample(
    asker: Asker,
    policy: Transformer,
    prompts: Sequence[PreferencePrompt],
    seed: int,
    sampler: Transformer | None = None,
    answers_per_prompt: int = 0,
) -> PolicySample:
    """Sample answers to each prompt and judge them.

    Args:
        asker: who asks.
        policy: whose log ratios are asked for.
        prompts: of all processes, a multiple of their number.
        seed: of the draws.
        sampler: who answers; None: the policy.
        answers_per_prompt: 0: as many as the config says.

    Raises:
        UserError: a reward is no finite number.
    """
    config, tokenizer = asker.config, asker.tokenizer
    count = answers_per_prompt or config.answers_per_prompt
    share = len(prompts) // distribution.world()
    first = distribution.rank() * share
    mine = list(prompts[first : first + share])
    asked = [prompt(each.conversation, tokenizer) for each in mine]
    completions = Engine(sampler or policy).generate(
        asked,
        samples=count,
        max_new_tokens=config.max_new_tokens,
        temperature=config.temperature,
        top_k=config.top_k,
        stop_tokens=(tokenizer.special(STOP),),
        seed=seed,
    )
    answers = [
        [
            DrawnAnswer(c.tokens, c.logprobs, c.stopped, text := text_of(c, tokenizer), text)
            for c in group
        ]
        for group in completions
    ]
    rows = [
        KeptAnswer(first + place, asked[place], answer.tokens, answer.logprobs, 0.0)
        for place, group in enumerate(answers)
        for answer in group
    ]
    ratios = np.zeros(len(rows))  # of the reference to itself
    if policy is not asker.reference:
        ratios = log_ratios(
            policy,
            asker.reference,
            rows,
            temperature=config.temperature,
            top_k=config.top_k,
            micro_rows=config.micro_rows,
            chunk_tokens=config.loss_chunk_tokens,
        )
    columns: dict[str, np.ndarray] = {
        "log_ratios": ratios.reshape(share, count),
        "lengths": np.array([[float(a.length) for a in group] for group in answers]),
        "logprobs": np.array([[sum(a.logprobs) for a in group] for group in answers]),
        "stopped": np.array([[float(a.stopped) for a in group] for group in answers]),
    }
    for name, judge in (("proxy", asker.reward), ("gold", asker.gold)):
        if judge is not None:
            columns[name] = _finite(judge(mine, answers), mine, name)
    every = {
        name: _of_all(values, first, len(prompts), policy.device)
        for name, values in columns.items()
    }
    return PolicySample(
        prompts=mine,
        asked=asked,
        answers=answers,
        first=first,
        proxy=every.get("proxy"),
        gold=every.get("gold"),
        log_ratios=every["log_ratios"],
        lengths=every["lengths"],
        logprobs=every["logprobs"],
        stopped=every["stopped"],
    )


def _finite(rewards: np.ndarray, prompts: Sequence[PreferencePrompt], name: str) -> np.ndarray:
    found = np.asarray(rewards, dtype=np.float64)
    wrong = ~np.isfinite(found)
    if wrong.any():
        row = int(wrong.any(axis=1).argmax())
        raise UserError(
            f"rlhf: the {name} reward of an answer to prompt {prompts[row].id} is"
            f" {found[row][wrong[row]][0]}: look at the reward model"
        )
    return found


def _of_all(
    values: np.ndarray,  # [own prompts, answers]
    first: int,
    prompts: int,
    device: torch.device,
) -> np.ndarray:  # [prompts, answers]
    """The arrays of all processes as one."""
    if distribution.world() == 1:
        return values
    every = np.zeros((prompts, values.shape[1]))
    every[first : first + len(values)] = values
    summed = distribution.sum_numbers(every.ravel().tolist(), device)
    return np.array(summed).reshape(every.shape)


def _mean(values: np.ndarray | None) -> float | None:
    return None if values is None else float(values.mean())
