"""What is done over all parts, group of parts by group: a task each, then a small one over groups.

A run that is killed goes on with the group it was at; on a cluster the groups are spread. Which
parts make a group follows from their order and `input.group_files` alone, so neither the number of
workers nor their speed changes a byte.
"""

import dataclasses
from collections.abc import Callable, Sequence

from flows.runner.flow_run import Run
from flows.runner.references import Reference
from flows.runner.side_by_side import results, several_at_a_time, submit
from flows.runner.work import Input, Work
from pipeline.cores import cores as cores_here
from pipeline.corpus import assemble, assemble_group, held_out_hosts, select


@dataclasses.dataclass(frozen=True)
class Selection:
    """The pages that the filters keep: the whole, and its groups."""

    whole: Reference
    groups: list[Reference]


def in_groups(run: Run, parts: Sequence[Reference]) -> list[list[Reference]]:
    """The parts, so many at a time; one group without any where there are none."""
    size = run.config.input.group_files
    return [list(parts[first : first + size]) for first in range(0, max(1, len(parts)), size)]


def for_each(run: Run, groups: int, work: Callable[[int], Work]) -> list[Reference]:
    """What a task makes for each group, by number."""
    given = run.config.input
    cores = share(given.runner, groups, given.workers, cores_here())
    with several_at_a_time(run) as runner:
        made = [
            submit(dataclasses.replace(work(number), cores=cores), runner)
            for number in range(groups)
        ]
        return results(run, made)


def share(runner: str, groups: int, workers: int, cores: int) -> int:
    """Of a machine's cores, those that a task may take beside the others; 0: all."""
    if runner == "ray":
        return 1  # that is what Ray counts for it
    others = min(groups, workers or cores)
    return max(1, cores // others) if others > 1 else 0


def select_pages(run: Run, parts: list[Reference], scores: list[Reference]) -> Selection:
    """Thresholds on the signals of all pages; before them, if asked for, the best ones' score."""
    config = run.config.select
    groups = in_groups(run, parts)
    judges = in_groups(run, scores) if scores else [[] for _ in groups]
    best: dict[str, list[Input]] = {}

    def judged(number: int) -> dict[str, list[Input]]:
        given: dict[str, list[Input]] = {"parts": [*groups[number]]}
        return {**given, "scores": [*judges[number]]} if judges[number] else given

    def title(what: str, number: int) -> str:
        return f"{what} {number + 1}/{len(groups)}"

    def counted(number: int) -> Work:
        return run.work(select.SCORES, config, title("best scores", number), **judged(number))

    def selected(number: int) -> Work:
        given = {**judged(number), **best}
        return run.work(select.GROUP, config, title("selection", number), **given)

    if select.asks_for_best(config):
        select.check(config, len(parts), len(scores))
        found = for_each(run, len(groups), counted)
        best = {"best": [run.make(select.BEST_STAGE, config, "the best scores", groups=found)]}
    made = for_each(run, len(groups), selected)
    name = f"selection from {len(parts)} parts"
    return Selection(run.make(select.STAGE, config, name, groups=made), made)


def join_parts(
    run: Run,
    parts: list[Reference],
    selection: Selection,
    copies: Reference,
    benchmarks: dict[str, list[Input]],
) -> Reference:
    """The corpus: hosts held out over all, texts cleaned group by group, figures added up."""
    config = run.config.corpus
    groups = in_groups(run, parts)

    def inputs(number: int) -> dict[str, list[Input]]:
        chosen = selection.groups[number]
        return {"parts": [*groups[number]], "selection": [chosen], "duplicates": [copies]}

    def hosts_of(number: int) -> Work:
        chosen = held_out_hosts.HostsConfig(number, config.split)
        return run.work(
            held_out_hosts.GROUP, chosen, f"hosts {number + 1}/{len(groups)}", **inputs(number)
        )

    def joined(number: int) -> Work:
        return run.work(
            assemble_group.STAGE,
            assemble_group.GroupConfig(number, config),
            f"corpus group {number + 1}/{len(groups)}",
            **inputs(number),
            split=[split],
            **benchmarks,
        )

    counted = for_each(run, len(groups), hosts_of)
    split = run.make(held_out_hosts.STAGE, config.split, "hosts held out", groups=counted)
    return run.make(
        assemble.STAGE,
        config,
        f"corpus of {len(parts)} parts",
        groups=for_each(run, len(groups), joined),
        selection=[selection.whole],
        duplicates=[copies],
        split=[split],
    )
