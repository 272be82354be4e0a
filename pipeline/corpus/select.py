"""Which pages of all parts are kept: thresholds on stored signals, column by column.

A group of parts is one task. In: the parts, their quality scores if a filter asks for them, and a
`SelectConfig`. Out: selection.parquet (SELECTION), a row for every row of the parts' pages, in
their order, and selection.json with what the whole is counted from. No text is read and no WARC
opened, so a changed threshold costs seconds. The whole selection is a list of its groups. What
needs all pages at once, the score that the best fraction reaches, is counted by groups before.
"""

import dataclasses
import json
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import numpy as np
import pyarrow as pa

from pipeline.corpus.config import SelectConfig
from pipeline.corpus.read import (
    SELECTION_FILE,
    SELECTION_HEAD,
    GroupsInputs,
    SelectionHead,
    selection_head,
)
from pipeline.filters import c4, fineweb, gopher_quality, repetition, toxicity
from pipeline.filters.decide import Filter, Rule, columns_of, decide, keep_all
from pipeline.filters.languages import rules as language_rules
from pipeline.filters.quality_scores import count_scores, threshold_of_best
from pipeline.stage import Progress, Reads, Stage
from storage.errors import UserError
from storage.grouped import GROUPS, write_list
from storage.reads import Read
from storage.schemas import SELECTION
from storage.tables import read_table, write_tables


class PartsInputs(TypedDict):
    """Some parts, in order, and what is known of them."""

    parts: list[Path]
    scores: NotRequired[list[Path]]  # a quality_scores artifact for each part
    best: NotRequired[list[Path]]  # the artifact of build_best, where the config asks for it


class SelectionStatistics(TypedDict):
    """Of a `selection` artifact, and of its groups'."""

    pages: int
    kept: int
    dropped: int
    dropped_by_stage: dict[str, int]
    kept_by_language: dict[str, int]


class ScoresStatistics(TypedDict):
    """Of a `selection_best_group` artifact."""

    pages: int  # that every other filter keeps


class BestStatistics(ScoresStatistics):
    """Of a `selection_best` artifact."""

    least: float  # score that a page must reach


RULES = {
    "language": (
        Rule("languages", "unwanted_language", "above", 0),
        Rule("min_score", "language_score", "below", "min_score"),
    ),
    "repetition": repetition.RULES,
    "gopher_quality": gopher_quality.RULES,
    "c4": c4.RULES,
    "fineweb": fineweb.RULES,
    "toxicity": toxicity.RULES,
    "learned": (Rule("min_quality_score", "quality_score", "below", "min_quality_score"),),
}
# Always asked, after the filters: a page whose lines were all taken out is dropped as what it is,
# and never reaches dedup as a copy of other empty ones.
NO_TEXT = Filter("extract", (Rule("no_text_left", "line_count", "below", 1),), "always")
SCORE_COUNTS = "scores"  # pairs of numbers: steps of the score, then pages that have it
BEST = "best.json"
DERIVED = ("unwanted_language", "quality_score")  # columns that pages.parquet does not have


def build_group(
    out: Path,
    inputs: PartsInputs,
    config: SelectConfig,
    progress: Progress,
    scratch: Path,
) -> SelectionStatistics:
    """Write the selection over some parts; see the module's head."""
    parts, scores = inputs["parts"], inputs.get("scores", [])
    check(config, len(parts), len(scores))
    least = -np.inf
    if asks_for_best(config):
        least = json.loads((inputs["best"][0] / BEST).read_text())["least"]
    stages: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    counts: list[int] = []

    def selections() -> Iterator[pa.Table]:
        for number, part in enumerate(parts):
            pages = read_pages(part, config)
            selected = select(pages, number, config, _scores(scores, number, pages), least)
            stages.update(selected["stage"].to_pylist())
            kept = selected["outcome"].to_numpy(zero_copy_only=False) == "kept"
            counts.append(int(kept.sum()))
            languages.update(pages["language"].filter(pa.array(kept)).to_pylist())
            progress.update(number + 1, len(parts), "parts")
            yield selected

    write_tables(selections(), SELECTION, out / SELECTION_FILE)
    head: SelectionHead = {"selected": counts, "stages": stages, "languages": languages}
    (out / SELECTION_HEAD).write_text(json.dumps(head, sort_keys=True) + "\n")
    return totals(stages, languages, config)


def build(
    out: Path,
    inputs: GroupsInputs,
    config: SelectConfig,
    progress: Progress,
    scratch: Path,
) -> SelectionStatistics:
    """List the groups as one selection, and add up what they counted."""
    stages: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    for group in inputs[GROUPS]:
        head = selection_head(group)
        stages.update(head["stages"])
        languages.update(head["languages"])
    write_list(out, inputs[GROUPS])
    return totals(stages, languages, config)


def totals(
    stages: Counter[str], languages: Counter[str], config: SelectConfig
) -> SelectionStatistics:
    """Pages by what became of them; `stages` has the kept ones under no name."""
    kept, pages = stages[""], stages.total()
    return {
        "pages": pages,
        "kept": kept,
        "dropped": pages - kept,
        "dropped_by_stage": {
            **{name: stages[name] for name in config.filters},
            **({NO_TEXT.stage: stages[NO_TEXT.stage]} if stages[NO_TEXT.stage] else {}),
        },
        "kept_by_language": dict(sorted(languages.items())),
    }


def build_scores(
    out: Path,
    inputs: PartsInputs,
    config: SelectConfig,
    progress: Progress,
    scratch: Path,
) -> ScoresStatistics:
    """Count the scores of those pages of some parts that every other filter keeps."""
    parts, scores = inputs["parts"], inputs.get("scores", [])
    check(config, len(parts), len(scores))

    def kept() -> Iterator[np.ndarray]:
        for number, part in enumerate(parts):
            pages = read_pages(part, config)
            found = _scores(scores, number, pages)
            assert found is not None
            outcome = select(pages, number, config, found)["outcome"]
            progress.update(number + 1, len(parts), "parts")
            yield found[outcome.to_numpy(zero_copy_only=False) == "kept"]

    counts = count_scores(kept())
    steps = np.flatnonzero(counts)
    np.stack([steps, counts[steps]]).astype("<i8").tofile(out / SCORE_COUNTS)
    return {"pages": int(counts.sum())}


def build_best(
    out: Path,
    inputs: GroupsInputs,
    config: SelectConfig,
    progress: Progress,
    scratch: Path,
) -> BestStatistics:
    """The score that the best fraction of all otherwise kept pages reaches."""
    counts = count_scores([])
    for group in inputs[GROUPS]:
        steps, pages = np.fromfile(group / SCORE_COUNTS, "<i8").reshape(2, -1)
        counts[steps] += pages
    least = threshold_of_best(counts, config.best_fraction)
    (out / BEST).write_text(json.dumps({"least": least}) + "\n")
    return {"pages": int(counts.sum()), "least": least}


def asks_for_best(config: SelectConfig) -> bool:
    """Whether a page's fate hangs on the scores of all others."""
    return "learned" in config.filters and config.best_fraction < 1


def check(config: SelectConfig, parts: int, scores: int) -> None:
    """Look whether a selection can be made.

    Args:
        config: of the selection.
        parts: how many there are.
        scores: for how many of them there are quality scores.

    Raises:
        UserError: the learned filter lacks what it judges by.
    """
    if "learned" in config.filters and parts and scores != parts:
        raise UserError(
            "select.filters: 'learned' needs quality scores of every part:"
            " name a model with input.quality_model"
        )


def read_pages(part: Path, config: SelectConfig) -> pa.Table:
    """The columns of a part's pages that decide."""
    return read_table(part / "pages.parquet", _columns(config))


def _columns(config: SelectConfig) -> list[str]:
    wanted = {rule.signal: None for name in config.filters for rule in _rules(name, config)}
    columns = ["id", "language", "language_score", *wanted, NO_TEXT.rules[0].signal]
    return [name for name in dict.fromkeys(columns) if name not in DERIVED]


def select(
    pages: pa.Table,
    part: int,
    config: SelectConfig,
    scores: np.ndarray | None = None,
    least_of_best: float = -np.inf,
) -> pa.Table:
    """The rows of SELECTION for one part's pages.

    Args:
        pages: as `read_pages` gives them.
        part: its number.
        config: of the selection.
        scores: learned quality of each page, [pages]; None: no filter asks for it.
        least_of_best: the score that the best fraction reaches.
    """
    names = pages["language"].to_pylist()
    language = np.array(names, dtype=object)
    known, codes = np.unique(language.astype(str), return_inverse=True)
    decided = keep_all(pages.num_rows)
    for group, code in enumerate(known.tolist()):
        filters = filters_of(code, config, least_of_best)
        here = np.flatnonzero(codes == group)
        unwanted = config.language.languages and code not in config.language.languages
        columns = {"unwanted_language": np.full(len(here), float(bool(unwanted)))}
        if scores is not None:
            columns["quality_score"] = scores[here]
        stored = [_without(filter_, DERIVED) for filter_ in filters]
        columns |= columns_of(pages.take(pa.array(here)), stored)
        decided.put(here, decide(columns, filters))
    by_language = decided.rule == "languages"  # its value is the score, and it has no threshold
    scored = pages["language_score"].to_numpy(zero_copy_only=False)
    decided.value[by_language] = scored[by_language]
    decided.threshold[by_language] = np.nan
    arrays = {
        "id": pages["id"],
        "part": pa.array(np.full(pages.num_rows, part, dtype=np.int32)),
        "outcome": pa.array(np.where(decided.kept, "kept", "dropped").tolist(), pa.string()),
        "stage": pa.array(decided.stage, pa.string()),
        "rule": pa.array(decided.rule, pa.string()),
        "value": pa.array(decided.value, from_pandas=True),
        "threshold": pa.array(decided.threshold, from_pandas=True),
        "detail": pa.array(np.where(decided.stage == "language", language, ""), pa.string()),
    }
    return pa.table(arrays, schema=SELECTION)


def filters_of(language: str, config: SelectConfig, least_of_best: float) -> list[Filter]:
    """The filters that a page in this language meets, with their thresholds."""
    configs: dict[str, Any] = {
        "language": config.language,
        "repetition": config.repetition,
        "gopher_quality": config.gopher_quality,
        "c4": config.c4,
        "fineweb": config.fineweb,
        "toxicity": config.toxicity,
        "learned": config,
    }
    if config.per_language and language != "en":  # English has the recipe's own
        own = language_rules(language)
        configs |= {
            "language": dataclasses.replace(config.language, min_score=own.min_language_score),
            "repetition": own.repetition,
            "gopher_quality": own.gopher_quality,
            "fineweb": own.fineweb,
            "c4": config.c4 if own.use_c4 else None,
        }
    filters = [Filter(name, _rules(name, config), configs[name]) for name in config.filters]
    if asks_for_best(config):
        best = Rule("best_fraction", "quality_score", "below", least_of_best)
        filters.append(Filter("learned", (best,), config))
    return [*filters, NO_TEXT]


def _rules(name: str, config: SelectConfig) -> tuple[Rule, ...]:
    return c4.rules(config.c4) if name == "c4" else RULES[name]


def _scores(scores: list[Path], number: int, pages: pa.Table) -> np.ndarray | None:
    if not scores:
        return None
    table = read_table(scores[number] / "scores.parquet")
    if not table["id"].equals(pages["id"]):
        raise RuntimeError(f"the quality scores {scores[number]} are of other pages than its part")
    found: np.ndarray = table["quality_score"].to_numpy(zero_copy_only=False)
    return found


def _without(filter_: Filter, derived: tuple[str, ...]) -> Filter:
    stored = tuple(rule for rule in filter_.rules if rule.signal not in derived)
    return dataclasses.replace(filter_, rules=stored)


def preload(config: SelectConfig) -> None:
    """Nothing but this module's imports: groups are many, and forks of a warm host cost nothing."""


def reads(config: SelectConfig, given: Collection[str]) -> Reads:
    """Of the pages the columns that decide, not their texts."""
    return {"parts": [Read("pages*", tuple(_columns(config)))], "best": [Read(BEST)]}


def reads_of_groups(config: SelectConfig, given: Collection[str]) -> Reads:
    """What is added up."""
    return {GROUPS: [Read(SELECTION_HEAD)]}


TABLE = ("language-table",)
SCORES = Stage("selection_best_group", 1, SelectConfig, build_scores, preload, reads, TABLE)
BEST_STAGE = Stage("selection_best", 1, SelectConfig, build_best)
GROUP = Stage("selection_group", 1, SelectConfig, build_group, preload, reads, TABLE)
STAGE = Stage("selection", 3, SelectConfig, build, reads=reads_of_groups)
