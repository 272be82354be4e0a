"""A true lake whose every text would be markup: for pages that must show it as text.

In: a lake of the explorer's stages, copied. Out: the same with tables and manifests that are full
of `INJECTIONS`, and a reader that gives all of them in place of every text that a query, a record's
explanation or a run under way has, but for names that only code chooses.
"""

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from explorer_lake import FIRST
from injection_strings import ALL, INJECTIONS, joined
from search_corpora import write_index

from flows.cli.served_lake import ServedLake
from pipeline.serve.live_run import LiveRun
from storage import Lake, schemas
from storage.digest import artifact_digest
from storage.explanation import Explanation
from storage.manifest import Manifest
from storage.query_answer import QueryAnswer
from storage.tables import table, write_table

QUESTION = "Who keeps the harbour?"  # the one fact's
LIVE = "fedcba9876543210"
# Names that code chooses, digests and times; the rest of a lake may be anybody's text.
KEPT = frozenset(
    (
        *("id", "artifact", "digest", "kind", "created", "inputs", "recipe", "date", "frequency"),
        *("class", "task", "metric", "suite", "outcome", "record_type", "columns", "name"),
        *("warc_path", "warc_sha256", "cluster", "keeper", "tools"),
    )
)
PIECES = joined(400)


class HostileReader:
    """A `pipeline.serve.lake_reader.LakeReader`.

    Args:
        lake: whose texts are replaced.
        index: folder of a search index whose texts are hostile.
        funnel: folder with a funnel.json whose rules are.
    """

    def __init__(self, lake: ServedLake, index: Path, funnel: Path) -> None:
        self.lake, self.index, self.funnel = lake, index, funnel

    def rows(self, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> pa.Table:
        """As the lake gives them, with other texts."""
        found = self.lake.rows(sql, parameters)
        columns = [
            _texts(column) if name not in KEPT else column
            for name, column in zip(found.column_names, found.columns)
        ]
        return pa.table(columns, names=found.column_names)

    def version(self) -> int:
        """The lake's."""
        return self.lake.version()

    def expect_query(self) -> None:
        """Nobody need be ready."""

    def heads(self) -> Mapping[str, str]:
        """The lake's, and that there is an index."""
        return {**self.lake.heads(), "search_index": "0" * 64}

    def folder(self, kind: str, digest: str) -> Path:
        """The lake's, but for what is hostile."""
        others = {"search_index": self.index, "corpus": self.funnel}
        return others[kind] if kind in others else self.lake.folder(kind, digest)

    def manifest(self, kind: str | None, digest: str) -> Manifest:
        """The lake's: `make_hostile_lake` commits one that is full of such texts."""
        return self.lake.manifest(kind, digest)

    def explain(self, url: str) -> Explanation:
        """Of the first page; its text is taken out as a whole, or put in where "after" is asked."""
        found: Any = _replaced(self.lake.explain(FIRST), "")
        for record in found["records"]:
            record["warc_path"] = None
            if record["corpus"]:
                texts = (ALL, "Nothing.") if url != "after" else ("Nothing.", ALL)
                record["document"]["text"], record["corpus"]["text"] = texts
                record["corpus"]["pii"] = dict.fromkeys(INJECTIONS, 1)
        explained: Explanation = found
        return explained

    def answer(self, sql: str, most_rows: int) -> QueryAnswer:
        """The lake's: the query itself brings such texts."""
        return self.lake.answer(sql, most_rows)

    def live_runs(self) -> Sequence[LiveRun]:
        """One."""
        steps = np.arange(1.0, 9.0)
        columns = {"step": steps, "tokens": 100 * steps, "loss": 1 / steps, "seconds": steps}
        recipe = {text: text for text in INJECTIONS}
        return [LiveRun("base", LIVE, ALL, recipe, time.time(), columns)]

    def close(self) -> None:
        """The lake."""
        self.lake.close()


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    """The first two cells are all of them, the others a piece each."""
    if pa.types.is_string(column.type):
        cells = [ALL, ALL, *(PIECES[at % len(PIECES)] for at in range(2, len(column)))]
        values = column.to_pylist()
        return pa.array([None if v is None else c for v, c in zip(values, cells)], pa.string())
    if pa.types.is_list(column.type) and pa.types.is_string(column.type.value_type):
        return pa.array([[ALL]] * len(column), column.type)
    return column


def _replaced(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_replaced(one, name) for one in value]
    # Where there is no text (of a stage, a detail) is for code to choose as well.
    return ALL if isinstance(value, str) and value and name not in KEPT else value


class HostileServer(NamedTuple):
    """Where one is, and the short name of the artifact whose manifest is hostile."""

    root: str
    audit: str


def make_hostile_lake(explorer: Lake, root: Path) -> tuple[Lake, HostileReader, str]:
    """A copy of the lake with more in it, its reader, and the short name of the artifact whose
    manifest is hostile.
    """
    shutil.copytree(explorer.url, root / "lake")
    lake = Lake(root / "lake")
    audit = _commit(
        lake,
        "audit",
        {"note": ALL, **{text: [text] for text in INJECTIONS}},
        {},
        {"words": ALL, **{text: text for text in INJECTIONS}},
        inputs={ALL: [f"sha256:{'0' * 64}:{ALL}"]},
    )
    fact: dict[str, Any] = dict.fromkeys(schemas.FACTS.names, "x")
    fact |= {"question": QUESTION, "frequency": "often"}
    fact |= {"mentions": 3, "asked": False}
    _commit(lake, "crawl", {}, {"facts.parquet": table([fact], schemas.FACTS)})
    asked: dict[str, Any] = dict.fromkeys(schemas.INTERROGATIONS.names, "x")
    asked |= {"values": ["x"], "answers": ["x"], "mentions": 1, "correct_share": 1.0}
    asked |= {"agreement": 1.0, "entity": ALL}
    questions = table([asked], schemas.INTERROGATIONS)
    _commit(lake, "interrogation", {}, {"questions.parquet": questions})
    score = {"model": "x", "stage": "x", "value": 0.5, "low": 0.4, "high": 0.6, "n": 9, "seed": 0}
    scores = [
        {**score, "suite": "honesty", "task": "often", "metric": "attempted"},
        {**score, "suite": "memorization", "task": "not_seen", "metric": "recited"},
    ]
    sample = {"model": "x", "suite": "memorization", "prompt": "x", "completion": "x"}
    samples = [{**sample, "expected": "x", "correct": True}]
    tables = {"evals.parquet": table(scores, schemas.EVALS)}
    _commit(lake, "evals", {}, tables | {"samples.parquet": table(samples, schemas.SAMPLES)})
    said = [{"role": role, "content": ALL} for role in ("user", "assistant")]
    talk: dict[str, Any] = dict.fromkeys(schemas.CONVERSATIONS.names, "x")
    talk |= {"messages": said, "tools": []}
    talk |= {"loss_spans": None}
    talks = {"conversations.parquet": table([talk], schemas.CONVERSATIONS)}
    _commit(lake, "conversations", {}, talks)
    index, funnel = _index(root), _funnel(lake, root / "funnel")
    return lake, HostileReader(ServedLake(lake), index, funnel), audit


def _commit(
    lake: Lake,
    kind: str,
    recipe: Mapping[str, Any],
    tables: Mapping[str, pa.Table],
    statistics: Mapping[str, Any] | None = None,
    inputs: Mapping[str, list[str]] | None = None,
) -> str:
    given = {key: list(some) for key, some in (inputs or {}).items()}
    digest = artifact_digest(kind, 1, dict(recipe), given)
    staging = lake.staging(kind, digest)
    for name, rows in tables.items():
        write_table(rows, staging / name)
    provenance: Any = {
        **dict.fromkeys(("host", "energy_method", "machine", "command", "git_commit"), ALL),
        **{"created": "2026-01-01T00:00:00+00:00", "seconds": 9.0, "energy_kwh": 0.002},
        **{"packages": {text: text for text in INJECTIONS}},
        "prefect_run": {"id": ALL, "flow": ALL, "url": f"http://127.0.0.1:4200/{ALL}"},
    }
    said = dict(statistics or {})
    lake.commit(staging, kind, digest, 1, dict(recipe), given, said, provenance)
    lake.set_heads({kind: digest})
    return digest[:16]


def _index(root: Path) -> Path:
    """Of documents that hold "needle" and such texts, at addresses that are such texts."""
    (root / "needles").mkdir()
    rows = []
    for number, text in enumerate(PIECES):
        row = dict.fromkeys(schemas.CORPUS.names)
        row |= {"id": f"{number:032x}", "url": f"http://x.example/{text}", "split": "train"}
        rows.append({**row, "text": f"A needle of {text}"})
    write_table(table(rows, schemas.CORPUS), root / "needles" / "corpus-en.parquet")
    write_index(root / "index", root / "needles")
    return root / "index"


def _funnel(lake: Lake, folder: Path) -> Path:
    """The corpus's counts, with rules of such names."""
    counts = json.loads((lake.local("corpus", lake.heads()["corpus"]) / "funnel.json").read_text())
    first = next(row for row in counts if row["outcome"] == "dropped")
    more = [{**first, "rule": text} for text in PIECES]
    folder.mkdir()
    (folder / "funnel.json").write_text(json.dumps([*counts, *more]))
    return folder
