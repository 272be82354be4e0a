"""One update of RLHF: a step's answers, their slopes, and the terms of its loss.

In: the policy and all that judges it. Out: a `StepLoss` whose gradient is the mean over answers of
minus slope * grad log pi(answer), and rehearsal's. Where the slopes come from is the method:
rewards and log ratios of the policy's own answers, log ratios of given pairs, or which of the
reference's answers is the best. Rows of the policy's answers lie beside the checkpoints before a
step counts. What a step asks is a function of seed and number, its answers of the policy as well,
so that a run that was killed goes on with the same bytes.
"""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.model import Transformer
from pipeline.preferences import (
    pair_objectives,
    policy_sample,
    prompt_batches,
    regularizers,
)
from pipeline.preferences.answer_logprobs import answer_logprobs, merged
from pipeline.preferences.best_of_n import best_slopes
from pipeline.preferences.compared_pairs import ComparedPair, ReferencePairs
from pipeline.preferences.config import RlhfConfig
from pipeline.preferences.divergences import excess
from pipeline.preferences.pair_objectives import PairSlopes
from pipeline.preferences.policy_sample import Asker, PolicySample
from pipeline.preferences.preference_prompts import PreferencePrompt
from pipeline.preferences.regularizers import RegularizerSettings
from pipeline.rl import rehearsal, sampled_batch
from pipeline.rl.kept_answers import KeptAnswer
from pipeline.rl.mismatch import Mismatch
from pipeline.rl.objectives import Objective, RatioBounds, normalizer
from pipeline.rl.policy_gradient import UpdateRule, policy_terms
from pipeline.rl.policy_update import loop_config
from pipeline.rl.rollout_figures import is_flat
from pipeline.sft.conversation_loader import ConversationData
from pipeline.training import distribution
from pipeline.training.step import StepLoss

# Both sum over an answer's tokens, as log pi of the whole does.
DRAWN = Objective("centred", "truncated", "constant")  # by the policy itself
WRITTEN = Objective("centred", "plain", "constant")  # by somebody else


@dataclasses.dataclass(frozen=True)
class Optimisation:
    """A policy under way, and what its updates need."""

    policy: Transformer
    asker: Asker
    prompts: Sequence[PreferencePrompt]  # to draw from, which leave room for an answer
    settings: RegularizerSettings
    pairs: ReferencePairs | None  # of dpo, ipo and kto
    conversations: ConversationData | None
    scratch: Path

    @property
    def config(self) -> RlhfConfig:
        """Of the stage."""
        return self.asker.config

    def step_loss(self, done: int, number: int) -> StepLoss:
        """The loss of an update.

        Args:
            done: steps.
            number: of the batch; after a rollback it runs ahead.
        """
        made = self._of_pairs if self.config.by_pairs else self._of_answers
        loss = made(done, number)
        if not self.conversations:
            return loss
        own = rehearsal.terms(
            self.policy,
            self.conversations,
            number,
            weight=self.config.rehearsal_weight,
            normalizer=loss.normalizer,
            loop=loop_config(self.config),
        )
        return dataclasses.replace(loss, terms=[*loss.terms, *own])

    def measured_steps(self) -> range:
        """After how many steps the policy's answers are sampled and kept."""
        every = 1 if self.config.by_gradient else self.config.measure_every
        return range(0, self.config.steps, every) if every else range(0)

    def _sample(self, number: int, policy_draws: bool = True) -> PolicySample:
        """The answers of a batch, of the policy or of the reference."""
        config = self.config
        asked = prompt_batches.batch_of(self.prompts, config.prompts_per_step, number, config.seed)
        sampler = None if policy_draws else self.asker.reference
        seed = config.seed * 1_000_003 + number  # runs are a million and three apart
        return policy_sample.sample(self.asker, self.policy, asked, seed, sampler)

    def _of_answers(self, done: int, number: int) -> StepLoss:
        """By the policy's own answers, or by the best of the reference's."""
        config = self.config
        found = self._sample(number, policy_draws=config.by_gradient)
        assert found.proxy is not None  # `rlhf.optimise` refuses to go on without a reward
        told: dict[str, float] = {}
        if config.by_gradient:
            given = regularizers.slopes(
                config.regularizer, found.proxy, found.log_ratios, self.settings
            )
            slopes, objective, scale = given.values, DRAWN, self.settings.proxy_deviation
            if given.divergences.answers:
                told["objective"] = float(found.proxy.mean()) - given.penalty
            self._keep(done, found, slopes)
        else:
            slopes, objective, scale = best_slopes(found.proxy), WRITTEN, 1.0
            self._measure(done, number)
        answers = [
            KeptAnswer(
                found.first + row, found.asked[row], answer.tokens, answer.logprobs, float(slope)
            )
            for row, group in enumerate(found.answers)
            for answer, slope in zip(group, slopes[found.first + row])
        ]
        mismatch = Mismatch(config.mismatch_limit)
        watched = mismatch if config.by_gradient else None
        terms = policy_terms(
            self.policy, merged(answers), self._rule(objective), config.micro_rows, watched
        )
        tokens = int(found.lengths.sum())
        count = normalizer("constant", found.proxy.size, tokens, config.max_new_tokens)
        figures = {
            "reward": float(found.proxy.mean()),
            "length": float(found.lengths.mean()),
            "entropy": float(-found.logprobs.sum() / tokens),
            "truncated_share": 1.0 - float(found.stopped.mean()),
            "flat_group_share": float(np.mean([is_flat(group) for group in found.proxy.tolist()])),
        }
        if config.by_gradient:
            told |= found.figures().numbers()
        return StepLoss(
            terms,
            # in the proxy's standard deviations: what rehearsal weighs doesn't hang on their scale
            normalizer=count * scale,
            tokens=tokens,
            figures=figures,
            shown=tuple(name for name in ("proxy", "gold", "kl", "chi2") if name in told)
            or ("reward",),
            told=told,
            learned=lambda: self._apart(mismatch),
        )

    def _of_pairs(self, done: int, number: int) -> StepLoss:
        """By given pairs; each process learns its share of them."""
        config, pairs = self.config, self.pairs
        assert pairs is not None  # `rlhf.optimise` refuses to go on without pairs
        self._measure(done, number)
        drawn = prompt_batches.batch_of(
            range(len(pairs.pairs)), config.pairs_per_step, number, config.seed
        )
        share = len(drawn) // distribution.world()
        mine = drawn[distribution.rank() * share :][:share]
        chosen, rejected = ([pairs.answer(i, which) for i in mine] for which in (True, False))
        logs = self._logs(chosen + rejected) - pairs.logs(mine)
        found, point = self._pair_slopes(logs, [pairs.pairs[i] for i in mine], mine)
        answers = [
            dataclasses.replace(answer, advantage=float(slope))
            for answer, slope in zip(chosen + rejected, [*found.chosen, *found.rejected])
        ]
        margins = logs[:share] - logs[share:]
        sums = [float(sum(a.length for a in answers)), found.losses.sum(), (margins > 0).sum()]
        tokens, losses, right = distribution.sum_numbers([*map(float, sums)], self.policy.device)
        divisor = found.divisor * distribution.world()
        told = {"pair_loss": losses / divisor, "pair_accuracy": right / len(drawn)}
        if config.method == "kto":
            told["reference_point"] = point
        return StepLoss(
            policy_terms(self.policy, answers, self._rule(WRITTEN), config.micro_rows),
            normalizer=float(divisor),
            tokens=int(tokens),
            shown=("pair_loss", "pair_accuracy"),
            told=told,
        )

    def _pair_slopes(
        self, logs: np.ndarray, mine: Sequence[ComparedPair], places: Sequence[int]
    ) -> tuple[PairSlopes, float]:
        """The slopes of this process' pairs, and KTO's reference point."""
        config = self.config
        chosen, rejected = logs[: len(mine)], logs[len(mine) :]
        if config.method == "dpo":
            return pair_objectives.dpo(chosen, rejected, config.beta), 0.0
        if config.method == "ipo":
            lengths = [np.array([len(getattr(p, w)) for p in mine]) for w in ("chosen", "rejected")]
            return pair_objectives.ipo(chosen, rejected, config.beta, *lengths), 0.0
        assert self.pairs is not None
        mismatched = self._logs([self.pairs.mismatched(i) for i in places])
        mismatched = mismatched - self.pairs.mismatched_logs(places)
        sums = [float(mismatched.sum()), float(len(mismatched))]
        total, count = distribution.sum_numbers(sums, self.policy.device)
        point = pair_objectives.reference_point(np.array([total / count]))
        weights = (config.desirable_weight, config.undesirable_weight)
        return pair_objectives.kto(chosen, rejected, config.beta, point, *weights), point

    def _logs(self, answers: Sequence[KeptAnswer]) -> np.ndarray:
        """Log-probabilities under the policy, at temperature 1 of everything."""
        config = self.config
        return answer_logprobs(
            self.policy,
            answers,
            micro_rows=config.micro_rows,
            chunk_tokens=config.loss_chunk_tokens,
        )

    def _rule(self, objective: Objective) -> UpdateRule:
        config = self.config
        temperature, top_k = (1.0, 0) if config.by_pairs else (config.temperature, config.top_k)
        bounds = RatioBounds(config.ratio_limit)
        return UpdateRule(temperature, top_k, bounds, config.loss_chunk_tokens, objective)

    def _measure(self, done: int, number: int) -> None:
        """Keep answers of the policy where the update needs none, every so many steps."""
        if done in self.measured_steps():
            found = self._sample(number)
            self._keep(done, found, np.zeros_like(found.log_ratios))

    def _keep(self, done: int, found: PolicySample, slopes: np.ndarray) -> None:
        sampled_batch.keep(self.scratch, done, rows(done + 1, found, slopes))

    def _apart(self, mismatch: Mismatch) -> dict[str, float]:
        """How far sampler and trainer are apart."""
        found = mismatch.figures(self.policy.device)
        if found is None:
            return {}
        if self.config.mismatch_limit and self.policy.compute_dtype == torch.float32:
            found.check(self.config.mismatch_limit, self.config.top_k)
        return found.logged()


def rows(step: int, found: PolicySample, slopes: np.ndarray) -> list[dict[str, Any]]:
    """Rows of the `rollouts` table: this process' answers.

    Args:
        step: its number, from 1.
        found: the answers.
        slopes: [prompts, answers] of all processes.
    """

    def known(values: np.ndarray | None, place: tuple[int, int]) -> float | None:
        return None if values is None else float(values[place])

    made: list[dict[str, Any]] = []
    for row, (asked, group) in enumerate(zip(found.prompts, found.answers)):
        for number, answer in enumerate(group):
            place = (found.first + row, number)
            log = float(found.log_ratios[place])
            terms = excess(np.array([log, -log])) if math.isfinite(log) else [math.inf]
            proxy = known(found.proxy, place)
            made.append(
                {
                    "step": step,
                    "task": asked.kind,
                    "level": 0,
                    "group": place[0],
                    "draw": 0,
                    "replaced": False,
                    "prompt": "\n\n".join(said.content for said in asked.messages),
                    "completion": answer.text,
                    "answer": asked.answer,
                    "reward": proxy,
                    "advantage": float(slopes[place]),
                    "length": answer.length,
                    "logprob": sum(answer.logprobs),
                    "stopped": answer.stopped,
                    "proxy": proxy,
                    "gold": known(found.gold, place),
                    "kl": log,
                    "chi2": float(sum(terms)),
                }
            )
    return made
