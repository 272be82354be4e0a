"""One self-contained HTML page of a run: funnel, curves, scores by stage, samples, artifacts.

Arrow tables go in (the lake's views of one run), a page comes out that needs no network and no
script: pictures are embedded, styles inline, every text from the web escaped. Here is what it
shows; how it looks is `html_report.html.jinja`. A section whose table is empty says so instead of
vanishing, since a missing number is a finding too.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import pyarrow as pa

from pipeline.filters.stages import STAGES as CORPUS_STAGES
from pipeline.report import (
    alignment_tax,
    charts,
    honesty_charts,
    reward_charts,
    rl_practice,
    scores,
)
from pipeline.report.scores import STAGES, facts_by_relation, stage_table, sums_by_lengths

MAX_SAMPLES_PER_SUITE = 4
MAX_ROLLOUTS_PER_STEP = 6
POINTS = ("proxy", "gold", "kl")  # columns of RLHF's rollouts
CALIBRATED = "Share of validation comparisons that the reward model ranks right, by how sure it is"
MORE_PAIRS = "The same, by the number of comparisons that a reward model learned from"
GONE_ON = ("simulator", "memorization")  # suites that go on with a page
MAX_TEXT_CHARACTERS = 600
Rows = Sequence[Mapping[str, Any]]


@dataclasses.dataclass(frozen=True)
class Table:
    """Names of columns, and lines of cells."""

    head: Sequence[Any]
    body: Sequence[Iterable[Any]]


def render(title: str, tables: Mapping[str, pa.Table], facts: Mapping[str, str]) -> str:
    """The page as one HTML string.

    `tables` holds the views funnel, rules, dropped, audit, metrics, positions, evals, samples,
    rollouts, rl_levels, rlhf_steps, reliability, pair_curve, artifacts; a name that is absent
    counts as empty. `facts` are the headline figures, name to value, in order.
    """

    def rows_of(name: str) -> list[dict[str, Any]]:
        return tables[name].to_pylist() if name in tables else []

    def shown(make: Any, name: str) -> Any:
        rows = rows_of(name)
        return make(rows) if rows else None

    optimised = [{**row, "stage": "rlhf"} for row in rows_of("rlhf_steps")]

    return _template().render(
        title=title,
        facts=facts,
        funnel=shown(_funnel, "funnel"),
        rules=shown(charts.rule_bars, "rules"),
        dropped=shown(_dropped, "dropped"),
        audit=shown(_audit, "audit"),
        curves=_curves([*rows_of("metrics"), *optimised]),
        positions=shown(_positions, "positions"),
        scores=shown(_scores, "evals"),
        samples=shown(_samples, "samples"),
        rollouts=shown(_rollouts, "rollouts"),
        preferred=shown(_preferred, "rollouts"),
        practice=shown(_practice, "rl_levels"),
        judged={
            name: picture
            for name, picture in (
                (CALIBRATED, shown(reward_charts.reliability, "reliability")),
                (MORE_PAIRS, shown(reward_charts.pair_curve, "pair_curve")),
            )
            if picture
        },
        artifacts=shown(_artifacts, "artifacts"),
    )


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"clip": _clip, "data_uri": charts.data_uri}
    return environment.get_template("html_report.html.jinja")


def _clip(value: Any) -> str:
    text = str(value)
    if len(text) > MAX_TEXT_CHARACTERS:
        text = text[:MAX_TEXT_CHARACTERS] + " …"
    return text


def _funnel(rows: Rows) -> dict[str, Any]:
    kept = [r for r in rows if r["outcome"] == "kept"]
    lost = sorted((r for r in rows if r["outcome"] != "kept"), key=lambda r: -r["count"])
    total = sum(r["count"] for r in rows)
    body = [
        (r["stage"], r["rule"], f"{r['count']:,}", f"{r['count'] / total:.1%}")
        for r in [*lost, *kept]
    ]
    picture = charts.funnel_bars(_remaining_by_stage(rows))
    return {"picture": picture, "table": Table(("stage", "rule", "records", "share"), body)}


def _dropped(rows: Rows) -> Table:
    body = []
    for row in rows:
        measured = "" if row["value"] is None else f"{row['value']:.4g} / {row['threshold']:g}"
        why = " ".join(part for part in (measured, row["detail"]) if part)
        body.append((row["stage"], row["rule"], why, row["url"], row["text"] or ""))
    return Table(("stage", "rule", "value / threshold", "page", "its text"), body)


def _remaining_by_stage(rows: Rows) -> list[tuple[str, int]]:
    """Records left after each stage, in the recipe's order; stages unknown to it come last."""
    lost: dict[str, int] = {}
    for row in rows:
        if row["outcome"] != "kept":
            lost[row["stage"]] = lost.get(row["stage"], 0) + row["count"]
    order = [s for s in CORPUS_STAGES if s in lost] + sorted(set(lost) - set(CORPUS_STAGES))
    left = sum(row["count"] for row in rows)
    steps = [("records", left)]
    for stage in order:
        left -= lost[stage]
        steps.append((f"after {stage}", left))
    return steps


def _audit(rows: Rows) -> Table:
    """One line for what was judged, one column for each metric."""
    metrics = list(dict.fromkeys(row["metric"] for row in rows))
    lines: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        if row["value"] is not None:
            interval = f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}] n={row['n']:,}"
            lines.setdefault((row["stage"], row["task"]), {})[row["metric"]] = interval
    body = [[*key, *(cells.get(metric, "") for metric in metrics)] for key, cells in lines.items()]
    return Table(("stage", "what", *metrics), body)


CURVES = (
    ("pretrain", "loss", "Pretraining loss (nats per token)"),
    ("pretrain", "validation_bits_per_byte", "Validation bits per byte"),
    ("extend", "loss", "Loss while the context is extended (nats per token)"),
    ("sft", "loss", "Fine-tuning loss (nats per assistant token)"),
    ("interrogated", "loss", "Loss while fine-tuned on what it knows (nats per assistant token)"),
    ("rl", "reward", "Reward per RL step"),
    ("rl", "right_share", "Share of right sums and words per RL step"),
    ("rl", "honesty_reward", "Reward of honesty's answers per RL step"),
    ("rl", "answer_rate", "Share of honesty's questions that are answered"),
    ("rl", "length", "Answer length (tokens)"),
    ("rl", "worked_share", "Share of worked answers"),
    ("rl", "truncated_share", "Share of answers that were cut"),
    ("rl", "wasted_share", "Share of answers that teach nothing: a group without variance"),
    ("reward_model", "loss", "Reward model's loss (nats per comparison; a coin: 0.693)"),
    ("rlhf", "proxy", "Reward model's score per RLHF step: what is optimised"),
    ("rlhf", "gold", "True reward per RLHF step (points)"),
    ("rlhf", "kl", "KL from where RLHF began (nats per answer)"),
    ("rlhf", "chi2_exact", "chi2 from where RLHF began"),
)


def _curves(rows: Rows) -> dict[str, bytes]:
    """Pictures by name."""
    pictures = {}
    for stage, column, name in CURVES:
        points = sorted(
            (row["step"], row[column])
            for row in rows
            if row["stage"] == stage and row.get(column) is not None
        )
        if len(points) > 1:
            pictures[name] = charts.line(name, points, x="step")
    return pictures


def _positions(rows: Rows) -> bytes:
    border = min(row["context"] for row in rows)  # the base's own windows are the shortest
    return charts.positions(rows, border)


def _scores(rows: Rows) -> dict[str, Any]:
    grids = sums_by_lengths(rows)
    relations, lines = facts_by_relation(rows)
    head, taxed = alignment_tax.lines(rows)
    return {
        "table": _in_words(*stage_table(rows)),
        "tax": Table(head, taxed) if taxed else None,
        "sums": charts.sums(grids) if grids else None,
        "facts": _in_words(relations, lines) if lines else None,
        "honesty": _honesty(rows),
    }


def _honesty(rows: Rows) -> dict[str, bytes]:
    """Pictures of the models' knowledge of their own knowledge, by name."""
    curves = {
        "Share of questions answered, by the confidence target in the system message": (
            honesty_charts.answer_rates,
            scores.answer_rates(rows),
        ),
        "Calibration: share of right answers by the model's probability of its answer": (
            honesty_charts.calibration,
            scores.calibration(rows),
        ),
        "Risk and coverage: share of wrong answers among the surest": (
            honesty_charts.risk_coverage,
            scores.risk_coverage(rows),
        ),
    }
    return {name: draw(found) for name, (draw, found) in curves.items() if found}


def _in_words(head: Sequence[Any], body: Iterable[Iterable[str]]) -> Table:
    return Table(head, [[cell.replace("_", " ") for cell in line] for line in body])


def _samples(rows: Rows) -> list[dict[str, Any]]:
    """Questions, each with who said what to it, and whether that was right or wrong."""
    by_prompt: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for row in rows:
        by_prompt.setdefault((row["suite"], row["prompt"]), {})[row["model"]] = row
    shown: dict[str, int] = {}
    samples = []
    for (suite, prompt), answers in by_prompt.items():
        shown[suite] = shown.get(suite, 0) + 1
        if shown[suite] > MAX_SAMPLES_PER_SUITE:
            continue
        replies = [
            (model, _verdict(said), said["completion"])
            for model in STAGES
            if (said := answers.get(model)) is not None
        ]
        truth = next(iter(answers.values()))["expected"]
        if suite in GONE_ON and truth:  # how the page itself went on
            replies.append(("page", "", truth))
        samples.append({"suite": suite, "prompt": prompt, "replies": replies})
    return samples


def _verdict(row: Mapping[str, Any]) -> str:
    return "" if row["correct"] is None else ("right" if row["correct"] else "wrong")


def _rollouts(rows: Rows) -> Table | None:
    """Those that were rewarded by checking them."""
    picked = _first_and_last([r for r in rows if r["kl"] is None])
    body = [
        (r["step"], r["prompt"], r["completion"], r["reward"], f"{r['advantage']:+.2f}")
        for r in picked
    ]
    return Table(("step", "prompt", "completion", "reward", "advantage"), body) if body else None


def _preferred(rows: Rows) -> Table | None:
    """Those that were rewarded by a model of what is preferred."""
    picked = _first_and_last([r for r in rows if r["kl"] is not None])
    body = [
        (r["step"], r["prompt"], r["completion"], *(_points(r[name]) for name in POINTS))
        for r in picked
    ]
    head = ("step", "prompt", "completion", "reward model", "true reward", "log pi / ref")
    return Table(head, body) if body else None


def _points(value: float | None) -> str:
    return "" if value is None else f"{value:+.2f}"


def _practice(rows: Rows) -> Table:
    return _in_words(*rl_practice.lines(rows))


def _first_and_last(rows: Rows) -> Rows:
    """Some of the first and of the last step."""
    if not rows:
        return []
    steps = (min(r["step"] for r in rows), max(r["step"] for r in rows))
    return [r for s in steps for r in [r for r in rows if r["step"] == s][:MAX_ROLLOUTS_PER_STEP]]


def _artifacts(rows: Rows) -> Table:
    body = [
        (
            r["kind"],
            r["artifact"],
            "" if r["seconds"] is None else f"{r['seconds']:.1f}",
            "" if r["rows"] is None else f"{r['rows']:,}",
            f"{r['bytes']:,}",
        )
        for r in rows
    ]
    return Table(("kind", "artifact", "seconds", "rows", "bytes"), body)
