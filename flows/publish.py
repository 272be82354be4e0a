"""Shows what a flow made in the Prefect UI: funnel, curves, scores and samples as artifacts of
its run.

Read from the lake, so that a run whose tasks were all cached shows them too. If the API doesn't
take one, that is logged and the run goes on: a picture nobody sees is no reason to lose an hour
of work.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

import httpx
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.exceptions import PrefectException
from prefect.logging import get_run_logger

from flows import terminal
from flows.references import Reference
from storage import Lake
from storage.tables import read_table

# What is worth a curve, and its name; a training step may report more.
CURVES = {
    "loss": "loss (nats per token)",
    "validation_bits_per_byte": "validation bits per byte",
    "reward": "reward (share of right answers)",
    "length": "answer length (tokens)",
    "worked_share": "share of worked answers",
}
MAX_SAMPLES = 60
MAX_TEXT_CHARACTERS = 400

Series = dict[str, list[tuple[float, float]]]


def attempt(request: Callable[[], Any]) -> Any:
    """A request to the API that may fail without failing the run."""
    try:
        return request()
    except (httpx.HTTPError, PrefectException) as error:
        get_run_logger().warning("Prefect did not take an artifact: %s", error)
        return None


def funnel(lake: Lake, corpus: Reference) -> None:
    """What every stage took, as a picture, and every rule, as a table."""
    from pipeline.report import charts

    manifest = lake.manifest("corpus", corpus["digest"])
    rows = json.loads(lake.local_file(manifest, "funnel.json").read_text())
    stages = [s for s in manifest.statistics["funnel"] if s["dropped"] or s["errors"]]
    steps = [("records", manifest.statistics["records"])]
    steps += [(f"after {stage['stage']}", stage["left"]) for stage in stages]
    picture = f"![funnel]({charts.data_uri(charts.funnel_bars(steps))})"
    figures = manifest.statistics
    size = f"{figures['words']:,} words in {figures['documents']:,} documents"
    words = (
        f"{figures['records']:,} records = {figures['kept']:,} kept"
        f" + {figures['dropped']:,} dropped + {figures['errors']:,} errors; {size}"
    )
    terminal.say(f"  corpus: {words}")
    _markdown("funnel", f"{words}\n\n{picture}", "Records that are left after each stage")
    _table("funnel-by-rule", rows, "What every rule took")


def quality(lake: Lake, measured: Reference) -> None:
    """Precision and recall of the filters against the sample web's truth."""
    rows = read_table(_file(lake, measured, "quality.parquet")).to_pylist()
    _table("filters-against-truth", _rounded(rows), "Precision and recall on the sample web")
    judged: dict[str, list[str]] = {}
    for row in rows:
        if row["value"] is not None:
            value = f"{row['metric']} {row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
            judged.setdefault(f"{row['stage']} {row['task']}", []).append(f"{value} n={row['n']:,}")
    for what, values in judged.items():
        terminal.say(f"  truth: {what}: {', '.join(values)}")


def curves(lake: Lake, model: Reference) -> None:
    """A training run's figures over its steps."""
    rows = read_table(_file(lake, model, "metrics.parquet")).to_pylist()
    series = {
        name: [(row["step"], row[name]) for row in rows if row[name] is not None] for name in CURVES
    }
    draw(f"curves-{model['kind']}", series, f"Every step of {model['kind']}")


def draw(key: str, series: Series, description: str = "") -> None:
    """Curves as pictures in one Markdown artifact, the last value of each in words."""
    drawn = {name: points for name, points in series.items() if len(points) > 1}
    if drawn:
        _markdown(key, curves_markdown(drawn), description)


def curves_markdown(series: Series) -> str:
    """The Markdown behind `draw`."""
    from pipeline.report import charts

    parts = []
    for name, points in series.items():
        title, (step, value) = CURVES.get(name, name), points[-1]
        picture = charts.data_uri(charts.line(title, points, x="step"))
        parts.append(f"![{title}]({picture})\n\n{title}: {value:.4g} at step {step:,}")
    return "\n\n".join(parts)


def scores(lake: Lake, measured: Sequence[Reference]) -> None:
    """The stage table, and what the models said."""
    from pipeline.report.scores import stage_table

    rows, samples = [], []
    for item in measured:
        rows += read_table(_file(lake, item, "evals.parquet")).to_pylist()
        samples += read_table(_file(lake, item, "samples.parquet")).to_pylist()
    head, body = stage_table(rows)
    table = [dict(zip(head, line)) for line in body]
    _table("scores", table, "What each stage changed: value, 95% interval, n")
    shown = [{name: _clip(value) for name, value in row.items()} for row in samples[:MAX_SAMPLES]]
    _table("samples", shown, "What the models say")


def _markdown(key: str, text: str, description: str) -> None:
    attempt(lambda: create_markdown_artifact(text, key=key, description=description))


def _table(key: str, rows: list[dict[str, Any]], description: str) -> None:
    attempt(lambda: create_table_artifact(rows, key=key, description=description))


def _file(lake: Lake, item: Reference, name: str) -> Any:
    return lake.local_file(lake.manifest(item["kind"], item["digest"]), name)


def _rounded(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in row.items()
        }
        for row in rows
    ]


def _clip(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MAX_TEXT_CHARACTERS:
        return value[:MAX_TEXT_CHARACTERS] + " …"
    return value
