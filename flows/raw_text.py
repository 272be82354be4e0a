"""With `input.keep_raw_text = false` the parts lose their pages' text once the corpus is made.

A part is then published anew under its digest, and its manifest says so: `raw_text` in its
statistics is "dropped" and `raw_files` is empty. Such a part still counts as made. Only when what
is made with text isn't all there already are these parts read again from their WARCs.
"""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow.compute as pc
from prefect import task

from flows.inputs import given_file
from flows.runner import existing, terminal
from flows.runner.flow_run import Artifacts, Run
from flows.runner.references import Reference
from flows.runner.retries import RETRIED
from flows.runner.side_by_side import call, results, several_at_a_time
from pipeline import reference_data
from pipeline.config import to_dict
from pipeline.cores import cores
from pipeline.corpus import assemble, assemble_group, audit, duplicates, held_out_hosts, score
from pipeline.corpus import select as selection
from pipeline.scan import raw_text
from pipeline.scan import stage as scan
from storage import Lake
from storage.digest import artifact_digest
from storage.durable import remove_tree
from storage.manifest import Manifest, TextServed

MARK = json.dumps({"raw_text": raw_text.DROPPED})[1:-1]  # in a manifest's text
PARTS_A_TASK = 50  # a task run costs Prefect some 40 ms
# What makes a corpus and its figures of parts.
READERS = (
    score.STAGE,
    selection.SCORES,
    selection.BEST_STAGE,
    selection.GROUP,
    selection.STAGE,
    duplicates.STAGE,
    held_out_hosts.GROUP,
    held_out_hosts.STAGE,
    assemble_group.STAGE,
    assemble.STAGE,
    audit.STAGE,
)


def drop(run: Run, parts: Sequence[Reference], answer: Artifacts) -> None:
    """Take the text out of these parts, of which the corpus in `answer` was made."""
    given = served(run, parts, answer)
    with several_at_a_time(run) as runner:
        futures = [
            call(_drop_some, runner, lake=run.lake, parts=some, served=given)
            for some in (
                parts[start : start + PARTS_A_TASK] for start in range(0, len(parts), PARTS_A_TASK)
            )
        ]
        results(run, futures)
    terminal.note(f"  raw text of {len(parts):,} parts dropped (input.keep_raw_text = false)")


@task(name="drop raw text", persist_result=False, **RETRIED)
def _drop_some(lake: Lake, parts: Sequence[Reference], served: TextServed) -> Reference:
    """Of some parts; the last one."""
    for part in parts:
        drop_one(lake, part, served)
    return parts[-1]


def drop_one(lake: Lake, part: Reference, served: TextServed) -> None:
    """Publish a part anew without its text, with what the text was used for."""
    manifest = lake.manifest(part["kind"], part["digest"])
    if _is_dropped(manifest) and manifest.provenance.get("text_served") == served:
        return
    staging = lake.staging(manifest.kind, manifest.digest)
    try:
        with lake.lease() as lease:
            folder = lake.local(manifest.kind, manifest.digest, lease=lease)
            raw_text.without_text(folder, staging)
        lake.replace(
            staging,
            manifest,
            dict(raw_text.statistics_without(scan.STAGE.statistics_of(manifest))),
            {**manifest.provenance, "text_served": served},
        )
    finally:
        remove_tree(staging)


def served(run: Run, parts: Sequence[Reference], answer: Artifacts) -> TextServed:
    """What the parts' text was asked for, and what was made of it."""
    corpus = run.lake.manifest("corpus", answer["corpus"]["digest"])
    used = {"duplicates": corpus.inputs["duplicates"][0]}
    used |= {slot: answer[slot]["digest"] for slot in ("corpus", "audit") if slot in answer}
    return {"question": _question(run, parts), "made": used}


def forget_if_needed(run: Run, parts: Sequence[Reference]) -> bool:
    """Remove parts without text where it is needed again; whether there were any."""
    bare = without_text(run, parts)
    if not bare or _have_served(run, parts, bare):
        return False
    forget(run, bare)
    return True


def forget(run: Run, bare: Sequence[Manifest]) -> None:
    """Remove parts, so that they are made again."""
    terminal.note(f"  {len(bare):,} parts have no text any more: their files are read again")
    with ThreadPoolExecutor(run.config.input.workers or cores()) as pool:
        list(pool.map(run.lake.remove, bare))
    existing.forget(run.lake)


def without_text(run: Run, parts: Sequence[Reference]) -> list[Manifest]:
    """Those of the parts that have lost it."""
    wanted = frozenset(part["digest"] for part in parts)
    if not parts:
        return []
    found = existing.table(run.lake, parts[0]["kind"])  # one listing, not a request a part
    marked = found.filter(pc.match_substring(found["statistics"], MARK))
    return [m for m in run.lake.manifests(marked) if m.digest in wanted and _is_dropped(m)]


def _have_served(run: Run, parts: Sequence[Reference], bare: Sequence[Manifest]) -> bool:
    """Whether all that this run asks of their text is there."""
    question = _question(run, parts)
    used: set[tuple[str, str]] = set()
    for part in bare:
        note = part.provenance.get("text_served")
        if note is None or note["question"] != question:
            return False
        used.update(note["made"].items())
    if not all(run.lake.is_whole(slot, digest) for slot, digest in used):
        return False
    if "learned" not in run.config.select.filters:
        return True
    scored = {m.inputs["part"][0] for m in run.lake.list(score.STAGE.kind)}
    return scored.issuperset(part.digest for part in bare)


def _is_dropped(part: Manifest) -> bool:
    return raw_text.is_dropped(scan.STAGE.statistics_of(part))


def _question(run: Run, parts: Sequence[Reference]) -> str:
    """A digest of what a corpus of these parts and its figures follow from."""
    config = run.config
    files = {"benchmarks": list(config.input.benchmarks), "model": [config.input.quality_model]}
    recipe = {
        "stages": [
            [stage.kind, stage.version, *reference_data.digests(stage.data)] for stage in READERS
        ],
        "group_files": config.input.group_files,
        **{name: to_dict(getattr(config, name)) for name in ("select", "dedup", "corpus")},
        **{
            key: [given_file(f"input.{key}", name).sha256 for name in names if name]
            for key, names in files.items()
        },
        "previous": config.input.previous_duplicates,
        "newest_model": run.lake.heads().get("quality_model", ""),
    }
    return artifact_digest("raw_text", 1, recipe, {"parts": [part["digest"] for part in parts]})
