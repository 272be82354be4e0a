"""Dedup over all parts: one task, or on a cluster one for each group of parts and for each band.

The bands' artifacts stay in the lake, so that a run that was killed goes on where it was; the
`duplicates` artifact has no trace of them: it is the one that the single task would have made.
"""

import dataclasses

from flows.groups import Selection, in_groups
from flows.runner.artifact import make
from flows.runner.flow_run import Run
from flows.runner.references import Reference
from flows.runner.side_by_side import results, several_at_a_time, submit
from flows.runner.work import Input, Work
from pipeline.corpus import duplicate_bands, duplicates
from pipeline.dedup.hash_index import band_names


def find_duplicates(
    run: Run,
    parts: list[Reference],
    selection: Selection,
    previous: dict[str, list[Input]],
) -> Reference:
    """The duplicates among the selected pages of these parts and of earlier dumps."""
    config = run.config.dedup
    inputs: dict[str, list[Input]] = {"parts": [*parts], "selection": [selection.whole], **previous}
    work = run.work(duplicates.STAGE, config, "duplicates", **inputs)
    if run.config.input.runner == "ray" and not work.is_whole:
        numbers = run.make(duplicate_bands.NUMBERS, config, "dedup: documents numbered", **inputs)
        made = join_bands(run, parts, selection, numbers, previous)
        work = dataclasses.replace(work, prepared={"numbers": [numbers], "bands": [*made]})
    return make(work)


def join_bands(
    run: Run,
    parts: list[Reference],
    selection: Selection,
    numbers: Reference,
    previous: dict[str, list[Input]],
) -> list[Reference]:
    """Every band joined by itself, in the order of their names."""
    config = run.config.dedup
    names = band_names(run.config.scan.minhash, config.exact, config.minhash)
    groups = in_groups(run, parts)

    def keys_of(number: int, some: list[Reference]) -> Work:
        return run.work(
            duplicate_bands.KEYS,
            duplicate_bands.KeysConfig(number * run.config.input.group_files, config),
            f"dedup keys {number + 1}/{len(groups)}",
            parts=some,
            selection=[selection.groups[number]],
            numbers=[numbers],
        )

    def joined(number: int, name: str, keys: list[Reference]) -> Work:
        return run.work(
            duplicate_bands.BAND,
            duplicate_bands.BandConfig(name, config),
            f"dedup band {number}/{len(names)} {name}",
            keys=keys,
            numbers=[numbers],
            **previous,
        )

    with several_at_a_time(run) as runner:
        keys = results(run, [submit(keys_of(*some), runner) for some in enumerate(groups)])
        bands_made = [submit(joined(n, name, keys), runner) for n, name in enumerate(names, 1)]
        return results(run, bands_made)
