"""Finds the batches and rates of the real-text table, on documents that the table doesn't report.

`python -m tests.benchmarks.training … --tune [SIDE …]` trains every side as the table does, for the
same seconds, on training documents without some hosts, and measures on those hosts' documents. One
setting after the other: the best of a stage is where the next one starts. All that was tried stands
in tuned.json, from which the table takes its settings and its note.
"""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from pipeline.corpus.config import SplitConfig
from pipeline.corpus.read import corpus_batches
from pipeline.corpus.split import validation_hosts
from pipeline.tokenizer import shard_files
from pipeline.training.data_loader import TokenShards
from tests.benchmarks import kinds, real_text
from tests.benchmarks.real_text import SIDES, TUNED, Settings

HELD_OUT = SplitConfig(salt="benchmark tuning", validation_fraction=0.1)


@dataclasses.dataclass(frozen=True)
class Search:
    """Where it starts, and stages of what is laid over the best so far."""

    start: Settings
    stages: tuple[tuple[Settings, ...], ...]


def over(name: str, *values: float) -> tuple[Settings, ...]:
    return tuple({name: value} for value in values)


# Peers get as many tries as we do, or more. nanochat's rates follow its own law over batches; for
# small ones that shrinks them by 8, so its factor is searched around 8, and 1 is as it comes.
SEARCHES = {
    "nanogpt": Search(
        {"rows": 8, "learning_rate": 0.003},
        (over("rows", 4, 8, 16), over("learning_rate", 0.0015, 0.006)),
    ),
    "nanochat": Search(
        {"rows": 32, "rate_factor": 8, "warmup_steps": 40},
        (
            over("rows", 8, 16, 32, 64),
            over("rate_factor", 1, 4, 16),
            over("warmup_steps", 5),
        ),
    ),
    "portable": Search(
        {"rows": 16, "matrix_lr": 0.04, "embedding_lr": 0.1},
        (over("rows", 8, 16, 32), over("matrix_lr", 0.02, 0.06), over("embedding_lr", 0.3)),
    ),
    "speedrun": Search(
        {"rows": 16, "matrix_lr": 0.04, "embedding_lr": 0.1, "table_lr": 0.05},
        (over("rows", 8, 16, 32), over("matrix_lr", 0.02, 0.06), over("table_lr", 0.1)),
    ),
}


def split_of_training(tokens: Path, corpus: Path, out: Path) -> Path:
    """A tokens artifact of the training documents alone; its validation is some of their hosts."""
    host = {
        row["id"]: row["host"]
        for batch in corpus_batches(corpus, ["id", "host"], 10_000)
        for row in batch.to_pylist()
    }
    said = pq.read_table(tokens / "document_ids.parquet").to_pylist()
    rows = [row for row in said if row["shard"].startswith("train-")]
    training = TokenShards(tokens, "train")
    held_out = validation_hosts((host[row["id"]] for row in rows), HELD_OUT)
    out.mkdir()
    for split in ("train", "validation"):
        is_held_out = split == "validation"
        chosen = [i for i, row in enumerate(rows) if (host[row["id"]] in held_out) == is_held_out]
        texts = [training.document(index) for index in chosen]
        lengths = np.array([len(text) for text in texts])
        shard_files.save(out / f"{split}-00000.safetensors", texts, lengths)
    return out


def search(setting: real_text.Setting, keys: list[str], corpus: str) -> None:
    """Search for each side; what it found is written after each."""
    kind = kinds.kinds()[0]
    for key in keys:
        (side,) = (side for side in SIDES if side.key == key)

        def bits(settings: Settings, side: real_text.Side = side) -> dict[str, Any]:
            said = real_text.timed(setting, side, settings, kind)
            return {name: said[name] for name in ("bits_per_byte", "steps", "seconds")}

        found = best_of(SEARCHES[key], bits)
        whole = json.loads(TUNED.read_text())
        own = whole.setdefault(kind.precision, {"sides": {}})
        own["how"] = (
            "searched for each side by itself, on documents of training hosts that were kept out"
            f" of training for it ({corpus}), none of them reported here;"
            f" {setting.seconds:.0f} seconds a try, {kind.precision} products."
        )
        own["sides"][key] = found
        TUNED.write_text(json.dumps(whole, indent=1) + "\n")


def best_of(search: Search, bits: Any) -> dict[str, Any]:
    """The settings with the fewest bits per byte, and all that were tried."""
    tried: list[dict[str, Any]] = []
    chosen = search.start
    for stage in search.stages:
        start = chosen
        for overlay in stage:
            settings = {**start, **overlay}
            if any(one["settings"] == settings for one in tried):
                continue
            tried.append({"settings": settings, **bits(settings)})
            print(tried[-1], file=sys.stderr, flush=True)
        chosen = min(tried, key=lambda one: one["bits_per_byte"])["settings"]
    return {"chosen": chosen, "tried": tried}
