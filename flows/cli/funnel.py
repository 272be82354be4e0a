"""`crawl2chat funnel`: what every rule took, beside FineWeb's shares; samples of it; drift.

The newest corpus is shown; `--against` names an older one of the lake (`crawl2chat artifacts`).
"""

import argparse
from pathlib import Path
from typing import Any

import pyarrow as pa

from flows.cli import output
from flows.cli.ask import Ask, asking
from pipeline.filters.pii import PiiConfig, excerpt
from pipeline.report.rules import drift, rule_rows
from storage import Lake
from storage.errors import UserError
from storage.groups import GROUPS

EXCERPT_CHARACTERS = 240
AROUND_CHARACTERS = 500  # read behind them: what is cut through is known for what it is
# Words are known of pages that were measured; an id stands in several parts where stages changed.
_COUNTS = """
    SELECT l.stage, l.rule, l.outcome, count(*) AS records, sum(p.words)::BIGINT AS words
    FROM (FROM all_ledger WHERE artifact IN ({groups})) l
    LEFT JOIN (SELECT id, any_value(word_count) AS words FROM all_pages GROUP BY id) p
        ON l.id <> '' AND p.id = l.id
    GROUP BY ALL ORDER BY ALL
"""
# The same pages each time, and none chosen by its place in the crawl: by a hash of the address.
_SAMPLES = """
    SELECT l.stage, l.rule, l.value, l.threshold, l.detail, l.url,
        left(p.text, {characters}) AS text
    FROM (
        FROM ledger WHERE outcome <> 'kept'
        QUALIFY row_number() OVER (
            PARTITION BY stage, rule ORDER BY md5('{seed} ' || url || ' ' || "offset")) <= {samples}
    ) l LEFT JOIN pages p ON l.id <> '' AND p.id = l.id
    ORDER BY l.stage, l.rule, l.url
"""

USED = _COUNTS + _SAMPLES


def funnel(chosen: argparse.Namespace) -> int:
    """Print the rules, and what else is asked for."""
    lake = Lake(chosen.lake)
    artifact = newest(lake)
    against = _known(lake, chosen.against) if chosen.against else None
    with asking(lake, USED) as ask:
        rows = rules(lake, ask, artifact)
        moved = drift(rules(lake, ask, against), rows) if against else None
        dropped = samples(ask, chosen.samples, chosen.seed).to_pylist() if chosen.samples else None
    drawn = None if chosen.out is None else draw(rows, Path(chosen.out))
    if chosen.json:
        found = {"artifact": artifact, "rules": rows, "drift": moved, "samples": dropped}
        output.document({name: value for name, value in found.items() if value is not None})
        return 0
    head = ["stage", "rule", "dropped", "of", "share", "of words", "FineWeb's share"]
    output.rows(head, [_cells(row) for row in rows])
    if moved is not None:
        head = ["stage", "rule", "before", "now", "difference", "95%", "z"]
        output.rows(head, [_drift_cells(row) for row in moved], f"against {chosen.against}")
    for row in dropped or []:
        _print_sample(row)
    if drawn is not None:
        print(drawn)
    return 0


def newest(lake: Lake) -> str:
    """The artifact of the newest corpus; UserError if there is none."""
    head = lake.heads().get("corpus")
    if head is None:
        raise UserError(f"no corpus in {lake.url}: run `crawl2chat run corpus` first")
    return head[:16]


def rules(lake: Lake, ask: Ask, artifact: str) -> list[dict[str, Any]]:
    """`rule_rows` of one corpus."""
    groups = lake.manifest("corpus", artifact).inputs[GROUPS]
    listed = ", ".join(f"'{group[:16]}'" for group in groups)
    return rule_rows(ask(_COUNTS.format(groups=listed)).to_pylist())


def samples(ask: Ask, count: int, seed: int = 0) -> pa.Table:
    """Up to `count` records that each rule dropped, with the reason and how their text begins.

    Personal data is replaced in it as in the corpus.
    """
    characters = EXCERPT_CHARACTERS + AROUND_CHARACTERS
    found = ask(_SAMPLES.format(samples=int(count), seed=int(seed), characters=characters))
    texts = [
        text and excerpt(text, 0, EXCERPT_CHARACTERS, PiiConfig())
        for text in found["text"].to_pylist()
    ]
    place = found.schema.get_field_index("text")
    return found.set_column(place, "text", pa.array(texts, pa.string()))


def draw(rows: list[dict[str, Any]], path: Path) -> Path:
    """The rules as a picture."""
    from pipeline.report import charts

    path.write_bytes(charts.rule_bars(rows))
    return path


def _known(lake: Lake, prefix: str) -> str:
    found = sorted({m.artifact for m in lake.list("corpus") if m.digest.startswith(prefix)})
    if len(found) != 1:
        raise UserError(
            f"--against {prefix}: {len(found) or 'no'} corpora of this lake begin so"
            " (crawl2chat artifacts lists them)"
        )
    return found[0]


def _cells(row: dict[str, Any]) -> list[Any]:
    words = "" if row["share_of_words"] is None else f"{row['share_of_words']:.1%}"
    published = "" if row["published"] is None else f"{row['published']:.1%} {row['published_of']}"
    name = row["rule"] or "all"
    share = f"{row['share']:.1%}"
    return [row["stage"], name, row["dropped"], row["entered"], share, words, published]


def _drift_cells(row: dict[str, Any]) -> list[str]:
    between = f"{row['low']:+.1%} to {row['high']:+.1%}"
    shares = [f"{row['before']:.1%}", f"{row['now']:.1%}", f"{row['difference']:+.1%}"]
    return [row["stage"], row["rule"] or "all", *shares, between, f"{row['z']:+.1f}"]


def _print_sample(row: dict[str, Any]) -> None:
    why = "" if row["value"] is None else f" {row['value']:.4g} against {row['threshold']}"
    detail = f" {row['detail']}" if row["detail"] else ""
    output.said(f"{row['stage']} {row['rule']}{why}{detail}\n  {row['url']}")
    if row["text"]:
        output.said("  " + " ".join(row["text"].split()))
