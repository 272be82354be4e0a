"""How many pages the gates of the pass lose that the full path would keep: `python -m
tests.benchmarks.gates FILE.warc.gz …`.

Every page is extracted and measured as if there were no gate; of those that the recipe's selection
keeps, the share that passes the gate is its recall, of the others the share that it spares.
"""

import argparse
import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.corpus.config import SelectConfig
from pipeline.corpus.select import select
from pipeline.crawl.warc import read_records
from pipeline.filters.language import LanguageIdentifier
from pipeline.scan.batches import page_row
from pipeline.scan.config import GateConfig, ScanConfig
from pipeline.scan.judge import Judge
from storage.schemas import PAGES

THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.5)
OPEN = GateConfig(languages=(), min_text_characters=0)


def measured(paths: list[Path]) -> Iterator[tuple[dict[str, object], str]]:
    """Every page's row as if no gate stood before it, and its plain text."""
    judge = Judge(dataclasses.replace(ScanConfig(), gate=OPEN))
    for path in paths:
        for record in read_records(path, judge.config.limits):
            judged = judge.record(path.name, record)
            if judged.kept:
                yield page_row(path.name, "", record, judged), judged.plain


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    paths = parser.parse_args().files
    gate, languages = GateConfig(), LanguageIdentifier()
    rows, scores, long_enough = [], [], []
    for row, plain in measured(paths):
        rows.append({**row, "text": ""})
        long_enough.append(len(plain.strip()) >= gate.min_text_characters)
        # a threshold that nothing passes: the decision then holds the score
        decision = languages.gate(plain, gate.languages, 2.0)
        scores.append(0.0 if decision is None else decision.value)
    selected = select(pa.Table.from_pylist(rows, schema=PAGES), 0, SelectConfig())
    kept = np.array(selected["outcome"].to_pylist()) == "kept"
    score, long = np.array(scores), np.array(long_enough)
    print(f"{len(rows):,} pages with main text, of which the recipe keeps {kept.sum():,}")
    print(f"lowest score among those: {score[kept].min():.3f}")
    for least in (*THRESHOLDS, gate.min_language_score):
        passed = (score >= least) & long
        recall, spared = passed[kept].mean(), 1 - passed[~kept].mean()
        print(f"gate {least:4}: recall {recall:.5f}, {spared:.3f} of the others spared")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
