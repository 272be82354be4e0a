"""With `input.keep_raw_text = false` the parts lose their pages' text once the corpus is made.

A part is then published anew under its digest, and its manifest says so: `raw_text` in its
statistics is DROPPED and `raw_files` is empty. Such a part still counts as made. Only when a corpus
is to be made that isn't there already are these parts read again from their WARCs.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from flows import terminal
from flows.references import Reference
from flows.run import Run
from pipeline import data
from pipeline.config import to_dict
from pipeline.corpus import assemble, assemble_group, duplicates, hosts, raw_text, select
from storage.digest import artifact_digest
from storage.durable import remove_tree
from storage.manifest import Manifest

DROPPED = "dropped"
MADE = "corpus_made"  # in a part's provenance: for which question its text had served
# What makes the corpus of the parts.
READERS = (
    select.GROUP,
    select.STAGE,
    duplicates.STAGE,
    hosts.GROUP,
    hosts.STAGE,
    assemble_group.STAGE,
    assemble.STAGE,
)
SLOTS = ("corpus", "quality")  # what is made with text


def drop(run: Run, parts: Sequence[Reference]) -> None:
    """Take the text out of these parts."""
    question = _question(run, parts)

    def without(part: Reference) -> None:
        lake = run.lake
        manifest = lake.manifest(part["kind"], part["digest"])
        if _is_dropped(manifest) and manifest.provenance.get(MADE) == question:
            return
        staging = lake.staging(manifest.kind, manifest.digest)
        try:
            raw_text.without_text(lake.local(manifest.kind, manifest.digest), staging)
            lake.replace(
                staging,
                manifest,
                {**manifest.statistics, "raw_files": [], "raw_text": DROPPED},
                {**manifest.provenance, MADE: question},
            )
        finally:
            remove_tree(staging)

    with ThreadPoolExecutor(run.config.input.workers or os.cpu_count()) as pool:
        list(pool.map(without, parts))
    terminal.note(f"  raw text of {len(parts):,} parts dropped (input.keep_raw_text = false)")


def forget_if_needed(run: Run, parts: Sequence[Reference]) -> bool:
    """Remove parts without text where it is needed again; whether there were any."""
    bare = without_text(run, parts)
    if not bare:
        return False
    question = _question(run, parts)
    heads = run.lake.heads()
    there = all(run.lake.is_whole(slot, heads[slot]) for slot in SLOTS if slot in heads)
    if "corpus" in heads and there and all(m.provenance.get(MADE) == question for m in bare):
        return False
    forget(run, bare)
    return True


def forget(run: Run, bare: Sequence[Manifest]) -> None:
    """Remove parts, so that they are made again."""
    terminal.note(f"  {len(bare):,} parts have no text any more: their files are read again")
    for manifest in bare:
        run.lake.remove(manifest)


def without_text(run: Run, parts: Sequence[Reference]) -> list[Manifest]:
    """Those of the parts that have lost it."""
    wanted = frozenset(part["digest"] for part in parts)
    found = run.lake.list(parts[0]["kind"]) if parts else []  # one listing, not a request a part
    return [m for m in found if m.digest in wanted and _is_dropped(m)]


def _is_dropped(part: Manifest) -> bool:
    return part.statistics.get("raw_text") == DROPPED


def _question(run: Run, parts: Sequence[Reference]) -> str:
    """A digest of all that the corpus of these parts follows from."""
    config = run.config
    recipe = {
        "stages": [[stage.kind, stage.version, *data.digests(stage.data)] for stage in READERS],
        "group_files": config.input.group_files,
        **{name: to_dict(getattr(config, name)) for name in ("select", "dedup", "assemble")},
        "benchmarks": list(config.input.benchmarks),
        "previous": config.input.previous_duplicates,
        "model": config.input.quality_model or run.lake.heads().get("quality_model", ""),
    }
    return artifact_digest("raw_text", 1, recipe, {"parts": [part["digest"] for part in parts]})
