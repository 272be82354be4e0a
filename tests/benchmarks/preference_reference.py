"""A seed's reference policy in `make bench-preferences`, and what is made of its answers.

In: a seed and sizes. Out, each made once and then read from the folder of work: the reference, its
answers, exact frontiers by them, pairs that flawed raters have decided, reward models of these.
"""

import dataclasses
import functools
import json
import random
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.config import to_dict
from pipeline.preferences import frontiers, guarantee
from pipeline.preferences.frontiers import ReferenceAnswers
from pipeline.preferences.policy_sample import PolicySample
from pipeline.preferences.preference_pairs import TokenPair
from pipeline.preferences.proxy_reward import ModelReward
from pipeline.preferences.reward_config import RewardModelConfig
from pipeline.preferences.reward_model import load_reward_model
from pipeline.preferences.reward_run import RewardRun, train_once
from pipeline.preferences.simulated_raters import SimulatedRater, compare
from pipeline.rl.rollouts import DrawnAnswer
from pipeline.stage import SILENT
from storage.durable import written_by_name
from tests.benchmarks import preference_world
from tests.benchmarks.preference_world import RuleReward, World

FLAWS = ("length", "phrase")
# Of KL, in standard deviations of gold (under the reference) a nat: powers of two around what the
# frontiers call best, 2 to 3 with the rare flaw and 0.4 with the light one.
KL_STRENGTHS = (0.5, 1.0, 2.0, 4.0)


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much of everything."""

    steps: int = 80
    answers_per_prompt: int = 12  # of a step; each step asks all prompts
    reference_answers: int = 2_000  # a prompt, for r, s, lambda and the frontiers
    scored_answers: int = 500  # a prompt, of those that a reward model scores for r and lambda
    final_answers: int = 256  # a prompt, of the trained policy
    pairs: int = 5_000  # that raters compare
    reward_model_pairs: tuple[int, ...] = (50, 100, 200, 500, 1_000, 2_000, 5_000)
    validation_pairs: int = 2_000
    examples: int = preference_world.EXAMPLES
    reference_steps: int = 1_500
    rate_factor: float = 0.3
    max_grad_norm: float = 0.01
    rater_noise: float = 0.5  # standard deviations of gold


@dataclasses.dataclass(frozen=True)
class Reference:
    """A seed's reference policy, its answers and their rewards in points."""

    world: World
    answers: list[list[DrawnAnswer]]  # of the reference
    deviation: float  # of gold without the phrase: the unit of flaws and of all tables

    def rewards(self, flaw: str) -> tuple[RuleReward, RuleReward]:
        """Proxy and gold."""
        return RuleReward(flaw, False, self.deviation), RuleReward(flaw, True, self.deviation)

    def beginning(self, count: int) -> "Reference":
        """With so many answers a prompt."""
        return dataclasses.replace(self, answers=[group[:count] for group in self.answers])

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
    """The reference of a seed and its answers, made once."""
    folder = work / f"reference-{seed}"
    own = preference_world.world(seed, folder, sizes.examples, sizes.reference_steps)
    file = work / f"reference-{seed}-{sizes.reference_answers}.parquet"
    answers = preference_world.kept_answers(own, sizes.reference_answers, seed, file)
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
        fit = guarantee.fit_within_prompts(proxy, gold)
        unit = given.deviation
        pressures = (np.geomspace(0.1, 20, 40) * unit).tolist()
        phrase = [preference_world.has_phrase(a.text) for group in given.answers for a in group]
        points = {
            "kl": frontiers.kl_frontier(answers, pressures),
            "chi2": frontiers.chi2_frontier(answers, (np.geomspace(0.02, 20, 40) * unit).tolist()),
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
    write_json(file, made)
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
    # Beginnings of one list, whose end validates all of them.
    most = max(sizes.reward_model_pairs) + sizes.validation_pairs
    every = token_pairs(given, compared_pairs(given, flaw, most, noise, seed))
    validation = every[-sizes.validation_pairs :]
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


def write_json(file: Path, found: Any) -> None:
    """A file that is there whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with written_by_name(file) as part:
        part.write_text(json.dumps(found, indent=1) + "\n")
