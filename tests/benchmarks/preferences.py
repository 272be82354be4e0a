"""`make bench-preferences`: optimising for a flawed reward, by every optimiser, with truth at hand.

For two flaws and several seeds a small policy is optimised for what flawed raters like; gold is
known, and so are the policies that would be optimal (see preference_world, preference_runs and
docs/preferences.md, whose tables and pictures this writes). Everything made is kept in `--work`, so
that a run which is interrupted goes on; `--only` makes a part, and writes nothing.
"""

import argparse
import dataclasses
import fnmatch
import multiprocessing
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from tests.benchmarks import kinds, preference_pictures, preference_tables
from tests.benchmarks.preference_reference import (
    FLAWS,
    Sizes,
    accuracy_of,
    frontiers_of,
    reference_of,
)
from tests.benchmarks.preference_runs import PreferenceRun, every_run, result_of
from tests.benchmarks.tables import add_option, write_table

TABLE = "preferences-results"
PICTURES = {flaw: f"images/preferences-{flaw}.png" for flaw in FLAWS}
GAO_PICTURE = "images/preferences-gao.png"
ACCURACY_PICTURE = "images/preferences-reward-model.png"
# Of one thread each; sums are split by threads, so that more would change results.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")

Job = tuple[str, Callable[..., Any], tuple[Any, ...]]


def main(arguments: Sequence[str] | None = None) -> str:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("build/preferences"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2, help="processes of one thread each")
    parser.add_argument("--only", metavar="PATTERN", help="runs by name: 'phrase-rule-chi2*-0'")
    parser.add_argument("--steps", type=int, default=Sizes().steps)
    add_option(parser)
    given = parser.parse_args(arguments)
    os.environ.update(ONE_THREAD)
    started = time.perf_counter()
    sizes = Sizes(steps=given.steps)
    runs = [
        run
        for run in every_run(given.seeds)
        if not given.only or fnmatch.fnmatchcase(run.name, given.only)
    ]
    if not runs:
        raise SystemExit(f"no run is called {given.only}")
    found = made(runs, given.work, sizes, given.jobs, models=not given.only)
    seconds = time.perf_counter() - started
    text = markdown(*found, sizes, given.work, seconds, given.jobs)
    sys.stdout.write(text + "\n")
    if given.write and not given.only:
        draw(given.write.parent, *found)
        write_table(given.write, TABLE, text)
    return text


def made(
    runs: Sequence[PreferenceRun], work: Path, sizes: Sizes, jobs: int, *, models: bool
) -> tuple[list[Any], list[Any], list[Any]]:
    """Results of runs, frontiers of their seeds, and reward models if they are asked for."""
    seeds = sorted({run.seed for run in runs})
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=end_with_parent) as pool:
        # One after another: what a later one reads, an earlier one has made.
        finished(pool, [(f"reference {s}", trained, (s, work, sizes)) for s in seeds])
        frontiers = finished(
            pool, [(f"frontiers {s}", frontiers_of, (s, work, sizes)) for s in seeds]
        )
        accuracies: list[Any] = []
        if models or any(run.learned for run in runs):
            accuracies = finished(
                pool,
                [
                    (
                        f"reward model {seed} {flaw} {count}",
                        accuracy_of,
                        (flaw, count, seed, work, sizes),
                    )
                    for seed in seeds
                    for flaw in FLAWS
                    for count in sizes.reward_model_pairs
                ],
            )
        results = finished(pool, [(run.name, result_of, (run, work, sizes)) for run in runs])
    return results, frontiers, accuracies


def end_with_parent() -> None:
    """In a process of the pool: end when the parent does, however that came.

    What runs on would write where the next call's processes do.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def trained(seed: int, work: Path, sizes: Sizes) -> None:
    """Make a seed's reference."""
    reference_of(seed, work, sizes)


def finished(pool: ProcessPoolExecutor, jobs: Sequence[Job]) -> list[Any]:
    """What jobs gave, in their order; says how many are left, and for how long."""
    started = time.perf_counter()
    futures = {pool.submit(job[1], *job[2]): job[0] for job in jobs}
    for count, future in enumerate(as_completed(futures), 1):
        if future.exception() is not None:  # of a mistake in the code: it ends everything
            pool.shutdown(wait=False, cancel_futures=True)
            future.result()
        each = (time.perf_counter() - started) / count
        left = each * (len(jobs) - count) / 60
        sys.stderr.write(f"{count}/{len(jobs)} {futures[future]}, {left:.0f} minutes left\n")
        sys.stderr.flush()
    return [future.result() for future in futures]


def markdown(
    results: Sequence[Any],
    frontiers: Sequence[Any],
    models: Sequence[Any],
    sizes: Sizes,
    work: Path,
    seconds: float,
    jobs: int,
) -> str:
    """The results' part of the page."""
    shown = [flaw for flaw in reversed(FLAWS) if any(r["flaw"] == flaw for r in results)]
    groups = {flaw: preference_tables.grouped(results, flaw, False) for flaw in shown}
    learned = preference_tables.grouped(results, "phrase", True)
    fits = {f: preference_tables.gao_fits(groups[f], frontiers, f) for f in shown}
    failed = [one for one in results if "failed" in one]
    parts = [note(results, frontiers, sizes, seconds, jobs)]
    parts += ["### Targets", "\n".join(f"- {line}" for line in verdicts(groups, learned, failed))]
    for flaw in shown:
        if groups[flaw]:
            parts += [
                f"### {preference_tables.FLAW_TITLES[flaw]}",
                f"![Rewards against distance]({PICTURES[flaw]})",
                preference_tables.final_table(groups[flaw], frontiers, flaw),
                "Run by run the gain in gold: guaranteed by Theorem 5.1, by the tight bound;"
                " **measured**.",
                preference_tables.guarantee_table(groups[flaw]),
            ]
    if learned:
        parts += [
            "### A learned proxy",
            f"In the rule's place a reward model of {sizes.pairs:,} comparisons by raters with the"
            " rare flaw; b is in the standard deviations of its scores.",
            preference_tables.final_table(learned, frontiers, "phrase"),
            preference_tables.guarantee_table(learned),
        ]
    if models:
        parts += [
            "### Reward models by pairs",
            f"Accuracy on {sizes.validation_pairs:,} other pairs of the same noisy raters:",
            preference_tables.accuracy_table(models, shown),
            f"![Accuracy by pairs]({ACCURACY_PICTURE})",
        ]
    parts += [
        "### r, sigma, lambda and the exact frontiers",
        "Sigma and lambda in standard deviations of gold.",
        preference_tables.fit_table(frontiers, shown),
        "### Gao's curves",
        "R = d (alpha - beta d) of best-of-n, R = d (alpha - beta ln d) of the policy gradient,"
        " d = sqrt(KL), fitted seed by seed.",
        preference_tables.gao_table(fits),
        f"![Gold with Gao's curves]({GAO_PICTURE})",
    ]
    return "\n\n".join(parts)


def note(
    results: Sequence[Any], frontiers: Sequence[Any], sizes: Sizes, seconds: float, jobs: int
) -> str:
    """How all of it was made."""
    seeds = len({one["seed"] for one in results})
    work = sum(one["seconds"] for one in results) / 60
    prompts = 32
    return (
        f"{seeds} seed(s), each with a reference of its own; means with 95% intervals of Student's"
        f" t over seeds. Every optimiser: {sizes.steps} steps of {prompts} prompts x"
        f" {sizes.answers_per_prompt} answers (pairs: as many answers), pretraining's rates x"
        f" {sizes.rate_factor:g} (warm-up of 5 steps, half of them warm-down), gradients clipped at"
        f" {sizes.max_grad_norm:g}. End: {sizes.final_answers * prompts:,} fresh answers."
        f" Rewards are gains over the reference, gold's in standard deviations of gold, the proxy's"
        f" in its own; b of KL is in gold's. {len(results)} runs, {work:.0f} minutes of one core;"
        f" the last call took {seconds / 60:.0f} minutes in {jobs} processes."
        f" {kinds.note(kinds.kinds()[:1])}"
    )


def verdicts(
    groups: Mapping[str, Mapping[str, Sequence[Any]]],
    learned: Mapping[str, Sequence[Any]],
    failed: Sequence[Mapping[str, Any]] = (),
) -> Iterator[str]:
    """What was aimed at, and whether it came out so."""
    own = groups.get("phrase", {})
    if "none" in own:
        ends = [one["end"]["gold"] for one in own["none"]]
        below = sum(gold < 0 for gold in ends)
        yield (
            f"Rare flaw, no regularizer: gold ends below the reference in {below} of {len(ends)}"
            f" seeds (mean {statistics.fmean(ends):.2f}; target: all)."
        )
    for flaw, title, target in (("phrase", "Rare", "at most 0.6"), ("length", "Light", "about 1")):
        best = (
            best_of(groups.get(flaw, {}), ("kl_k1", "kl_k2")),
            best_of(groups.get(flaw, {}), ("chi2_exact", "maxmin", "chi2_published")),
        )
        if all(best):
            (kl_name, kl), (chi_name, chi) = (one for one in best if one)
            ratio = f"{kl / chi:.2f}" if chi > 0 else "no ratio"
            yield (
                f"{title} flaw: KL's best gold at the end is {kl:.2f}"
                f" ({preference_tables.title_of(kl_name)}), chi-squared's {chi:.2f}"
                f" ({preference_tables.title_of(chi_name)}): {ratio} of it (target: {target})."
            )
    if "chi2_exact" in own:
        ends = [one["end"]["gold"] for one in own["chi2_exact"]]
        yield (
            f"Rare flaw, chi-squared at the computed lambda gains gold in"
            f" {sum(gold > 0 for gold in ends)} of {len(ends)} seeds (target: all)."
        )
    for one in failed:
        fields = {field.name: one[field.name] for field in dataclasses.fields(PreferenceRun)}
        yield f"Run {PreferenceRun(**fields).name} ended early: {one['failed']}"
    every = [one for part in (*groups.values(), learned) for own in part.values() for one in own]
    held = sum(
        one["end"]["gold"] >= max(one["end"]["theorem"], one["end"]["tight"]) for one in every
    )
    promised = [one for one in every if one["end"]["tight"] > 0]
    yield (
        f"Of {len(every)} policies {held} gained at least what both bounds guarantee (target: all);"
        f" for {len(promised)} of them the tight bound guarantees a gain."
    )


def best_of(groups: Mapping[str, Sequence[Any]], names: Sequence[str]) -> tuple[str, float] | None:
    """The optimiser of these whose gold at the end is highest on the mean, and that mean."""
    means = {
        optimiser: statistics.fmean(one["end"]["gold"] for one in own)
        for optimiser, own in groups.items()
        if optimiser.partition(":")[0] in names
    }
    return max(means.items(), key=lambda item: item[1]) if means else None


def draw(folder: Path, results: Sequence[Any], frontiers: Sequence[Any], models: Any) -> None:
    """The pictures, beside the page."""
    groups = {flaw: preference_tables.grouped(results, flaw, False) for flaw in FLAWS}
    fits = {f: preference_tables.gao_fits(groups[f], frontiers, f) for f in reversed(FLAWS)}
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for flaw, place in PICTURES.items():
        title = preference_tables.FLAW_TITLES[flaw]
        picture = preference_pictures.frontier_picture(groups[flaw], frontiers, flaw, title)
        (folder / place).write_bytes(picture)
    (folder / GAO_PICTURE).write_bytes(preference_pictures.gao_picture(groups, frontiers, fits))
    if models:
        (folder / ACCURACY_PICTURE).write_bytes(preference_pictures.accuracy_picture(models, FLAWS))


if __name__ == "__main__":
    main()
