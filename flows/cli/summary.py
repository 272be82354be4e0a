"""The newest run in tables and headline figures, for the report and for the end of a run."""

from typing import Any

import pyarrow as pa

from flows.cli import funnel
from flows.cli.ask import LISTED, Ask
from flows.cli.funnel import newest, rules, samples, taken
from storage import Lake, catalog
from storage.tables import read_table

SAMPLES_PER_RULE = 2  # of what was dropped; `crawl2chat funnel --samples` shows more
VIEWS = (
    *("metrics", "positions", "evals", "samples", "rollouts", "rl_levels", "rlhf_steps"),
    *("reliability", "pair_curve"),
)
USED = f"FROM artifacts, token_shards, {', '.join(VIEWS)} {funnel.USED}"


def report_tables(lake: Lake, ask: Ask) -> dict[str, pa.Table]:
    """What `pipeline.report.html_report.render` shows; `ask` knows the views in USED."""
    tables = {view: ask(f"FROM {view}") for view in VIEWS}
    tables["artifacts"] = ask(f"FROM ({LISTED}) WHERE current ORDER BY created")
    heads = lake.heads()
    if "corpus" in heads:
        tables["funnel"] = pa.Table.from_pylist(taken(lake, newest(lake)))
        tables["rules"] = pa.Table.from_pylist(rules(lake, newest(lake)))
        tables["dropped"] = samples(lake, ask, SAMPLES_PER_RULE)
    if "audit" in heads:
        audited = lake.manifest("audit", heads["audit"])
        tables["audit"] = read_table(lake.local_file(audited, "audit.parquet"))
    return tables


def headline(lake: Lake, ask: Ask) -> dict[str, str]:
    """The run in a few figures; what isn't made yet is left out."""
    heads = lake.heads()
    facts: dict[str, str] = {}
    if "corpus" in heads:
        from pipeline.corpus import assemble

        corpus = assemble.STAGE.statistics_of(lake.manifest("corpus", heads["corpus"]))
        facts["records read"] = f"{corpus['records']:,}"
        facts["documents kept"] = f"{corpus['documents']:,}"
        facts["words"] = f"{corpus['words']:,}"
    if "tokens" in heads:
        shards = ask("SELECT sum(tokens)::BIGINT AS n FROM token_shards").to_pylist()
        facts["tokens"] = f"{shards[0]['n'] or 0:,}"
    cost = ask("SELECT sum(seconds) AS s FROM artifacts WHERE current").to_pylist()
    if cost[0]["s"] is not None:
        facts["seconds of work"] = f"{cost[0]['s']:,.0f}"
    named = [(slot.split(".")[0], digest) for slot, digest in heads.items()]
    newest_of = [lake.manifest(*name) for name in named if lake.is_whole(*name)]
    energy = [m.provenance["energy_kwh"] for m in newest_of if "energy_kwh" in m.provenance]
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
