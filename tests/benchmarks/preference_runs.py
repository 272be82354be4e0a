"""The runs of `make bench-preferences`: which there are, and what one of them is and leaves.

A run is a function of its fields and of the sizes: it makes what it needs (the seed's reference and
its answers, pairs, a reward model) or reads it, optimises, and measures the policy on fresh answers
of its own. What it found is a JSON file; a run whose file is there isn't made again.
"""

import dataclasses
import functools
import json
import math
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pipeline.preferences.compared_pairs import ComparedPair
from pipeline.preferences.config import RlhfConfig
from pipeline.preferences.policy_sample import PolicySample

from pipeline.config import to_dict
from pipeline.model import Transformer
from pipeline.preferences import divergences, frontiers, guarantee, rlhf
from pipeline.preferences.frontiers import ReferenceAnswers
from pipeline.preferences.guarantee import ProxyFit
from pipeline.preferences.preference_pairs import TokenPair
from pipeline.preferences.proxy_reward import ModelReward, ProxyReward
from pipeline.preferences.reward_config import RewardModelConfig
from pipeline.preferences.reward_model import load_reward_model
from pipeline.preferences.reward_run import RewardRun, train_once
from pipeline.preferences.simulated_raters import SimulatedRater, compare
from pipeline.rl.rollouts import DrawnAnswer
from pipeline.stage import SILENT
from pipeline.training.config import OptimizerConfig
from storage.durable import written_by_name
from tests.benchmarks import preference_world
from tests.benchmarks.preference_world import RuleReward, World

FLAWS = ("length", "phrase")
# Of KL, in standard deviations of gold (under the reference) a nat: powers of two around what the
# frontiers call best, 2 to 3 with the rare flaw and 0.4 with the light one.
KL_STRENGTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
FORWARD_STRENGTHS = (1.0, 2.0)  # of kl_k2 and kl_k3: the middle ones
PAIR_BETAS = {"dpo": (0.1, 1.0), "ipo": (0.1,), "kto": (0.1,)}  # TRL's default; 1: KL's at 1
LEARNED = (("none", 0.0), ("kl_k1", 1.0), ("kl_k1", 2.0), ("chi2_exact", 0.0))


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much of everything."""

    steps: int = 100
    answers_per_prompt: int = 12  # of a step; each step asks all prompts
    reference_answers: int = 2_000  # a prompt, for r, s, lambda and the frontiers
    final_answers: int = 256  # a prompt, of the trained policy
    pairs: int = 5_000  # that raters compare
    reward_model_pairs: tuple[int, ...] = (50, 100, 200, 500, 1_000, 2_000, 5_000)
    validation_pairs: int = 2_000
    examples: int = preference_world.EXAMPLES
    reference_steps: int = 1_500
    rate_factor: float = 0.2
    max_grad_norm: float = 0.01
    rater_noise: float = 0.5  # standard deviations of gold


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
                for strength in FORWARD_STRENGTHS:
                    yield PreferenceRun(flaw, seed, regularizer=name, strength=strength)
            for method, betas in PAIR_BETAS.items():
                for beta in betas:
                    yield PreferenceRun(flaw, seed, method, strength=beta)
            yield PreferenceRun(flaw, seed, "best_of_n")
    for seed in range(seeds):
        for name, strength in LEARNED:
            yield PreferenceRun("phrase", seed, regularizer=name, strength=strength, learned=True)


@dataclasses.dataclass(frozen=True)
class Reference:
    """A seed's reference policy, its answers and their rewards in points."""

    world: World
    answers: list[list[DrawnAnswer]]  # of the reference
    deviation: float  # of gold without the phrase: the unit of flaws and of all tables

    def rewards(self, flaw: str) -> tuple[RuleReward, RuleReward]:
        """Proxy and gold."""
        return RuleReward(flaw, False, self.deviation), RuleReward(flaw, True, self.deviation)

    def sample(self, proxy: np.ndarray, gold: np.ndarray) -> PolicySample:
        """The answers as `optimise` measures the reference by."""
        own = self.world
        flat = np.zeros_like(proxy)
        lengths = np.array([[float(a.length) for a in group] for group in self.answers])
        return PolicySample(
            prompts=own.prompts,
            asked=preference_world.asked_tokens(own),
            answers=self.answers,
            first=0,
            proxy=proxy,
            gold=gold,
            log_ratios=flat,
            lengths=lengths,
            logprobs=flat,
            stopped=np.array([[float(a.stopped) for a in group] for group in self.answers]),
        )


@functools.lru_cache(maxsize=1)
def reference_of(seed: int, work: Path, sizes: Sizes) -> Reference:
    """The reference of a seed, trained once; each process draws its answers, in ten seconds."""
    folder = work / f"reference-{seed}"
    own = preference_world.world(seed, folder, sizes.examples, sizes.reference_steps)
    answers = preference_world.drawn(own.model, own, sizes.reference_answers, seed=seed)
    return Reference(own, answers, preference_world.true_deviation(own, answers))


def frontiers_of(seed: int, work: Path, sizes: Sizes) -> dict[str, Any]:
    """What the best policies have by each flaw: gains in standard deviations of gold."""
    file = work / "frontiers" / f"{seed}.json"
    settings = json.loads(json.dumps(to_dict(sizes)))
    if file.exists():
        found: dict[str, Any] = json.loads(file.read_text())
        if found["sizes"] == settings:
            return found
    given = reference_of(seed, work, sizes)
    made: dict[str, Any] = {"seed": seed, "sizes": settings}
    for flaw in FLAWS:
        proxy, gold = (own(given.world.prompts, given.answers) for own in given.rewards(flaw))
        answers = ReferenceAnswers(proxy, gold)
        fit = guarantee.fit(proxy, gold)
        unit = given.deviation
        pressures = np.geomspace(0.1, 20, 40) * unit
        phrase = [preference_world.has_phrase(a.text) for group in given.answers for a in group]
        points = {
            "kl": frontiers.kl_frontier(answers, pressures),
            "chi2": frontiers.chi2_frontier(answers, np.geomspace(0.02, 20, 40) * unit),
            "best_of_n": frontiers.best_of_n_frontier(answers, [2**k for k in range(10)]),
            "kl at": frontiers.kl_frontier(answers, [s * unit for s in KL_STRENGTHS]),
            "chi2_exact": [frontiers.chi2_optimum(answers, fit.coefficient)],
            "maxmin": [frontiers.maxmin_optimum(answers, fit.correlation)],
        }
        made[flaw] = {
            "fit": dataclasses.asdict(fit),
            "coefficient": fit.coefficient,
            "deviation": unit,
            "phrase": float(np.mean(phrase)),
            "frontiers": {
                name: [
                    {
                        "pressure": one.pressure / (1 if name == "best_of_n" else unit),
                        "gold": (one.gold - fit.gold_mean) / unit,
                        "proxy": (one.proxy - fit.proxy_mean) / fit.proxy_deviation,
                        "kl": one.kl,
                        "chi2": one.chi2,
                    }
                    for one in own
                ]
                for name, own in points.items()
            },
        }
    _write(file, made)
    return made


def compared_pairs(
    given: Reference, flaw: str, count: int, noise: float, seed: int
) -> list[tuple[int, list[int], list[int]]]:
    """Pairs of the reference's answers that raters with a flaw have decided.

    Args:
        given: the reference.
        flaw: of the raters.
        count: of pairs: two answers each of which nobody else has, to all prompts in turn.
        noise: of raters, in points.
        seed: of their judgements.

    Returns:
        The prompt's number, the chosen and the rejected answer's tokens.
    """
    seen, _ = given.rewards(flaw)
    rater = SimulatedRater("bench", noise=noise, tie_margin=0.0)
    prompts = given.world.prompts
    found = []
    for number in range(count):
        place, turn = number % len(prompts), number // len(prompts)
        a, b = given.answers[place][2 * turn : 2 * turn + 2]
        rewards = [seen.of(prompts[place], one.text, one.stopped) for one in (a, b)]
        rng = random.Random(f"bench preferences {seed} {number}")
        won = compare(rewards[0], rewards[1], rater, rng) == "a"
        chosen, rejected = (a, b) if won else (b, a)
        found.append((place, chosen.tokens, rejected.tokens))
    return found


def token_pairs(given: Reference, pairs: list[tuple[int, list[int], list[int]]]) -> list[TokenPair]:
    """The same as a reward model reads them."""
    asked = preference_world.asked_tokens(given.world)
    ids = [prompt.id for prompt in given.world.prompts]
    return [
        TokenPair(f"{number}", ids[place], asked[place] + chosen, asked[place] + rejected, False)
        for number, (place, chosen, rejected) in enumerate(pairs)
    ]


def reward_model(
    given: Reference, flaw: str, count: int, seed: int, work: Path, sizes: Sizes
) -> tuple[ModelReward, float]:
    """A reward model of so many pairs, and its accuracy on others to the same prompts.

    Args:
        given: the reference, whose weights it starts from.
        flaw: of the raters.
        count: of pairs.
        seed: of the reference.
        work: where it is kept.
        sizes: of everything.
    """
    noise = sizes.rater_noise * given.deviation
    every = token_pairs(
        given, compared_pairs(given, flaw, count + sizes.validation_pairs, noise, seed)
    )
    # Validation is the same for all counts: the last pairs of the longest list begin here.
    most = max(sizes.reward_model_pairs) + sizes.validation_pairs
    held_back = token_pairs(given, compared_pairs(given, flaw, most, noise, seed))
    validation = held_back[-sizes.validation_pairs :]
    config = RewardModelConfig(precision="float32", threads=1, rate_factor=0.1, min_steps=60)
    run = RewardRun(config, seed, count)
    place = work / "reward-models" / f"{flaw}-{count}-{seed}"
    folder = train_once(given.world.model, given.world.tokenizer, every[:count], run, place, SILENT)
    model, _ = load_reward_model(folder)
    chosen = model.score([pair.chosen for pair in validation]).numpy()
    rejected = model.score([pair.rejected for pair in validation]).numpy()
    right = float((chosen > rejected).mean() + 0.5 * (chosen == rejected).mean())
    return ModelReward([model], given.world.tokenizer), right


def accuracy_of(flaw: str, count: int, seed: int, work: Path, sizes: Sizes) -> dict[str, Any]:
    """A reward model by its number of pairs."""
    given = reference_of(seed, work, sizes)
    _, right = reward_model(given, flaw, count, seed, work, sizes)
    return {"flaw": flaw, "pairs": count, "seed": seed, "accuracy": right}


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
    started = time.perf_counter()
    given = reference_of(run.seed, work, sizes)
    made = {
        **dataclasses.asdict(run),
        "sizes": settings,
        **optimised(run, given, work, sizes),
        "seconds": time.perf_counter() - started,
    }
    _write(file, made)
    return made


def _write(file: Path, found: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with written_by_name(file) as part:
        part.write_text(json.dumps(found, indent=1) + "\n")


def optimised(run: PreferenceRun, given: Reference, work: Path, sizes: Sizes) -> dict[str, Any]:
    """Optimise and measure; gains are in standard deviations of gold under the reference."""
    own = given.world
    rule, gold = given.rewards(run.flaw)
    proxy: ProxyReward = rule
    if run.learned:
        proxy, _ = reward_model(given, run.flaw, sizes.pairs, run.seed, work, sizes)
    seen = np.asarray(proxy(own.prompts, given.answers))
    truth = gold(own.prompts, given.answers)
    fit = guarantee.fit(seen, truth)
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
    policy = rlhf.reference_of(own.model).requires_grad_(True)
    found = rlhf.optimise(
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
    path = [
        {
            "step": row["step"],
            "gold": (row["gold"] - fit.gold_mean) / given.deviation,
            "proxy": (row["proxy"] - fit.proxy_mean) / fit.proxy_deviation,
            "kl": row["kl"],
            "chi2": row["chi2"],
            "chi2_exact": row["chi2_exact"],
        }
        for row in rlhf.step_rows(found.rollouts)
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
