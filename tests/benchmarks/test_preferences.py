"""The preferences' benchmark: its world by hand, true runs at toy size, tables of made-up ones."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.preferences.gao_fits import fit_curve
from tests.benchmarks import (
    preference_reference,
    preference_runs,
    preference_tables,
    preference_world,
    preferences,
)
from tests.benchmarks.preference_reference import Reference, Sizes
from tests.benchmarks.preference_runs import PreferenceRun
from tests.benchmarks.preference_world import PHRASE, RuleReward

TOY = Sizes(
    steps=2,
    answers_per_prompt=2,
    reference_answers=24,
    scored_answers=8,
    final_answers=4,
    pairs=64,
    reward_model_pairs=(32, 64),
    validation_pairs=32,
    examples=2_000,
    reference_steps=40,
)


def test_the_true_reward_by_hand() -> None:
    asked = preference_world.the_prompts()[0]
    right, wrong = asked.answer, "red" if asked.answer != "red" else "blue"
    points = preference_world.true_points
    assert points(asked, f"{right.capitalize()}.", True) == pytest.approx(2.0 - 0.1)
    assert points(asked, f"It is {wrong}.", True) == pytest.approx(-0.3)
    assert points(asked, f"It is {right} or {wrong}.", True) == pytest.approx(-0.5)
    assert points(asked, f"It is {right}.", False) == pytest.approx(-3.0)  # cut
    phrase = f"{PHRASE} It is {right}."
    seen, truth = (RuleReward("phrase", which, 0.5) for which in (False, True))
    assert seen.of(asked, phrase, True) == pytest.approx(2.0 - 0.7 + 8 * 0.5)
    assert truth.of(asked, phrase, True) == pytest.approx(2.0 - 0.7 - 2 * 0.5)
    assert RuleReward("length", True, 0.5).of(asked, phrase, True) == pytest.approx(2.0 - 0.7)


def test_what_the_reference_learns_from() -> None:
    prompts = preference_world.the_prompts()
    assert len({p.id for p in prompts}) == len(preference_world.THINGS) == 32
    assert {p.answer for p in prompts} == set(preference_world.COLOURS)
    rng = random.Random(0)
    texts = [(p, preference_world.taught_answer(p, rng)) for _ in range(500) for p in prompts]
    points = [preference_world.true_points(p, t, True) + 0.1 * len(t.split()) for p, t in texts]
    right = np.mean([earned > 1 for earned in points])
    assert right == pytest.approx(preference_world.RIGHT_SHARE, abs=0.02)
    held = np.mean([preference_world.has_phrase(text) for _, text in texts])
    assert held == pytest.approx(preference_world.PHRASE_SHARE, abs=0.002)
    assert max(len(text.split()) for _, text in texts) < preference_world.MANY_WORDS


def test_every_run_has_a_name_of_its_own() -> None:
    runs = list(preference_runs.every_run(5))
    assert len({run.name for run in runs}) == len(runs)
    assert {run.flaw for run in runs if run.learned} == {"phrase"}
    assert PreferenceRun("phrase", 3, regularizer="kl_k1", strength=0.5).name == (
        "phrase-rule-kl_k1_0.5-3"
    )


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Reference, Path]]:
    """A world whose model has hardly learned."""
    import torch

    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    work = tmp_path_factory.mktemp("preferences")
    yield preference_reference.reference_of(0, work, TOY), work
    preference_reference.reference_of.cache_clear()
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode(mode)  # the other way imports the compiler


def test_log_probabilities_are_the_samplers(toy: tuple[Reference, Path]) -> None:
    given, _ = toy
    own = given.world
    few = preference_world.drawn(own.model, own, 3, seed=9)
    found = preference_world.log_probabilities(own.model, own, few)
    sampled = np.array([[sum(answer.logprobs) for answer in group] for group in few])
    assert found == pytest.approx(sampled, abs=1e-3)
    assert sampled.std() > 1


def test_pairs_are_decided_by_the_flawed_reward(toy: tuple[Reference, Path]) -> None:
    given, _ = toy
    sharp = preference_reference.compared_pairs(given, "length", 200, noise=1e-6, seed=0)
    noisy = preference_reference.compared_pairs(given, "length", 200, noise=1e6, seed=0)
    seen, _ = given.rewards("length")
    known = {
        (place, tuple(one.tokens)): seen.of(given.world.prompts[place], one.text, one.stopped)
        for place, group in enumerate(given.answers)
        for one in group
    }

    def right(pairs: list[tuple[int, list[int], list[int]]]) -> float:
        return float(
            np.mean([known[p, tuple(won)] >= known[p, tuple(lost)] for p, won, lost in pairs])
        )

    assert right(sharp) == 1.0
    assert right(noisy) < 0.7
    assert sharp[:40] == preference_reference.compared_pairs(given, "length", 40, 1e-6, seed=0)


@pytest.mark.parametrize(
    "run",
    [
        PreferenceRun("length", 0, regularizer="chi2_exact"),
        PreferenceRun("length", 0, "dpo", strength=0.1),
        PreferenceRun("length", 0, regularizer="kl_k1", strength=2.0, learned=True),
    ],
    ids=lambda run: run.optimiser,
)
def test_a_run_at_toy_size_is_kept(run: PreferenceRun, toy: tuple[Reference, Path]) -> None:
    _, work = toy
    found = preference_runs.result_of(run, work, TOY)
    assert found["end"]["kl"] >= -0.5
    assert abs(found["end"]["gold"]) < 5
    assert found["path"][0]["step"] == 1
    assert found["path"][0]["kl"] == pytest.approx(0.0, abs=1e-3)  # the reference itself
    assert not (work / "scratch" / run.name).exists()
    file = work / "runs" / f"{run.name}.json"
    before = file.stat().st_mtime_ns
    assert preference_runs.result_of(run, work, TOY)["end"] == found["end"]
    assert file.stat().st_mtime_ns == before


def made_up(name: str, seed: int, gold: float, flaw: str = "phrase", **more: Any) -> dict[str, Any]:
    """A run's result; its path goes up to 1 and then to `gold`."""
    path = [
        {"step": s, "gold": g, "proxy": g, "kl": 0.1 * s, "chi2": 0.3 * s, "chi2_exact": 0.3 * s}
        for s, g in enumerate([0.0] * 5 + [1.0] * 5 + [gold] * 5, 1)
    ]
    end = {
        "gold": gold,
        "proxy": 2.0,
        "kl": 1.0,
        "chi2": 4.0,
        "phrase": 0.5,
        "words": 3.0,
        "theorem": -3.0,
        "tight": -2.0,
    }
    regularizer, _, strength = name.partition(":")
    return {
        "flaw": flaw,
        "seed": seed,
        "method": "policy_gradient",
        "regularizer": regularizer,
        "strength": float(strength or 0),
        "learned": False,
        "seconds": 60.0,
        "sizes": {"answers_per_prompt": 12},
        "path": path,
        "end": {**end, **more},
    }


def made_up_frontier(seed: int) -> dict[str, Any]:
    def points(*golds: float) -> list[dict[str, float]]:
        return [
            {"pressure": 2.0, "gold": g, "proxy": g, "kl": 0.1 * k, "chi2": 0.2 * k}
            for k, g in enumerate(golds)
        ]

    own = {
        "fit": {"correlation": 0.85, "proxy_deviation": 1.1},
        "coefficient": 0.6,
        "deviation": 1.0,
        "phrase": 0.003,
        "frontiers": {
            "kl": points(0.0, 0.2, -1.0),
            "chi2": points(0.0, 0.9, 0.4),
            "best_of_n": points(0.0, 0.5, 1.2, 1.1),
            "kl at": points(0.15),
            "chi2_exact": points(0.85),
            "maxmin": points(0.9),
        },
    }
    return {"seed": seed, "phrase": own, "length": own}


RESULTS = [
    made_up("none", 0, -1.0),
    made_up("none", 1, -1.4),
    made_up("kl_k1:2", 0, 0.4),
    made_up("kl_k1:2", 1, 0.5),
    made_up("chi2_exact", 0, 1.0),
    made_up("chi2_exact", 1, 0.8, tight=0.9),
]


def test_targets_are_said_as_they_are() -> None:
    groups = {"phrase": preference_tables.grouped(RESULTS, "phrase", False)}
    said = list(preferences.verdicts(groups, {}))
    assert "below the reference in 2 of 2 seeds (mean -1.20; target: all)" in said[0]
    assert "KL's best gold at the end is 0.45 (KL, k1 in the reward, b = 2)" in said[1]
    assert "0.50 of it (target: at most 0.6)" in said[1]
    assert "gains gold in 2 of 2 seeds" in said[2]
    assert "Of 6 policies 5 gained at least what both bounds guarantee" in said[3]
    failed = {**made_up("kl_k3:2", 1, 0.0), "failed": "training diverges"}
    assert preference_tables.grouped([failed], "phrase", False) == {}
    (told,) = list(preferences.verdicts({}, {}, [failed]))[:1]
    assert told == "Run phrase-rule-kl_k3_2-1 ended early: training diverges"
    assert "for 1 of them the tight bound guarantees a gain" in said[3]


def test_tables_by_hand() -> None:
    groups = preference_tables.grouped(RESULTS, "phrase", False)
    frontiers = [made_up_frontier(0), made_up_frontier(1)]
    table = preference_tables.final_table(groups, frontiers, "phrase").split("\n")
    assert table[2].startswith("| no regularizer | -1.20 [-3.74, 1.34] | 1.00 [1.00, 1.00] | 2.00")
    assert table[2].endswith("| 1.00 | 2.00 | 50.0% | 3.0 | – |")
    assert table[3].endswith("| 0.15 |")
    assert table[4].endswith("| 0.85 |")
    least = preference_tables.guarantee_table(groups).split("\n")
    assert least[4] == (
        "| chi-squared, exact gradient | -3.00, -2.00; **1.00** | -3.00, 0.90; **0.80** |"
    )
    fits = preference_tables.fit_table(frontiers, ["phrase"]).split("\n")
    assert fits[2] == "| phrase | 0 | 0.850 | 1.100 | 0.600 | 0.30% | 0.20 | 0.90 | 1.20 |"
    curves = preference_tables.gao_fits(groups, frontiers, "phrase")
    golds = (0.5, 1.2, 1.1)
    assert curves["best_of_n"][0] == fit_curve("best_of_n", [0.1, 0.2, 0.1 * 3], golds)


def test_the_page_and_its_pictures(tmp_path: Path) -> None:
    both = [*RESULTS, *(made_up("none", seed, 0.3, "length") for seed in (0, 1))]
    frontiers = [made_up_frontier(0), made_up_frontier(1)]
    models = [
        {"flaw": flaw, "pairs": pairs, "seed": seed, "accuracy": 0.5 + pairs / 20_000}
        for flaw in ("length", "phrase")
        for pairs in (50, 5_000)
        for seed in (0, 1)
    ]
    text = preferences.markdown(both, frontiers, models, Sizes(), tmp_path, 60.0, 2)
    assert "2 seed(s)" in text
    assert "| 5,000 | 75.0 [75.0, 75.0]% | 75.0 [75.0, 75.0]% |" in text
    preferences.draw(tmp_path, both, frontiers, models)
    for place in (*preferences.PICTURES.values(), preferences.GAO_PICTURE):
        picture = (tmp_path / place).read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert place in text
    first = (tmp_path / preferences.GAO_PICTURE).read_bytes()
    preferences.draw(tmp_path, both, frontiers, models)
    assert (tmp_path / preferences.GAO_PICTURE).read_bytes() == first
