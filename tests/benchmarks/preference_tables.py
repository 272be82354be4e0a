"""The tables of docs/preferences.md, from what the runs left.

In: results of runs, frontiers and reward models, as their JSON files hold them. Out: Markdown. All
rewards are gains over the reference in its standard deviations, of gold in gold's and of the proxy
in the proxy's; intervals are 95% of Student's t over seeds.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.preferences.gao_fits import GaoFit, fit_curve
from tests.benchmarks.demo_seeds import interval

Result = Mapping[str, Any]
SMOOTHED = 5  # steps whose batches are one point of a path

TITLES = {
    "none": "no regularizer",
    "kl_k1": "KL, k1 in the reward",
    "kl_k2": "KL, k2 as a loss",
    "kl_k3": "k3 as a loss (the forward KL)",
    "chi2_published": "chi-squared as published",
    "chi2_exact": "chi-squared, exact gradient",
    "maxmin": "max-min (tight bound)",
    "dpo": "DPO",
    "ipo": "IPO",
    "kto": "KTO",
    "best_of_n": "learned best of {answers}",
}
FLAW_TITLES = {
    "phrase": "The rare and heavy flaw (the compliment)",
    "length": "The light flaw (length)",
}


def optimiser_of(result: Result) -> str:
    """As `PreferenceRun.optimiser`."""
    name = result["regularizer"] if result["method"] == "policy_gradient" else result["method"]
    return f"{name}:{result['strength']:g}" if result["strength"] else str(name)


def title_of(optimiser: str, answers: int = 0) -> str:
    """How tables name an optimiser."""
    name, _, strength = optimiser.partition(":")
    title = TITLES[name].format(answers=answers)
    if not strength:
        return title
    return f"{title}, {'b' if name.startswith('kl') else 'beta'} = {strength}"


def grouped(results: Sequence[Result], flaw: str, learned: bool) -> dict[str, list[Result]]:
    """Results by optimiser, in the order of the runs, each by seed; runs that failed have none."""
    found: dict[str, list[Result]] = {}
    for one in results:
        if (one["flaw"], one["learned"]) == (flaw, learned) and "failed" not in one:
            found.setdefault(optimiser_of(one), []).append(one)
    return {name: sorted(own, key=lambda r: r["seed"]) for name, own in found.items()}


def spread(values: Sequence[float], digits: int = 2) -> str:
    """`0.93 [0.88, 0.98]`; of one seed the value alone."""
    mean, low, high = interval(list(values), None)
    if len(values) == 1:
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def smoothed(path: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    """A path's points, each the mean of so many neighbouring steps (of fewer at its end)."""
    width = SMOOTHED if len(path) >= 2 * SMOOTHED else 1
    parts = [path[start : start + width] for start in range(0, len(path), width)]
    return [{key: statistics.fmean(p[key] for p in part) for key in part[0]} for part in parts]


def best_along(result: Result) -> float:
    """Gold at the best point of a path, or at its end."""
    return max([result["end"]["gold"], *(p["gold"] for p in smoothed(result["path"]))])


def final_table(
    groups: Mapping[str, Sequence[Result]], frontiers: Sequence[Result], flaw: str
) -> str:
    """A line an optimiser: what its policy has at the end."""
    lines = [
        "| optimiser | gold at the end | best gold on its way | proxy | sqrt(KL) | sqrt(chi2) |"
        " compliments | words | gold of its exact optimum |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, own in groups.items():
        ends = [one["end"] for one in own]
        cells = [
            spread([end["gold"] for end in ends]),
            spread([best_along(one) for one in own]),
            spread([end["proxy"] for end in ends]),
            f"{statistics.fmean(root(end['kl']) for end in ends):.2f}",
            f"{statistics.fmean(root(end['chi2']) for end in ends):.2f}",
            f"{100 * statistics.fmean(end['phrase'] for end in ends):.1f}%",
            f"{statistics.fmean(end['words'] for end in ends):.1f}",
            optimum(name, frontiers, flaw) if not own[0]["learned"] else "–",
        ]
        answers = own[0]["sizes"]["answers_per_prompt"]
        lines.append(f"| {title_of(name, answers)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def optimum(optimiser: str, frontiers: Sequence[Result], flaw: str) -> str:
    """Gold of the policy that is exactly best for an optimiser's objective; – where unknown."""
    name, _, strength = optimiser.partition(":")
    found = []
    for one in frontiers:
        points = one[flaw]["frontiers"]
        if name in ("kl_k1", "kl_k2"):
            found += [p["gold"] for p in points["kl at"] if p["pressure"] == float(strength)]
        elif name in ("chi2_exact", "maxmin"):
            found += [p["gold"] for p in points[name]]
    return f"{statistics.fmean(found):.2f}" if found else "–"


def fit_table(frontiers: Sequence[Result], flaws: Sequence[str]) -> str:
    """A line a flaw and seed: r, sigma, lambda and what the exact frontiers reach."""
    lines = [
        "| flaw | seed | r | sigma | lambda | compliments of the reference |"
        " best gold of KL's frontier | of chi-squared's | of best-of-n |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for flaw in flaws:
        for one in frontiers:
            own, unit = one[flaw], one[flaw]["deviation"]
            most = [
                max(p["gold"] for p in own["frontiers"][n]) for n in ("kl", "chi2", "best_of_n")
            ]
            lines.append(
                f"| {flaw} | {one['seed']} | {own['fit']['correlation']:.3f} |"
                f" {own['fit']['proxy_deviation'] / unit:.3f} | {own['coefficient'] / unit:.3f} |"
                f" {100 * own['phrase']:.2f}% | {' | '.join(f'{value:.2f}' for value in most)} |"
            )
    return "\n".join(lines)


def guarantee_table(groups: Mapping[str, Sequence[Result]]) -> str:
    """A line an optimiser, a cell a seed: guaranteed (Theorem 5.1, tight bound) and measured."""
    seeds = sorted({one["seed"] for own in groups.values() for one in own})
    lines = [
        f"| optimiser | {' | '.join(f'seed {seed}' for seed in seeds)} |",
        "|---" * (len(seeds) + 1) + "|",
    ]
    for name, own in groups.items():
        by_seed = {one["seed"]: one["end"] for one in own}
        cells = [
            f"{by_seed[s]['theorem']:.2f}, {by_seed[s]['tight']:.2f}; **{by_seed[s]['gold']:.2f}**"
            if s in by_seed
            else "–"
            for s in seeds
        ]
        answers = own[0]["sizes"]["answers_per_prompt"]
        lines.append(f"| {title_of(name, answers)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def gao_fits(
    groups: Mapping[str, Sequence[Result]], frontiers: Sequence[Result], flaw: str
) -> dict[str, list[GaoFit]]:
    """Gao's curves, one a seed: of the exact best-of-n, and of runs without a regularizer."""
    found: dict[str, list[GaoFit]] = {"best_of_n": [], "rl": []}
    for one in frontiers:
        points = one[flaw]["frontiers"]["best_of_n"][1:]
        found["best_of_n"].append(
            fit_curve("best_of_n", [p["kl"] for p in points], [p["gold"] for p in points])
        )
    for one in groups.get("none", ()):
        points = smoothed(one["path"])
        if sum(p["kl"] > 0 for p in points) > 2:
            found["rl"].append(
                fit_curve("rl", [p["kl"] for p in points], [p["gold"] for p in points])
            )
    return found


def gao_table(fits: Mapping[str, Mapping[str, Sequence[GaoFit]]]) -> str:
    """A line a flaw and curve: alpha, beta, where gold peaks, what the curve misses."""
    names = {"best_of_n": "best-of-n, exact", "rl": "policy gradient, no regularizer"}
    lines = [
        "| flaw | curve | alpha | beta | sqrt(KL) of the peak | missed (root mean square) |",
        "|---|---|---|---|---|---|",
    ]
    for flaw, own in fits.items():
        for curve, each in own.items():
            if not each:
                continue
            peaks = [fit.peak for fit in each if math.isfinite(fit.peak)]
            peak = f"{statistics.median(peaks):.2f}" if len(peaks) == len(each) else "none"
            lines.append(
                f"| {flaw} | {names[curve]} | {spread([fit.alpha for fit in each])} |"
                f" {spread([fit.beta for fit in each])} | {peak} |"
                f" {statistics.fmean(fit.residual for fit in each):.2f} |"
            )
    return "\n".join(lines)


def accuracy_table(models: Sequence[Result], flaws: Sequence[str]) -> str:
    """Reward models by their number of pairs."""
    counts = sorted({one["pairs"] for one in models})
    lines = [f"| pairs | {' | '.join(flaws)} |", "|---" * (1 + len(flaws)) + "|"]
    for count in counts:
        cells = []
        for flaw in flaws:
            own = [m["accuracy"] for m in models if (m["pairs"], m["flaw"]) == (count, flaw)]
            cells.append(spread([100 * value for value in own], 1) + "%" if own else "–")
        lines.append(f"| {count:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def root(value: float) -> float:
    """The square root of a divergence, whose estimate may come out below 0."""
    return math.sqrt(max(0.0, value))
