"""The stage `preferences`: prompts, answers and who prefers which, from every source there is.

In: a model that chats and what its prompts come from, the labelers' comparisons, somebody's files
of pairs; each may be absent. Out: preferences.parquet, a row a comparison; prompts.parquet, what
was asked; answers.parquet, all sampled answers with what is truly good in them; rejects.parquet,
what couldn't be used and why. Simulated raters know the truth that a reward model is to find; a
judge behind an endpoint may stand beside them or in their place. A prompt is in one split, whatever
sources have it.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from pipeline import model as models
from pipeline.model import Transformer
from pipeline.model.engine import Engine
from pipeline.preferences import answer_judge, compared_answers, drawn_prompts
from pipeline.preferences.compared_answers import (
    AnswerFigures,
    AnswerPair,
    Answers,
    PairCounts,
)
from pipeline.preferences.comparisons_config import PreferencesConfig
from pipeline.preferences.drawn_prompts import PromptSources
from pipeline.preferences.given_comparisons import GivenComparisons, PairFileFigures, row_id
from pipeline.preferences.preference_prompts import (
    PreferencePrompt,
    message_rows,
    write_prompts,
)
from pipeline.preferences.prompt_splits import PromptSplits
from pipeline.preferences.rater_checks import PlaceFigures, place_figures, without
from pipeline.preferences.simulated_raters import (
    chosen,
    compare,
    crowd,
    random_numbers,
    shown_first,
)
from pipeline.sft.imported_conversations import names_of
from pipeline.stage import Progress, Stage
from pipeline.tokenizer import Tokenizer
from pipeline.training import runtime
from storage.errors import UserError
from storage.schemas import PREFERENCE_ANSWERS, PREFERENCE_REJECTS, PREFERENCES
from storage.tables import table, write_table

SIMULATED, JUDGE = "simulated", "judge"


class PreferencesInputs(TypedDict):
    """Folders of artifacts and files; each may be absent, but not all of them."""

    model: NotRequired[list[Path]]  # that chats, whose answers are compared
    interrogation: NotRequired[list[Path]]  # what it knows, and what no page states
    conversations: NotRequired[list[Path]]  # whose users' requests are asked again
    labels: NotRequired[list[Path]]  # the labelers' comparisons
    files: NotRequired[list[Path]]  # public pairs
    tokenizer: NotRequired[list[Path]]  # without a model, where max_tokens is set


class JudgeFigures(TypedDict):
    """Of a judge behind an endpoint."""

    pairs: int  # asked about
    compared: int  # of them: with a winner or a tie
    agreed: float | None  # share of those that both orders decide alike
    requests: int
    prompt_tokens: int
    answer_tokens: int


class PreferencesStatistics(TypedDict):
    """Of a `preferences` artifact."""

    prompts: dict[str, int]  # by split
    kinds: dict[str, int]  # prompts by kind
    comparisons: int
    by_source: dict[str, int]
    validation: int  # of the comparisons
    ties: int  # likewise
    sampled: PairCounts  # pairs of the model's answers
    answers: dict[str, AnswerFigures]  # by kind of prompt
    # of the simulated raters' decided comparisons, those that the truly better answer won
    gold_accuracy: float | None
    judge: JudgeFigures | None
    raters: list[PlaceFigures]
    left_out: int  # comparisons of raters who go by the place
    rejected: dict[str, int]  # by reason
    files: dict[str, PairFileFigures]


def build(
    out: Path,
    inputs: PreferencesInputs,
    config: PreferencesConfig,
    progress: Progress,
    scratch: Path,
) -> PreferencesStatistics:
    """The `preferences` stage."""
    model, tokenizer = _model(inputs, config)
    splits = PromptSplits(config.validation_fraction)
    asked: list[PreferencePrompt] = []
    if model is not None and tokenizer is not None:
        asked = drawn_prompts.drawn(
            PromptSources(inputs.get("interrogation", []), inputs.get("conversations", [])),
            config,
            splits,
            tokenizer,
            model.config.max_context,
            progress,
        )
    limit = config.max_tokens or (model.config.max_context if model is not None else 0)
    given = GivenComparisons(splits, tokenizer, limit)
    for folder in inputs.get("labels", []):
        given.read_labels(folder)
    files = inputs.get("files", [])
    for path, name in zip(files, names_of(list(files))):
        given.read_file(path, name)
        progress.note(_said(name, given.files[name]))
    answers: Answers = {}
    pairs: list[AnswerPair] = []
    counts: PairCounts = {"pairs": 0, "equal": 0, "unfinished": 0, "empty": 0}
    if model is not None and tokenizer is not None and config.compared_by:
        engine = Engine(model, frozen=True)
        answers = compared_answers.sampled(engine, tokenizer, asked, config, progress, scratch)
        pairs, counts = compared_answers.paired(asked, answers, config)
    simulated = simulated_rows(pairs, config) if SIMULATED in config.compared_by else []
    judged, judging = _judged(pairs, config, given, progress)
    rows = [*simulated, *judged, *given.rows]
    raters = place_figures(rows, config.position_error, config.position_share)
    for one in raters:
        if one["named"]:
            progress.note(_accused(one, config.leave_out_named))
    kept, left_out = without(rows, raters) if config.leave_out_named else (rows, 0)
    if not any(row["split"] == "train" for row in kept):
        why = dict(Counter(row["reason"] for row in given.rejects))
        raise UserError(
            f"preferences: no comparison to learn from: {counts['equal']:,} pairs of equal answers,"
            f" {left_out:,} of raters who go by the place, rejected: {why or 'none'}; give a model,"
            " labels or files"
        )
    prompts = list({**given.prompts, **{one.id: one for one in asked}}.values())
    write_table(table(kept, PREFERENCES), out / "preferences.parquet")
    write_prompts(prompts, out)
    rated = compared_answers.rows_of(answers)
    write_table(table(rated, PREFERENCE_ANSWERS), out / "answers.parquet")
    write_table(table(given.rejects, PREFERENCE_REJECTS), out / "rejects.parquet")
    return {
        "prompts": dict(sorted(Counter(one.split for one in prompts).items())),
        "kinds": dict(sorted(Counter(one.kind for one in prompts).items())),
        "comparisons": len(kept),
        "by_source": dict(sorted(Counter(row["source"] for row in kept).items())),
        "validation": sum(row["split"] == "validation" for row in kept),
        "ties": sum(row["winner"] == "tie" for row in kept),
        "sampled": counts,
        "answers": compared_answers.figures(asked, answers) if answers else {},
        "gold_accuracy": gold_accuracy(pairs, kept),
        "judge": judging,
        "raters": raters,
        "left_out": left_out,
        "rejected": dict(sorted(Counter(row["reason"] for row in given.rejects).items())),
        "files": given.files,
    }


def simulated_rows(pairs: Sequence[AnswerPair], config: PreferencesConfig) -> list[dict[str, Any]]:
    """What simulated raters make of the pairs: rows of PREFERENCES."""
    raters = crowd(config.crowd)
    rows = []
    for pair in pairs:
        name = f"{config.seed}:{pair.name}"
        for rater in chosen(raters, config.crowd.per_pair, name):
            rng = random_numbers(name, rater)
            first = shown_first(rng)
            winner = compare(pair.a.rated, pair.b.rated, rater, rng, first)
            rows.append(_row(pair, SIMULATED, rater.name, winner, first))
    return rows


def gold_accuracy(pairs: Sequence[AnswerPair], rows: Sequence[dict[str, Any]]) -> float | None:
    """How often the truly better answer wins where simulated raters decide; None: they never do."""
    golds = {
        (pair.prompt.id, pair.a.text, pair.b.text): pair.a.gold - pair.b.gold for pair in pairs
    }
    marks = []
    for row in rows:
        if row["source"] == SIMULATED and row["winner"] != "tie":
            better = golds[row["task"], row["a"], row["b"]]
            if better:
                marks.append((better > 0) == (row["winner"] == "a"))
    return sum(marks) / len(marks) if marks else None


def _judged(
    pairs: Sequence[AnswerPair],
    config: PreferencesConfig,
    given: GivenComparisons,
    progress: Progress,
) -> tuple[list[dict[str, Any]], JudgeFigures | None]:
    """The judge's comparisons; what it can't say is rejected."""
    if JUDGE not in config.compared_by:
        return [], None
    asked = pairs[: config.judge.pairs]
    judging = answer_judge.judge(asked, config, progress)
    rows, agreed = [], 0
    for number, (pair, found) in enumerate(zip(asked, judging.pairs), 1):
        if found.winner is not None:
            rows.append(_row(pair, JUDGE, config.judge.model, found.winner, ""))
            agreed += found.agreed
        elif found.rejected is not None:
            given.reject(JUDGE, number, found.rejected)
    return rows, {
        "pairs": len(asked),
        "compared": len(rows),
        "agreed": agreed / len(rows) if rows else None,
        "requests": judging.cost.requests,
        "prompt_tokens": judging.cost.prompt_tokens,
        "answer_tokens": judging.cost.answer_tokens,
    }


def _row(pair: AnswerPair, source: str, rater: str, winner: str, first: str) -> dict[str, Any]:
    return {
        "id": row_id(f"{source}:{rater}:{pair.name}"),
        "source": source,
        "task": pair.prompt.id,
        "prompt": message_rows(pair.prompt),
        "tools": list(pair.prompt.tools),
        "a": pair.a.text,
        "b": pair.b.text,
        "winner": winner,
        "first": first,
        "rater": rater,
        "seconds": None,
        "time": "",
        "split": pair.prompt.split,
    }


def _model(
    inputs: PreferencesInputs, config: PreferencesConfig
) -> tuple[Transformer | None, Tokenizer | None]:
    """The model whose answers are compared, if there is one, and the tokenizer that counts."""
    folders = inputs.get("model", [])
    if folders:
        device, dtype = runtime.prepare(
            config.device, config.precision, config.threads, config.products
        )
        model, tokenizer = models.load(folders[0], device, dtype)
        if not tokenizer.has_conversation_tokens:
            raise UserError(f"{folders[0]} is no chat model: it has no answers to compare")
        return model, tokenizer
    counting = inputs.get("tokenizer", [])
    if counting:
        return None, Tokenizer.load(counting[0]).with_conversation_tokens()
    if config.max_tokens:
        raise UserError("preferences.max_tokens: give a model or a tokenizer, which counts them")
    return None, None


def _said(name: str, file: PairFileFigures) -> str:
    why = ", ".join(f"{count:,} {reason}" for reason, count in file["rejected"].items())
    lost = sum(file["rejected"].values())
    return f"{name}: {file['rows']:,} rows = {file['used']:,} used + {lost:,} rejected" + (
        f" ({why})" if why else ""
    )


def _accused(one: PlaceFigures, left_out: bool) -> str:
    by = "shown first" if one["named"] == "first" else "called A"
    share = one["first"] if one["named"] == "first" else one["a"]
    return (
        f"preferences: rater {one['rater']} goes by the place: the answer {by} wins"
        f" {share or 0.0:.0%} of {one['comparisons'] - one['ties']:,} comparisons; "
        + ("left out" if left_out else "kept")
    )


STAGE = Stage("preferences", 2, PreferencesConfig, build, data=("unicode",), aside=("endpoint",))
