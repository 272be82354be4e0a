"""Commands that only read the lake: sql, explain, artifacts, report."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli import output
from flows.cli.ask import LISTED, asking
from storage import Lake, catalog
from storage.durable import unwritable
from storage.errors import UserError
from storage.explain import explain as find
from storage.local import LocalTree

if TYPE_CHECKING:  # the filters take a second to import
    from pipeline.corpus.record_replay import JudgedRecord
    from pipeline.corpus.replay import RuleReplay


def sql(chosen: argparse.Namespace) -> int:
    """DuckDB over the views."""
    table = catalog.query(Lake(chosen.lake), chosen.query, chosen.unsafe)
    try:
        rows = table.to_pylist()
        body = zip(*(column.to_pylist() for column in table.columns))
    except (OverflowError, ValueError) as error:  # Python's calendar has the years 1 to 9999
        raise UserError(f"SQL: a value can't be shown ({error}): cast it to VARCHAR") from error
    if chosen.json:
        output.document(rows)
        return 0
    if chosen.csv:
        output.comma_separated(table.column_names, body)
    else:
        output.rows(table.column_names, body)
    return 0


def artifacts(chosen: argparse.Namespace) -> int:
    """What the lake holds."""
    if chosen.json:
        listed = catalog.query(Lake(chosen.lake), "SELECT * FROM artifacts ORDER BY created")
        output.document(listed.to_pylist())
        return 0
    listed = catalog.query(Lake(chosen.lake), f"FROM ({LISTED}) ORDER BY created")
    first = listed.slice(0, output.MAX_ROWS)
    body = zip(*(column.to_pylist() for column in first.columns))
    rows = [[*line[:-1], _short_inputs(line[-1])] for line in body]
    output.rows(listed.column_names, rows, total=listed.num_rows)
    return 0


def explain(chosen: argparse.Namespace) -> int:
    """Why a page was kept or dropped."""
    lake = Lake(chosen.lake)
    found = find(lake, chosen.url.strip())  # pasted, or cut out of a file
    from pipeline.corpus.record_replay import judged_again

    records = [judged_again(record, lake.manifest) for record in found["records"]]
    if chosen.json:
        output.document({"url": found["url"], "records": records})
    else:
        for record in records:
            _print_record(record)
    return 0


def report(chosen: argparse.Namespace) -> int:
    """The newest run as one HTML page."""
    path = write_report(Lake(chosen.lake), chosen.out)
    if chosen.json:
        output.document({"report": str(path)})
    else:
        print(path)
    return 0


def write_report(lake: Lake, out: str | None = None) -> Path:
    """Render the page of the newest run; its path."""
    place = lake.tree.root if isinstance(lake.tree, LocalTree) else Path()
    path = Path(out) if out else place / "report.html"
    if not out and unwritable(place) is not None:
        raise UserError(f"can't write {path}: name another file with --out")
    from flows.cli.summary import USED, headline, report_tables
    from pipeline.report.html_report import render

    with asking(lake, USED) as ask:
        page = render("crawl2chat", report_tables(lake, ask), headline(lake, ask))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    return path


def _short_inputs(inputs: str) -> str:
    import json

    parts = []
    for key, digests in json.loads(inputs).items():
        first = digests[0].removeprefix("sha256:")[:8] if digests else "nothing"
        parts.append(f"{key} {first}" + (f" +{len(digests) - 1}" if len(digests) > 1 else ""))
    return ", ".join(parts)


def _print_record(record: "JudgedRecord") -> None:
    reasons = (record["stage"], record["rule"], record["detail"])
    why = " ".join(str(said) for said in reasons if said not in (None, ""))
    output.said(
        f"{record['url']}\n  {record['warc']} at {record['offset']:,} ({record['record_type']})"
    )
    print(f"  {record['outcome']}" + (f": {why}" if why else ""))
    if record["value"] is not None:
        print(f"  measured {record['value']:.4g} against {record['threshold']}")
    if record["duplicate_of"]:
        print(f"  kept instead: {record['duplicate_of']}")
    if record["rules"]:
        body = [
            [r["stage"], r["signal"], r["value"], f"{r['must_be']} {r['threshold']}", _mark(r)]
            for r in record["rules"]
        ]
        output.rows(("filter", "signal", "value", "must be", ""), body)
    judged = {row["signal"] for row in record["rules"]}
    others = {k: v for k, v in (record["signals"] or {}).items() if v is not None}
    others = {name: value for name, value in others.items() if name not in judged}
    if others:
        output.rows(("other signal", "value"), others.items())
    texts = (
        ("text plain", record["text_plain"]),
        ("text before", record["text_before"]),
        ("text after", record["text_after"]),
    )
    for name, text in texts:
        if text:
            output.said(f"--- {name} ---\n{text}\n")


def _mark(rule: "RuleReplay") -> str:
    return f"drops it: {rule['rule']}" if rule["drops"] else ""
