"""Shows what a flow made in the Prefect UI: funnel, curves, scores and samples as artifacts of
its run.

Read from the lake, so that a run whose tasks were all cached shows them too; a picture of the same
artifact that Prefect still has is shown again, not drawn again. If the API doesn't take one, that
is logged and the run goes on: a picture nobody sees is no reason to lose an hour of work.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import httpx
from prefect.artifacts import Artifact, create_markdown_artifact, create_table_artifact
from prefect.exceptions import PrefectException
from prefect.logging import get_run_logger

from flows.runner import terminal
from flows.runner.references import Reference
from storage import Lake
from storage.manifest import Manifest
from storage.tables import read_table
from storage.views import TIMING_FILE

if TYPE_CHECKING:
    from pipeline.training.scaling import ScalingStatistics

# What is worth a curve: its name, and what a value is multiplied by. A step may report more.
CURVES = {
    "loss": ("loss (nats per token)", 1.0),
    "validation_bits_per_byte": ("validation bits per byte", 1.0),
    "reward": ("reward (mean of all answers)", 1.0),
    "right_share": ("share of right sums and words", 1.0),
    "honesty_reward": ("reward of honesty's answers", 1.0),
    "answer_rate": ("share of honesty's questions that are answered", 1.0),
    "length": ("answer length (tokens)", 1.0),
    "worked_share": ("share of worked answers", 1.0),
    "proxy": ("score of the reward model", 1.0),
    "gold": ("true reward (points)", 1.0),
    "kl": ("KL from where it began (nats an answer)", 1.0),
    "chi2_exact": ("chi2 from where it began", 1.0),
    "grad_norm": ("gradient norm", 1.0),
    "lr": ("learning rate (of the matrices)", 1.0),
    "tokens_per_second": ("tokens per second", 1.0),
    "mfu": ("MFU (% of this machine's measured matrix rate)", 100.0),
    "peak_memory_bytes": ("peak memory (GB)", 1e-9),
    "energy_kwh": ("energy (Wh)", 1e3),
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
    from pipeline.corpus import assemble

    manifest = lake.manifest("corpus", corpus["digest"])
    rows = json.loads(lake.local_file(manifest, "funnel.json").read_text())
    figures = assemble.STAGE.statistics_of(manifest)
    stages = [s for s in figures["funnel"] if s["dropped"] or s["errors"]]
    steps = [("records", figures["records"])]
    steps += [(f"after {stage['stage']}", stage["left"]) for stage in stages]
    size = f"{figures['words']:,} words in {figures['documents']:,} documents"
    words = (
        f"{figures['records']:,} records = {figures['kept']:,} kept"
        f" + {figures['dropped']:,} dropped + {figures['errors']:,} errors; {size}"
    )
    terminal.say(f"  corpus: {words}")

    def drawn() -> str:
        from pipeline.report import charts

        return f"{words}\n\n![funnel]({charts.data_uri(charts.funnel_bars(steps))})"

    _picture("funnel", drawn, "Records that are left after each stage", manifest)
    _table("funnel-by-rule", rows, "What every rule took")


def audit(lake: Lake, measured: Reference) -> None:
    """Precision and recall of the filters against the sample web's truth."""
    rows = read_table(_file(lake, measured, "audit.parquet")).to_pylist()
    _table("filters-against-truth", _rounded(rows), "Precision and recall on the sample web")
    judged: dict[str, list[str]] = {}
    for row in rows:
        if row["value"] is not None:
            value = f"{row['metric']} {row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
            judged.setdefault(f"{row['stage']} {row['task']}", []).append(f"{value} n={row['n']:,}")
    for what, values in judged.items():
        terminal.say(f"  truth: {what}: {', '.join(values)}")


def curves(lake: Lake, model: Reference) -> None:
    """A training run's figures over its steps, and what a clock saw of it where that is left."""

    def drawn() -> str:
        series: Series = {}
        own = ("rlhf_steps.parquet",) if model["kind"] == "rlhf" else ()
        for name in ("metrics.parquet", TIMING_FILE, *own):
            try:
                rows = read_table(_file(lake, model, name)).to_pylist()
            except FileNotFoundError:  # a provenance file may be gone from a whole artifact
                continue
            for row in rows:
                add_points(series, row)
        return curves_markdown(series)

    manifest = lake.manifest(model["kind"], model["digest"])
    _picture(
        f"curves-{model['kind'].replace('_', '-')}",
        drawn,
        f"Every step of {model['kind']}",
        manifest,
    )


def add_points(series: Series, row: Mapping[str, Any]) -> None:
    """A step's figures as points of the curves that show them."""
    for name, (_, factor) in CURVES.items():
        if row.get(name) is not None:
            series.setdefault(name, []).append((row["step"], row[name] * factor))


def draw(key: str, series: Series, description: str = "") -> None:
    """Curves of a run that goes on."""
    if text := curves_markdown(series):
        _markdown(key, text, description)


def curves_markdown(series: Series) -> str:
    """Curves of two points and more as pictures, the last value of each in words."""
    from pipeline.report import charts

    parts = []
    for name, points in ((n, series[n]) for n in CURVES if len(series.get(n, ())) > 1):
        (title, _), (step, value) = CURVES[name], points[-1]
        picture = charts.data_uri(charts.line(title, points, x="step"))
        parts.append(f"![{title}]({picture})\n\n{title}: {value:.4g} at step {step:,}")
    return "\n\n".join(parts)


def scores(lake: Lake, measured: Sequence[Reference]) -> None:
    """The stage table, sums by the lengths of their numbers, and what the models said."""
    from pipeline.report import alignment_tax, charts, honesty_charts
    from pipeline.report.scores import answer_rates, stage_table, sums_by_lengths

    rows, samples = [], []
    for item in measured:
        rows += read_table(_file(lake, item, "evals.parquet")).to_pylist()
        said = read_table(_file(lake, item, "samples.parquet")).to_pylist()
        samples += said[:: max(1, len(said) * len(measured) // MAX_SAMPLES)]  # some of every suite
    head, body = stage_table(rows)
    table = [dict(zip(head, line)) for line in body]
    _table("scores", table, "What each stage changed: value, 95% interval, n")
    head, body = alignment_tax.lines(rows)
    if body:
        taxed = [dict(zip(head, line)) for line in body]
        _table("alignment-tax", taxed, "What preferences bought, and what they cost")
    if grids := sums_by_lengths(rows):
        picture = charts.data_uri(charts.sums(grids))
        _markdown("sums", f"![right sums]({picture})", "Right sums (%) by lengths of both numbers")
    if curves := answer_rates(rows):
        picture = charts.data_uri(honesty_charts.answer_rates(curves))
        title = "Share of questions answered, by stated confidence target"
        _markdown("answer-rates", f"![answer rates]({picture})", title)
    shown = [{name: _clip(value) for name, value in row.items()} for row in samples[:MAX_SAMPLES]]
    _table("samples", shown, "What the models say")


def compression(lake: Lake, report: Reference) -> None:
    """Bytes per token: the curve over vocabulary sizes, and every row."""
    rows = read_table(_file(lake, report, "compression.parquet")).to_pylist()
    points = [(int(r["name"]), r["bytes_per_token"]) for r in rows if r["kind"] == "vocab_size"]
    by_language = [r for r in rows if r["kind"] == "language"]
    words = ", ".join(f"{r['name']} {r['bytes_per_token']:.2f}" for r in by_language[:8])
    terminal.say(f"  tokenizer: {rows[0]['bytes_per_token']:.2f} bytes per token ({words})")

    def drawn() -> str:
        from pipeline.report import charts

        return f"![bytes per token]({charts.data_uri(charts.vocabulary(points))})"

    manifest = lake.manifest(report["kind"], report["digest"])
    _picture("vocabulary", drawn, "Bytes per token by vocabulary size", manifest)
    _table("compression", _rounded(rows), "Bytes per token by language, host, size")


def scaling(lake: Lake, law: Reference) -> None:
    """The ladder, its law and what it predicts, as a picture and in words."""
    from pipeline.training.scaling import STAGE

    rows = read_table(_file(lake, law, "runs.parquet")).to_pylist()
    manifest = lake.manifest("scaling", law["digest"])
    statistics = STAGE.statistics_of(manifest)
    words = scaling_words(statistics)

    def chart() -> bytes:
        from pipeline.report import charts

        return charts.scaling(rows, statistics)

    _words_and_chart("scaling", words, chart, "Loss against compute", manifest)
    _table("scaling-runs", _rounded(rows), "Every size of the ladder")


def positions(lake: Lake, measured: Reference) -> None:
    """Bits per byte by position in the page, as a picture and in a sentence a reader."""
    from pipeline.evals.positions import STAGE

    rows = read_table(_file(lake, measured, "positions.parquet")).to_pylist()
    manifest = lake.manifest("positions", measured["digest"])
    statistics = STAGE.statistics_of(manifest)
    border = statistics["context_before"]
    words = [
        f"{reader}: {value:.4f} bits per byte beyond {border} tokens"
        for reader, value in statistics["beyond"].items()
    ]

    def chart() -> bytes:
        from pipeline.report import charts

        return charts.positions(rows, border)

    _words_and_chart("positions", words, chart, "Bits per byte by position", manifest)
    _table("positions-rows", _rounded(rows), "Bits per byte by position")


def scaling_words(statistics: "ScalingStatistics") -> list[str]:
    """What a ladder's statistics say, a sentence each."""
    law, check, ahead = statistics["law"], statistics["check"], statistics["next"]
    return [
        f"bits per byte = {law['floor']:.3f} + {law['scale']:.3f} (FLOPs /"
        f" {law['reference']:.2e})^-{law['exponent']:.3f}, {len(statistics['points'])} runs",
        f"the largest size ({check['flops']:.2e} FLOPs) predicted from the others:"
        f" {check['value']:.4f} [{check['low']:.4f}, {check['high']:.4f}],"
        f" measured {check['measured']:.4f} ({check['error']:+.2%})",
        f"at {ahead['flops']:.2e} FLOPs it predicts {ahead['value']:.4f}"
        f" [{ahead['low']:.4f}, {ahead['high']:.4f}]",
    ]


def _words_and_chart(
    key: str, words: list[str], chart: Callable[[], bytes], description: str, shows: Manifest
) -> None:
    """Sentences in the terminal, and with the chart under them in the UI."""

    def drawn() -> str:
        from pipeline.report import charts

        return "\n\n".join([*words, f"![{key}]({charts.data_uri(chart())})"])

    for sentence in words:
        terminal.say(f"  {key}: {sentence}")
    _picture(key, drawn, description, shows)


def _picture(key: str, drawn: Callable[[], str], description: str, shows: Manifest) -> None:
    """A Markdown artifact with a picture of an artifact of the lake, drawn once."""
    # Built again it has the same digest, but other times.
    made = shows.provenance.get("created", "")
    description = f"{description} ({shows.kind} {shows.artifact}, {made})"
    earlier = attempt(lambda: Artifact.get(key))
    known = earlier is not None and earlier.description == description
    if text := str(earlier.data) if known else drawn():
        _markdown(key, text, description)


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
