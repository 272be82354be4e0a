"""`crawl2chat funnel`: what every rule took, beside FineWeb's shares; samples of it; drift.

The newest corpus is shown; `--against` names an older one of the lake (`crawl2chat artifacts`).
"""

import argparse
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from flows.cli import output
from flows.cli.ask import Ask, asking
from pipeline.corpus.funnel import RuleCount
from pipeline.filters.pii import PiiConfig, excerpt
from pipeline.report.rules import RuleDrift, RuleShare, drift, funnel_shares
from storage import Lake
from storage.errors import UserError
from storage.pages import pages_of

EXCERPT_CHARACTERS = 240
AROUND_CHARACTERS = 500  # read behind them: what is cut through is known for what it is
# The same pages each time, and none chosen by its place in the crawl: by a hash of the address.
_SAMPLES = """
    SELECT stage, rule, value, threshold, detail, url, id, warc, "offset", artifact
    FROM ledger WHERE outcome <> 'kept'
    QUALIFY row_number() OVER (
        PARTITION BY stage, rule ORDER BY md5('{seed} ' || url || ' ' || "offset")) <= {count}
    ORDER BY stage, rule, url, warc, "offset"
"""
SHOWN = ["stage", "rule", "value", "threshold", "detail", "url"]

USED = _SAMPLES  # texts are looked up apart: the view of all pages would open every part


def funnel(chosen: argparse.Namespace) -> int:
    """Print the rules, and what else is asked for."""
    lake = Lake(chosen.lake)
    artifact = newest(lake)
    against = _known(lake, chosen.against) if chosen.against else None
    rows = rules(lake, artifact)
    moved = drift(rules(lake, against), rows) if against else None
    dropped = None
    if chosen.samples:
        with asking(lake, USED) as ask:
            dropped = samples(lake, ask, chosen.samples, chosen.seed).to_pylist()
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
    """The artifact of the newest corpus.

    Raises:
        UserError: there is none.
    """
    head = lake.heads().get("corpus")
    if head is None:
        raise UserError(f"no corpus in {lake.url}: run `crawl2chat run corpus` first")
    return head[:16]


def rules(lake: Lake, artifact: str) -> list[RuleShare]:
    """`funnel_shares` of one corpus; without shares of words if an older version made it."""
    return funnel_shares(taken(lake, artifact))


def taken(lake: Lake, artifact: str) -> list[RuleCount]:
    """What each rule of one corpus took, as it was counted when the corpus was made."""
    file = lake.local_file(lake.manifest("corpus", artifact), "funnel.json")
    rows: list[RuleCount] = json.loads(file.read_text())
    return rows


def samples(lake: Lake, ask: Ask, count: int, seed: int = 0) -> pa.Table:
    """Up to `count` records that each rule dropped, with the reason and how their text begins.

    Personal data is replaced in it as in the corpus.
    """
    dropped = ask(_SAMPLES.format(count=int(count), seed=int(seed)))
    begins: dict[str, str | None] = {}
    for pages in pages_of(lake, dropped, ["id", "text"]):
        texts = pc.utf8_slice_codeunits(pages["text"], 0, EXCERPT_CHARACTERS + AROUND_CHARACTERS)
        begins.update(zip(pages["id"].to_pylist(), texts.to_pylist()))
    found = [begins.get(id_) for id_ in dropped["id"].to_pylist()]
    excerpts = [text and excerpt(text, 0, EXCERPT_CHARACTERS, PiiConfig()) for text in found]
    return dropped.select(SHOWN).append_column("text", pa.array(excerpts, pa.string()))


def draw(rows: list[RuleShare], path: Path) -> Path:
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


def _cells(row: RuleShare) -> list[str | int]:
    words = "" if row["share_of_words"] is None else f"{row['share_of_words']:.1%}"
    published = "" if row["published"] is None else f"{row['published']:.1%} {row['published_of']}"
    name = row["rule"] or "all"
    share = f"{row['share']:.1%}"
    return [row["stage"], name, row["dropped"], row["entered"], share, words, published]


def _drift_cells(row: RuleDrift) -> list[str]:
    between = f"{row['low']:+.1%} to {row['high']:+.1%}"
    shares = [f"{row['before']:.1%}", f"{row['now']:.1%}", f"{row['difference']:+.1%}"]
    return [row["stage"], row["rule"] or "all", *shares, between, f"{row['z']:+.1f}"]


def _print_sample(row: dict[str, Any]) -> None:
    why = "" if row["value"] is None else f" {row['value']:.4g} against {row['threshold']}"
    detail = f" {row['detail']}" if row["detail"] else ""
    output.said(f"{row['stage']} {row['rule']}{why}{detail}\n  {row['url']}")
    if row["text"]:
        output.said("  " + " ".join(row["text"].split()))
