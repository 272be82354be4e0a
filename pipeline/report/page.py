"""One self-contained HTML page of a run: funnel, curves, scores by stage, samples, artifacts.

Arrow tables go in (the lake's views of one run), a page comes out that needs no network and no
script: pictures are embedded, styles inline, every text from the web escaped. A section whose table
is empty says so instead of vanishing, since a missing number is a finding too.
"""

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from pipeline.filters.stages import STAGES as CORPUS_STAGES
from pipeline.report import charts
from pipeline.report.scores import STAGES, facts_by_relation, stage_table, sums_by_lengths

MAX_SAMPLES_PER_SUITE = 4
GONE_ON = ("simulator", "memorization")  # suites that go on with a page
MAX_TEXT_CHARACTERS = 600


def render(title: str, tables: Mapping[str, pa.Table], facts: Mapping[str, str]) -> str:
    """The page as one HTML string.

    `tables` holds the views funnel, rules, dropped, quality, metrics, positions, evals, samples,
    rollouts, artifacts; a name that is absent counts as empty. `facts` are the headline figures,
    name to value, in order.
    """

    def rows(name: str) -> list[dict[str, Any]]:
        return tables[name].to_pylist() if name in tables else []

    sections = [
        _section(
            "The funnel", "From crawled record to training document.", _funnel(rows("funnel"))
        ),
        _section(
            "What each rule took",
            "Share of what came into the rule's stage: of words where text was measured, else of"
            " records. Diamonds: FineWeb's published shares of tokens, on another crawl.",
            _rules(rows("rules")),
        ),
        _section(
            "Dropped pages, rule by rule",
            "Chosen by a hash of their address. The value stands against its threshold.",
            _dropped(rows("dropped")),
        ),
        _section(
            "The filters against the truth",
            "The sample web knows what each page is; real crawls have no such table.",
            _quality(rows("quality")),
        )
        if rows("quality")
        else "",
        _section("Learning curves", "", _curves(rows("metrics"))),
        _section(
            "A longer context",
            "Bits per byte by place in the page, 95% intervals by bootstrap over pages. The dashed"
            " line is where the base model's context ends.",
            _positions(rows("positions")),
        )
        if rows("positions")
        else "",
        _section(
            "What each stage changed",
            "Value with its 95% interval and n. Each suite begins with what is hardest: entities,"
            " words and wordings that no stage was trained on. What guessing pays stands beside.",
            _scores(rows("evals")),
        ),
        _section("The same questions, stage by stage", "", _samples(rows("samples"))),
        _section(
            "Reinforcement learning, answer by answer",
            "Rollouts from the first and the last step.",
            _rollouts(rows("rollouts")),
        ),
        _section(
            "Artifacts", "What was made, from what, at what cost.", _artifacts(rows("artifacts"))
        ),
    ]
    cards = "".join(
        f"<div class=card><b>{_text(value)}</b><span>{_text(name)}</span></div>"
        for name, value in facts.items()
    )
    return _PAGE.format(title=_text(title), cards=cards, sections="\n".join(sections))


def _section(heading: str, lead: str, body: str) -> str:
    lead = f"<p class=lead>{_text(lead)}</p>" if lead else ""
    return f"<section><h2>{_text(heading)}</h2>{lead}{body}</section>"


def _funnel(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return _nothing("no corpus yet")
    kept = [r for r in rows if r["outcome"] == "kept"]
    lost = sorted((r for r in rows if r["outcome"] != "kept"), key=lambda r: -r["count"])
    total = sum(r["count"] for r in rows)
    picture = charts.funnel_bars(_remaining_by_stage(rows))
    table = _table(
        ("stage", "rule", "records", "share"),
        [
            (r["stage"], r["rule"], f"{r['count']:,}", f"{r['count'] / total:.1%}")
            for r in [*lost, *kept]
        ],
    )
    return _image(picture, "funnel") + f"<details><summary>every rule</summary>{table}</details>"


def _rules(rows: Sequence[Mapping[str, Any]]) -> str:
    return _image(charts.rule_bars(rows), "rules") if rows else _nothing("no corpus yet")


def _dropped(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return _nothing("nothing was dropped")
    body = []
    for row in rows:
        measured = "" if row["value"] is None else f"{row['value']:.4g} / {row['threshold']:g}"
        why = " ".join(part for part in (measured, row["detail"]) if part)
        body.append((row["stage"], row["rule"], why, row["url"], _clip(row["text"] or "")))
    table = _table(("stage", "rule", "value / threshold", "page", "its text"), body)
    return f"<details><summary>{len(rows)} pages</summary>{table}</details>"


def _remaining_by_stage(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
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


def _quality(rows: Sequence[Mapping[str, Any]]) -> str:
    """One line for what was judged, one column for each metric."""
    metrics = list(dict.fromkeys(row["metric"] for row in rows))
    lines: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        if row["value"] is not None:
            interval = f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}] n={row['n']:,}"
            lines.setdefault((row["stage"], row["task"]), {})[row["metric"]] = interval
    body = [[*key, *(cells.get(metric, "") for metric in metrics)] for key, cells in lines.items()]
    return _table(("stage", "what", *metrics), body)


CURVES = (
    ("pretrain", "loss", "Pretraining loss (nats per token)"),
    ("pretrain", "validation_bits_per_byte", "Validation bits per byte"),
    ("extend", "loss", "Loss while the context is extended (nats per token)"),
    ("sft", "loss", "Fine-tuning loss (nats per assistant token)"),
    ("rl", "reward", "Reward per RL step (share of right answers)"),
    ("rl", "length", "Answer length (tokens)"),
    ("rl", "worked_share", "Share of worked answers"),
)


def _curves(rows: Sequence[Mapping[str, Any]]) -> str:
    pictures = []
    for stage, column, name in CURVES:
        points = [
            (row["step"], row[column])
            for row in rows
            if row["stage"] == stage and row.get(column) is not None
        ]
        if len(points) > 1:
            points.sort()
            pictures.append(_image(charts.line(name, points, x="step"), name))
    return f"<div class=grid>{''.join(pictures)}</div>" if pictures else _nothing("no training yet")


def _positions(rows: Sequence[Mapping[str, Any]]) -> str:
    border = min(row["context"] for row in rows)  # the base's own windows are the shortest
    return _image(charts.positions(rows, border), "bits per byte by position")


def _scores(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return _nothing("no evaluation yet")
    head, body = stage_table(rows)
    table = _table(head, [[cell.replace("_", " ") for cell in line] for line in body])
    if grids := sums_by_lengths(rows):
        table += "<p class=lead>Right sums (%) by the lengths of both numbers.</p>"
        table += _image(charts.sums(grids), "right sums by lengths")
    relations, lines = facts_by_relation(rows)
    if lines:
        inner = _table(relations, [[cell.replace("_", " ") for cell in line] for line in lines])
        name = "questions on facts stated often, relation by relation"
        table += f"<details><summary>{name}</summary>{inner}</details>"
    return table


def _samples(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return _nothing("no samples yet")
    by_prompt: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for row in rows:
        by_prompt.setdefault((row["suite"], row["prompt"]), {})[row["model"]] = row
    shown: dict[str, int] = {}
    parts = []
    for (suite, prompt), answers in by_prompt.items():
        shown[suite] = shown.get(suite, 0) + 1
        if shown[suite] > MAX_SAMPLES_PER_SUITE:
            continue
        replies = "".join(
            f"<div class='reply {_verdict(said)}'><i>{m}</i>{_clip(said['completion'])}</div>"
            for m in STAGES
            if (said := answers.get(m)) is not None
        )
        truth = next(iter(answers.values()))["expected"]
        if suite in GONE_ON and truth:  # how the page itself went on
            replies += f"<div class=reply><i>page</i>{_clip(truth)}</div>"
        parts.append(
            f"<div class=sample><div class=prompt><i>{_text(suite)}</i>{_clip(prompt)}</div>"
            f"{replies}</div>"
        )
    return "".join(parts)


def _verdict(row: Mapping[str, Any]) -> str:
    return "" if row["correct"] is None else ("right" if row["correct"] else "wrong")


def _rollouts(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return _nothing("no rollouts yet")
    first, last = min(r["step"] for r in rows), max(r["step"] for r in rows)
    picked = [r for r in rows if r["step"] == first][:6] + [r for r in rows if r["step"] == last][
        :6
    ]
    return _table(
        ("step", "prompt", "completion", "reward", "advantage"),
        [
            (r["step"], r["prompt"], r["completion"], r["reward"], f"{r['advantage']:+.2f}")
            for r in picked
        ],
    )


def _artifacts(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return _nothing("an empty lake")
    return _table(
        ("kind", "artifact", "seconds", "rows", "bytes"),
        [
            (
                r["kind"],
                r["artifact"],
                "" if r["seconds"] is None else f"{r['seconds']:.1f}",
                "" if r["rows"] is None else f"{r['rows']:,}",
                f"{r['bytes']:,}",
            )
            for r in rows
        ],
    )


def _table(head: Iterable[Any], body: Iterable[Iterable[Any]]) -> str:
    cells = "".join(f"<th>{_text(name)}</th>" for name in head)
    lines = "".join(
        "<tr>" + "".join(f"<td>{_clip(cell)}</td>" for cell in line) + "</tr>" for line in body
    )
    return f"<div class=scroll><table><tr>{cells}</tr>{lines}</table></div>"


def _image(png: bytes, name: str) -> str:
    return f'<img alt="{_text(name)}" src="{charts.data_uri(png)}">'


def _nothing(what: str) -> str:
    return f"<p class=nothing>{_text(what)}</p>"


def _clip(value: Any) -> str:
    text = str(value)
    if len(text) > MAX_TEXT_CHARACTERS:
        text = text[:MAX_TEXT_CHARACTERS] + " …"
    return _text(text)


def _text(value: Any) -> str:
    return html.escape(str(value))


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root {{ --ink:#1c2330; --dim:#667085; --line:#e4e7ec; --accent:#2e5aac; --paper:#fff;
    --soft:#f7f8fa }}
@media (prefers-color-scheme: dark) {{
  :root {{ --ink:#e6e9ef; --dim:#98a2b3; --line:#2d3442; --accent:#8ab0ff; --paper:#151a23;
    --soft:#1c2330 }}
  img {{ background:#fff; border-radius:8px }}
}}
body {{ font:16px/1.55 system-ui,sans-serif; color:var(--ink); background:var(--paper);
  max-width:1080px; margin:0 auto; padding:32px 20px 80px }}
h1 {{ font-size:30px; margin:0 0 20px }} h2 {{ font-size:21px; margin:48px 0 4px }}
.lead,.nothing {{ color:var(--dim); margin:0 0 14px }}
.cards {{ display:flex; flex-wrap:wrap; gap:12px }}
.card {{ background:var(--soft); border:1px solid var(--line); border-radius:10px;
    padding:12px 16px; min-width:120px }}
.card b {{ display:block; font-size:21px }} .card span {{ color:var(--dim); font-size:13px }}
.grid {{ display:grid; grid-template-columns:repeat(auto-fit,minmax(330px,1fr)); gap:14px }}
img {{ max-width:100%; height:auto; display:block }}
.scroll {{ overflow-x:auto }}
table {{ border-collapse:collapse; width:100%; font-size:14px; font-variant-numeric:tabular-nums }}
th,td {{ text-align:left; padding:6px 10px; border-bottom:1px solid var(--line); vertical-align:top;
  white-space:pre-wrap; overflow-wrap:break-word; min-width:56px }}
th {{ color:var(--dim); font-weight:600; white-space:nowrap }}
summary {{ cursor:pointer; color:var(--accent); margin:8px 0 }}
.sample {{ border:1px solid var(--line); border-radius:10px; margin:12px 0; overflow:hidden }}
.sample>div {{ padding:8px 14px; white-space:pre-wrap; overflow-wrap:anywhere;
    border-left:4px solid transparent }}
.sample i {{ color:var(--dim); font-style:normal; font-size:12px; text-transform:uppercase;
    margin-right:10px }}
.prompt {{ background:var(--soft); font-weight:600 }}
.reply.right {{ border-left-color:#2f9e6e }} .reply.wrong {{ border-left-color:#d0584f }}
</style></head><body>
<h1>{title}</h1><div class=cards>{cards}</div>
{sections}
</body></html>
"""
