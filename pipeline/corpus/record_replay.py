"""One record of a lake's ledger judged once more: its texts on the way, and every rule's word.

In: what `storage.explain` knows of a record, and how to get an artifact's manifest, whose recipes
say by what settings it was judged. Out: the same with the texts and the rules.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

from pipeline.config import from_dict
from pipeline.corpus.config import SelectConfig
from pipeline.corpus.replay import RuleReplay, explain, explain_rules
from pipeline.scan.config import ScanConfig
from storage.explanation import ExplainedRecord
from storage.manifest import Manifest

ManifestOf = Callable[[str, str], Manifest]  # of a kind and a digest's beginning


class JudgedAgain(TypedDict):
    """A page read once more from its WARC, and what each rule says of it."""

    text_plain: str | None  # None where the WARC is not on this machine
    text_before: str | None  # the main text
    text_after: str | None  # as the corpus has it
    rules: list[RuleReplay]


class JudgedRecord(ExplainedRecord, JudgedAgain):
    """What the lake knows of a record, and what its page says."""


def judged_again(record: ExplainedRecord, manifest_of: ManifestOf) -> JudgedRecord:
    """The page read once more from its WARC: its text on the way; and what each rule says of it."""
    if not record["id"]:
        return {**record, "text_plain": None, "text_before": None, "text_after": None, "rules": []}
    plain = extracted = None
    if record["warc_path"] is not None:
        config = scan_config(record, manifest_of)
        judged = explain(Path(record["warc_path"]), record["offset"], record["url"], config)
        plain, extracted = judged["plain"], judged["extracted"]
    return {
        **record,
        "text_plain": plain,
        "text_before": extracted,
        "text_after": record["corpus"] and record["corpus"]["text"],
        "rules": rules_of(record, manifest_of),
    }


def rules_of(record: ExplainedRecord, manifest_of: ManifestOf) -> list[RuleReplay]:
    """What every rule of the selection says of a record's page; nothing of what was none."""
    document, signals = record["document"], record["signals"]
    if document is None or signals is None:
        return []
    group = manifest_of("corpus_group", record["artifact"])
    selection = manifest_of("selection_group", group.inputs["selection"][0])
    return explain_rules(
        {**signals, "language_score": document["language_score"]},
        document["language"],
        from_dict(SelectConfig, selection.recipe),
    )


def scan_config(record: ExplainedRecord, manifest_of: ManifestOf) -> ScanConfig:
    """By what a record's page was read."""
    group = manifest_of("corpus_group", record["artifact"])
    part = manifest_of("scan", group.inputs["parts"][0])
    return from_dict(ScanConfig, part.recipe)
