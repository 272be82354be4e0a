"""The lake's views as SQL over Parquet files: names, columns and joins, no connection.

Every view is a typed empty table UNION ALL BY NAME its files, so that it has its columns before
the first artifact exists and in spite of what other stage versions wrote. Files are read by the
lists in manifests, never by globbing, and each row carries its artifact; `WHERE artifact = …` opens
the files of that one alone.
"""

import dataclasses
import fnmatch
from collections.abc import Callable

import pyarrow as pa

from storage import schemas
from storage.manifest import PROVENANCE, Manifest

ARTIFACTS = pa.schema(
    [
        ("kind", pa.string()),
        ("digest", pa.string()),
        ("uri", pa.string()),
        ("version", pa.int64()),
        ("inputs", pa.string()),  # JSON: input key -> digests
        ("recipe", pa.string()),  # JSON
        ("statistics", pa.string()),  # JSON
        ("created", pa.string()),  # UTC, ISO 8601
        ("seconds", pa.float64()),
        ("rows", pa.int64()),
        ("bytes", pa.int64()),
        ("files", pa.int64()),
        ("current", pa.bool_()),  # part of the newest run, which the views without all_ show
        ("artifact", pa.string()),
    ]
)

TIMING_FILE = PROVENANCE + "timing.parquet"


@dataclasses.dataclass(frozen=True)
class Source:
    """The Parquet files of one name, or of names of one pattern, in artifacts of some kinds."""

    schema: pa.Schema
    kinds: tuple[str, ...]
    file: str  # may end in -*.parquet

    def files(self, manifest: Manifest) -> list[str]:
        """Those that an artifact has, in order."""
        known = {**manifest.files, **manifest.provenance.get("files", {})}
        return sorted(name for name in known if fnmatch.fnmatchcase(name, self.file))


# Views that show files as they are. `documents` and `metrics` are joins, see below.
SOURCES = {
    "ledger": Source(schemas.LEDGER, ("corpus_group",), "ledger-*.parquet"),
    "pages": Source(schemas.PAGES, ("scan",), "pages.parquet"),
    "selection": Source(schemas.SELECTION, ("selection_group",), "selection.parquet"),
    "corpus": Source(schemas.CORPUS, ("corpus_group",), "corpus-*.parquet"),
    "clusters": Source(schemas.CLUSTERS, ("duplicates",), "clusters-*.parquet"),
    "compression": Source(schemas.COMPRESSION, ("tokenizer_report",), "compression.parquet"),
    "token_shards": Source(schemas.TOKEN_SHARDS, ("tokens",), "shards.parquet"),
    "conversations": Source(
        schemas.CONVERSATIONS,
        (
            "conversations",
            "imported_conversations",
            "teacher",
            "solutions",
            "labels",
            "interrogation",
            "game_conversations",
        ),
        "conversations.parquet",
    ),
    "conversation_rejects": Source(
        schemas.CONVERSATION_REJECTS, ("imported_conversations",), "rejects.parquet"
    ),
    "teacher_answers": Source(schemas.TEACHER_ANSWERS, ("teacher",), "answers.parquet"),
    "interrogations": Source(schemas.INTERROGATIONS, ("interrogation",), "questions.parquet"),
    "labels": Source(schemas.LABELS, ("labels",), "labels.parquet"),
    "preferences": Source(schemas.PREFERENCES, ("labels", "preferences"), "preferences.parquet"),
    "preference_prompts": Source(schemas.PREFERENCE_PROMPTS, ("preferences",), "prompts.parquet"),
    "preference_answers": Source(schemas.PREFERENCE_ANSWERS, ("preferences",), "answers.parquet"),
    "preference_rejects": Source(schemas.PREFERENCE_REJECTS, ("preferences",), "rejects.parquet"),
    "reliability": Source(schemas.RELIABILITY, ("reward_model",), "reliability.parquet"),
    "pair_curve": Source(schemas.PAIR_CURVE, ("reward_model",), "pair_curve.parquet"),
    "rollouts": Source(schemas.ROLLOUTS, ("rl", "solutions", "rlhf"), "rollouts.parquet"),
    "rlhf_steps": Source(schemas.RLHF_STEPS, ("rlhf",), "rlhf_steps.parquet"),
    "rl_levels": Source(schemas.RL_LEVELS, ("rl",), "rl_levels.parquet"),
    "evals": Source(schemas.EVALS, ("evals",), "evals.parquet"),
    "samples": Source(schemas.SAMPLES, ("evals",), "samples.parquet"),
    "games": Source(
        schemas.GAMES, ("game_conversations", "game_rl", "game_evals"), "games.parquet"
    ),
    "game_evals": Source(schemas.EVALS, ("game_evals",), "evals.parquet"),
    "game_positions": Source(schemas.GAME_POSITIONS, ("game_table",), "positions.parquet"),
    "scaling": Source(schemas.SCALING, ("scaling",), "runs.parquet"),
    "positions": Source(schemas.POSITIONS, ("positions",), "positions.parquet"),
    "facts": Source(schemas.FACTS, ("crawl",), "facts.parquet"),
    "truth": Source(schemas.TRUTH, ("crawl",), "truth.parquet"),
}
METRIC_FILES = Source(schemas.METRICS, schemas.TRAINED, "metrics.parquet")
TIMING_FILES = Source(schemas.TIMING, schemas.TRAINED, TIMING_FILE)

VIEWS = (
    "ledger",
    "pages",
    "selection",
    "documents",
    "corpus",
    "clusters",
    "compression",
    "token_shards",
    "metrics",
    "conversations",
    "conversation_rejects",
    "teacher_answers",
    "interrogations",
    "labels",
    "preferences",
    "preference_prompts",
    "preference_answers",
    "preference_rejects",
    "reliability",
    "pair_curve",
    "rollouts",
    "rlhf_steps",
    "rl_levels",
    "evals",
    "samples",
    "games",
    "game_evals",
    "game_positions",
    "scaling",
    "positions",
    "artifacts",
    "facts",
    "truth",
)


def kinds(view: str) -> tuple[str, ...]:
    """Of the artifacts whose manifests `select` wants."""
    if view == "documents":
        return (*SOURCES["pages"].kinds, *SOURCES["selection"].kinds, *SOURCES["clusters"].kinds)
    if view == "metrics":
        return schemas.TRAINED
    return SOURCES[view].kinds if view in SOURCES else ()


Locate = Callable[[Manifest, str], str | None]  # how DuckDB calls a file; None: it is gone


def select(view: str, manifests: list[Manifest], locate: Locate) -> str:
    """The SELECT behind a view over these artifacts (all views but `artifacts`)."""
    if view == "documents":
        return _documents(manifests, locate)
    if view == "metrics":
        return _metrics(manifests, locate)
    return _rows(SOURCES[view], manifests, locate)


def _documents(manifests: list[Manifest], locate: Locate) -> str:
    """The kept pages of the parts, with the cluster that dedup put each into, null for none.

    A part may serve several selections, and a selection several dedups: the newest of these
    manifests that was made from it decides.
    """
    selections = _pairs(_made_from(manifests, "selection_group"))
    copies = _pairs(_made_from(manifests, "duplicates"))
    pages, selection, clusters = (
        _rows(SOURCES[name], manifests, locate) for name in ("pages", "selection", "clusters")
    )
    return (
        "SELECT p.* EXCLUDE (artifact), c.cluster, p.artifact"
        f" FROM ({pages}) p"
        f" JOIN ({selections}) m(part, selection) ON m.part = p.artifact"
        f" JOIN ({selection}) s ON s.artifact = m.selection AND s.id = p.id"
        f" LEFT JOIN ({copies}) n(part, duplicates) ON n.part = p.artifact"
        f" LEFT JOIN ({clusters}) c ON c.artifact = n.duplicates AND c.id = p.id"
        " WHERE s.outcome = 'kept'"
    )


def _made_from(manifests: list[Manifest], kind: str) -> dict[str, str]:
    """For each part that went into an artifact of this kind, that one; of several, the newest."""
    made: dict[str, str] = {}
    for manifest in (m for m in manifests if m.kind == kind):
        parts = manifest.inputs.get("parts", ())
        made.update({digest[:16]: manifest.artifact for digest in parts})
    return made


def _pairs(made: dict[str, str]) -> str:
    pairs = ", ".join(f"({text(old)}, {text(new)})" for old, new in made.items())
    return f"VALUES {pairs}" if pairs else "SELECT '', '' WHERE false"


def _metrics(manifests: list[Manifest], locate: Locate) -> str:
    """Steps with their timing, which lies apart since a clock measured it and may be absent."""
    return (
        "SELECT s.* EXCLUDE (artifact) REPLACE (s.artifact AS run),"
        " t.* EXCLUDE (step, artifact), s.artifact"
        f" FROM ({_rows(METRIC_FILES, manifests, locate)}) s"
        f" LEFT JOIN ({_rows(TIMING_FILES, manifests, locate)}) t"
        " ON t.artifact = s.artifact AND t.step = s.step"
    )


def _rows(source: Source, manifests: list[Manifest], locate: Locate) -> str:
    # Files of one stage version have one schema: DuckDB then reads it from the first alone.
    groups: dict[tuple[str, int], list[str]] = {}
    for manifest in manifests:
        if manifest.kind not in source.kinds:
            continue
        for name in source.files(manifest):
            path = locate(manifest, name)
            if path is not None:
                groups.setdefault((manifest.kind, manifest.version), []).append(path)
    selects = [empty(source.schema)]
    # The folder's name, counted from the end of the path.
    folder = -2 - source.file.count("/")
    for paths in groups.values():
        files = ", ".join(text(path) for path in paths)
        selects.append(
            f"SELECT * EXCLUDE (filename), string_split(filename, '/')[{folder}] AS artifact"
            f" FROM read_parquet([{files}], filename = true, hive_partitioning = false)"
        )
    return " UNION ALL BY NAME ".join(selects)


def empty(schema: pa.Schema) -> str:
    """A SELECT without rows that has the schema's columns, and `artifact`."""
    fields = [field for field in schema if field.name != "artifact"]
    columns = [f"NULL::{duckdb_type(f.type)} AS {identifier(f.name)}" for f in fields]
    return f"SELECT {', '.join(columns)}, NULL::VARCHAR AS artifact WHERE false"


def duckdb_type(kind: pa.DataType) -> str:
    """DuckDB's name of an Arrow type, for the types that `storage.schemas` uses."""
    if pa.types.is_fixed_size_list(kind):
        return f"{duckdb_type(kind.value_type)}[{kind.list_size}]"
    if pa.types.is_list(kind):
        return f"{duckdb_type(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        fields = ", ".join(f"{identifier(f.name)} {duckdb_type(f.type)}" for f in kind)
        return f"STRUCT({fields})"
    return {
        "string": "VARCHAR",
        "int64": "BIGINT",
        "int32": "INTEGER",
        "double": "DOUBLE",
        "bool": "BOOLEAN",
    }[str(kind)]


def text(value: str) -> str:
    """An SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """An SQL identifier, quoted."""
    return '"' + name.replace('"', '""') + '"'
