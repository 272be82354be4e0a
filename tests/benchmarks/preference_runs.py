"""The runs of `make bench-preferences`: which there are, and what one of them is and leaves.

A run is a function of its fields and of the sizes: it makes what it needs (the seed's reference and
its answers, pairs, a reward model) or reads it, optimises, and measures the policy on fresh answers
of its own. What it found is a JSON file; a run whose file is there isn't made again.
"""

import dataclasses
import json
import math
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.config import to_dict
from pipeline.model import Transformer
from pipeline.preferences import divergences, guarantee, optimise
from pipeline.preferences.compared_pairs import ComparedPair
from pipeline.preferences.config import RlhfConfig
from pipeline.preferences.guarantee import ProxyFit
from pipeline.preferences.proxy_reward import ProxyReward
from pipeline.training.config import OptimizerConfig
from storage.errors import UserError
from tests.benchmarks import preference_world
from tests.benchmarks.preference_reference import (
    FLAWS,
    KL_STRENGTHS,
    Reference,
    Sizes,
    compared_pairs,
    reference_of,
    reward_model,
    write_json,
)
from tests.benchmarks.preference_world import RuleReward

OTHER_STRENGTHS = (2.0,)  # of kl_k2 and kl_k3
PAIR_BETAS = {"dpo": (0.1,), "ipo": (0.1,), "kto": (0.1,)}  # TRL's default
LEARNED = (("none", 0.0), ("kl_k1", 2.0), ("chi2_exact", 0.0))


@dataclasses.dataclass(frozen=True)
class PreferenceRun:
    """One optimisation."""

    flaw: str
    seed: int
    method: str = "policy_gradient"
    regularizer: str = "none"
    # KL's coefficient in standard deviations of gold a nat, or beta of a pair objective; 0: the
    # computed lambda of chi2, and nothing of none
    strength: float = 0.0
    learned: bool = False  # the proxy is a reward model, not the rule

    @property
    def optimiser(self) -> str:
        """The name in tables."""
        name = self.regularizer if self.method == "policy_gradient" else self.method
        return f"{name}:{self.strength:g}" if self.strength else name

    @property
    def name(self) -> str:
        """Of its file."""
        proxy = "learned" if self.learned else "rule"
        return f"{self.flaw}-{proxy}-{self.optimiser.replace(':', '_')}-{self.seed}"


def every_run(seeds: int) -> Iterator[PreferenceRun]:
    """All runs, seed by seed, those that the finding hangs on first."""
    for seed in range(seeds):
        for flaw in reversed(FLAWS):
            for name in ("none", "chi2_exact", "maxmin", "chi2_published"):
                yield PreferenceRun(flaw, seed, regularizer=name)
            for strength in KL_STRENGTHS:
                yield PreferenceRun(flaw, seed, regularizer="kl_k1", strength=strength)
            for name in ("kl_k2", "kl_k3"):
                for strength in OTHER_STRENGTHS:
                    yield PreferenceRun(flaw, seed, regularizer=name, strength=strength)
            for method, betas in PAIR_BETAS.items():
                for beta in betas:
                    yield PreferenceRun(flaw, seed, method, strength=beta)
            yield PreferenceRun(flaw, seed, "best_of_n")
    for seed in range(seeds):
        for name, strength in LEARNED:
            yield PreferenceRun("phrase", seed, regularizer=name, strength=strength, learned=True)


def config_of(run: PreferenceRun, deviation: float, coefficient: float, sizes: Sizes) -> RlhfConfig:
    """Settings; steps, answers, rates and clipping are the same for all optimisers."""
    by_pairs = run.method in PAIR_BETAS
    answers = len(preference_world.THINGS) * sizes.answers_per_prompt
    return RlhfConfig(
        method=run.method,
        regularizer=run.regularizer,
        coefficient=run.strength * deviation if run.strength and not by_pairs else coefficient,
        beta=run.strength if by_pairs else 0.1,
        steps=sizes.steps,
        prompts_per_step=len(preference_world.THINGS),
        answers_per_prompt=sizes.answers_per_prompt,
        pairs_per_step=answers // 2,
        reference_prompts=len(preference_world.THINGS),
        max_new_tokens=preference_world.MOST_TOKENS,
        measure_every=max(1, sizes.steps // 10),
        rehearsal_rows=0,
        optimizer=OptimizerConfig(embedding_lr=0.1),
        rate_factor=sizes.rate_factor,
        warmup_steps=5,
        warmdown_fraction=0.5,
        final_fraction=0.1,
        max_grad_norm=sizes.max_grad_norm,
        micro_rows=answers,
        # The gradient's norm may jump where one answer is e^10 times as likely as it was: that is
        # chi2's variance, which is to be seen, and no reason to go back.
        spike_deviations=0.0,
        precision="float32",
        threads=1,
        device="cpu",
        checkpoint_seconds=60.0,
        seed=run.seed,
    )


def result_of(run: PreferenceRun, work: Path, sizes: Sizes) -> dict[str, Any]:
    """What a run found: read where it is known, else made."""
    file = work / "runs" / f"{run.name}.json"
    settings = to_dict(sizes)
    if file.exists():
        found: dict[str, Any] = json.loads(file.read_text())
        if found["sizes"] == json.loads(json.dumps(settings)):
            return found
    started = time.process_time()
    given = reference_of(run.seed, work, sizes)
    try:
        end = optimised(run, given, work, sizes)
    except (UserError, FloatingPointError) as error:
        end = {"failed": str(error)}  # that training diverges is a finding as well
    made = {
        **dataclasses.asdict(run),
        "sizes": settings,
        **end,
        "seconds": time.process_time() - started,  # of one core
    }
    write_json(file, made)
    return made


def optimised(run: PreferenceRun, given: Reference, work: Path, sizes: Sizes) -> dict[str, Any]:
    """Optimise and measure; gains are in standard deviations of gold under the reference."""
    own = given.world
    rule, gold = given.rewards(run.flaw)
    proxy: ProxyReward = rule
    if run.learned:
        proxy, _ = reward_model(given, run.flaw, sizes.pairs, run.seed, work, sizes)
        given = given.beginning(sizes.scored_answers)
    seen = np.asarray(proxy(own.prompts, given.answers))
    truth = gold(own.prompts, given.answers)
    fit = guarantee.fit_within_prompts(seen, truth)
    # A learned reward has a unit of its own: KL's strengths are in that of its deviation.
    unit = fit.proxy_deviation if run.learned else given.deviation
    pairs = []
    if run.method in PAIR_BETAS:
        noise = sizes.rater_noise * given.deviation
        asked = preference_world.asked_tokens(own)
        pairs = [
            ComparedPair(asked[place], chosen, rejected)
            for place, chosen, rejected in compared_pairs(
                given, run.flaw, sizes.pairs, noise, run.seed
            )
        ]
    scratch = work / "scratch" / run.name
    policy = optimise.reference_of(own.model).requires_grad_(True)
    found = optimise.optimise(
        policy,
        own.tokenizer,
        own.model,
        own.prompts,
        proxy,
        config_of(run, unit, 0.0, sizes),
        scratch=scratch,
        gold=gold,
        pairs=pairs,
        start=given.sample(seen, truth),
    )
    shutil.rmtree(scratch, ignore_errors=True)
    rows: list[dict[str, Any]] = optimise.step_rows(found.rollouts)
    path = [
        {
            "step": row["step"],
            "gold": (row["gold"] - fit.gold_mean) / given.deviation,
            "proxy": (row["proxy"] - fit.proxy_mean) / fit.proxy_deviation,
            "kl": row["kl"],
            "chi2": row["chi2"],
            "chi2_exact": row["chi2_exact"],
        }
        for row in rows
    ]
    return {
        "deviation": given.deviation,
        "fit": dataclasses.asdict(fit),
        "coefficient": fit.coefficient if fit.correlation > 0 else math.nan,
        "path": path,
        "end": measured(policy, given, proxy, gold, fit, sizes),
    }


def measured(
    policy: Transformer,
    given: Reference,
    proxy: ProxyReward,
    gold: RuleReward,
    fit: ProxyFit,
    sizes: Sizes,
) -> dict[str, float]:
    """A policy on fresh answers to all prompts, beside what was guaranteed of it."""
    own = given.world
    answers = preference_world.drawn(policy, own, sizes.final_answers, seed=1_000_000)
    log_ratios = np.array(
        [[sum(answer.logprobs) for answer in group] for group in answers]
    ) - preference_world.log_probabilities(own.model, own, answers)
    seen, truth = float(proxy(own.prompts, answers).mean()), gold(own.prompts, answers)
    apart = divergences.estimate(log_ratios)
    least = guarantee.guaranteed_gain(fit, seen, apart.chi2_exact)
    texts = [answer.text for group in answers for answer in group]
    return {
        "gold": (float(truth.mean()) - fit.gold_mean) / given.deviation,
        "gold_error": float(truth.mean(axis=1).std(ddof=1) / len(truth) ** 0.5 / given.deviation),
        "proxy": (seen - fit.proxy_mean) / fit.proxy_deviation,
        "kl": apart.kl_k1,
        "chi2": apart.chi2_exact,
        "chi2_trimmed": apart.chi2_trimmed,
        "clipped": float(apart.clipped),
        "effective_answers": apart.effective_answers,
        "theorem": math.nan if least is None else least.theorem / given.deviation,
        "tight": math.nan if least is None else least.tight / given.deviation,
        "phrase": float(
            np.mean([preference_world.PHRASE.lower()[:-1] in t.lower() for t in texts])
        ),
        "words": float(np.mean([len(text.split()) for text in texts])),
    }
