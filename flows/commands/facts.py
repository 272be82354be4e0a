"""The newest run in tables and headline figures, for the report and for the end of a run."""

import json
from typing import Any

import pyarrow as pa

from flows.commands.funnel import newest, rules, samples
from storage import Lake, catalog
from storage.tables import read_table

SAMPLES_PER_RULE = 2  # of what was dropped; `crawl2chat funnel --samples` shows more
VIEWS = ("metrics", "positions", "evals", "samples", "rollouts", "artifacts")


def report_tables(lake: Lake) -> dict[str, pa.Table]:
    """What `pipeline.report.page.render` shows."""
    tables = {}
    for view in VIEWS:
        chosen = "SELECT * FROM artifacts WHERE current" if view == "artifacts" else f"FROM {view}"
        tables[view] = catalog.query(lake, chosen)
    heads = lake.heads()
    if "corpus" in heads:
        corpus = lake.manifest("corpus", heads["corpus"])
        funnel = json.loads(lake.local_file(corpus, "funnel.json").read_text())
        tables["funnel"] = pa.Table.from_pylist(funnel)
        tables["rules"] = pa.Table.from_pylist(rules(lake, newest(lake)))
        tables["dropped"] = samples(lake, SAMPLES_PER_RULE)
    if "quality" in heads:
        quality = lake.manifest("quality", heads["quality"])
        tables["quality"] = read_table(lake.local_file(quality, "quality.parquet"))
    return tables


def headline(lake: Lake) -> dict[str, str]:
    """The run in a few figures; what isn't made yet is left out."""
    heads = lake.heads()
    facts: dict[str, str] = {}
    if "corpus" in heads:
        corpus = lake.manifest("corpus", heads["corpus"]).statistics
        facts["records read"] = f"{corpus['records']:,}"
        facts["documents kept"] = f"{corpus['documents']:,}"
        facts["words"] = f"{corpus['words']:,}"
    if "tokens" in heads:
        shards = catalog.query(
            lake, "SELECT sum(tokens)::BIGINT AS n FROM token_shards"
        ).to_pylist()
        facts["tokens"] = f"{shards[0]['n'] or 0:,}"
    cost = catalog.query(lake, "SELECT sum(seconds) AS s FROM artifacts WHERE current").to_pylist()
    if cost[0]["s"] is not None:
        facts["seconds of work"] = f"{cost[0]['s']:,.0f}"
    energy = [
        m.provenance["energy_kwh"]
        for m in lake.list()
        if m.digest in heads.values() and "energy_kwh" in m.provenance
    ]
    if energy:
        facts["kWh (models and tables)"] = f"{sum(energy):.4f}"
    return facts


def scores(lake: Lake, models: set[str] | None = None, suites: set[str] | None = None) -> Any:
    """Rows of `evals` for the newest models, in the order in which they were measured."""
    rows = catalog.query(lake, "FROM evals").to_pylist()
    return [
        row
        for row in rows
        if (not models or row["model"] in models) and (not suites or row["suite"] in suites)
    ]
