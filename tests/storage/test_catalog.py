"""Views on small artifacts: right columns when empty, right rows after several runs."""

import signal
import threading
from typing import cast

import duckdb
import pyarrow as pa
import pytest

from storage import Lake, UserError, catalog, schemas
from storage.tables import table

DESIGN = {
    "ledger": schemas.LEDGER,
    "pages": schemas.PAGES,
    "selection": schemas.SELECTION,
    "documents": schemas.PAGES.append(pa.field("cluster", pa.string())),
    "corpus": schemas.CORPUS,
    "clusters": schemas.CLUSTERS,
    "token_shards": schemas.TOKEN_SHARDS,
    "conversations": schemas.CONVERSATIONS,
    "conversation_rejects": schemas.CONVERSATION_REJECTS,
    "teacher_answers": schemas.TEACHER_ANSWERS,
    "interrogations": schemas.INTERROGATIONS,
    "labels": schemas.LABELS,
    "preferences": schemas.PREFERENCES,
    "preference_prompts": schemas.PREFERENCE_PROMPTS,
    "preference_answers": schemas.PREFERENCE_ANSWERS,
    "preference_rejects": schemas.PREFERENCE_REJECTS,
    "reliability": schemas.RELIABILITY,
    "pair_curve": schemas.PAIR_CURVE,
    "rollouts": schemas.ROLLOUTS,
    "rlhf_steps": schemas.RLHF_STEPS,
    "rl_levels": schemas.RL_LEVELS,
    "evals": schemas.EVALS,
    "samples": schemas.SAMPLES,
    "compression": schemas.COMPRESSION,
    "scaling": schemas.SCALING,
    "positions": schemas.POSITIONS,
    "games": schemas.GAMES,
    "game_evals": schemas.EVALS,
    "game_positions": schemas.GAME_POSITIONS,
    "facts": schemas.FACTS,
    "truth": schemas.TRUTH,
    "metrics": pa.schema([*schemas.METRICS, *[f for f in schemas.TIMING if f.name != "step"]]),
}


def ask(lake, sql):
    return catalog.query(lake, sql).to_pylist()


def pages(*ids):
    rows = [{"id": id, "url": f"http://h/{id}", "text": f"text {id}"} for id in ids]
    return {"pages.parquet": table(rows, schemas.PAGES)}


def selection(kept, dropped=""):
    rows = [{"id": id, "part": 0, "outcome": "kept"} for id in kept]
    rows += [{"id": id, "part": 0, "outcome": "dropped", "rule": "min_words"} for id in dropped]
    return {"selection.parquet": table(rows, schemas.SELECTION)}


def corpus_files(kept, dropped):
    """A corpus of a few pages."""
    rows = [{"url": f"http://h/{id}", "id": id, "outcome": "kept"} for id in kept]
    rows += [{"url": f"http://h/{id}", "id": id, "outcome": "dropped"} for id in dropped]
    return {
        "ledger-00000.parquet": table(rows, schemas.LEDGER),
        "corpus-en-00000.parquet": table([{"id": id, "text": id} for id in kept], schemas.CORPUS),
    }


def cluster_files(dropped, cluster):
    """`dropped` fell to `cluster`'s keeper."""
    members = [{"id": cluster, "cluster": cluster, "kept": True}]
    members += [{"id": id, "cluster": cluster, "kept": False} for id in dropped]
    return {"clusters-00000.parquet": table(members, schemas.CLUSTERS)}


@pytest.fixture
def two_runs(lake, make):
    """Two corpora that share a part: the second has one more part and another recipe."""
    one = make(lake, "scan", pages("a", "b", "x"), {"w": 1})
    two = make(lake, "scan", pages("c", "d", "y"), {"w": 2})

    def run(number, selected, files, clusters, *parts):
        recipe, inputs = {"run": number}, {"parts": [part.digest for part in parts]}
        chosen = make(lake, "selection_group", selected, recipe, inputs)
        copies = make(lake, "duplicates", clusters, recipe, inputs)
        inputs = {**inputs, "selection": [chosen.digest], "duplicates": [copies.digest]}
        group = make(lake, "corpus_group", files, recipe, inputs)
        return make(lake, "corpus", {"x": b""}, recipe, {"groups": [group.digest]})

    first = run(1, selection("ab", "x"), corpus_files("a", "b"), cluster_files("b", "a"), one)
    copies = cluster_files("d", "c")
    second = run(2, selection("abcd", "xy"), corpus_files("abc", "d"), copies, one, two)
    return first, second


def group_of(corpus):
    return corpus.inputs["groups"][0][:16]


def same_type(a, b):
    """Equal but for the name of a list's items."""
    if pa.types.is_list(b) or pa.types.is_fixed_size_list(b):
        return type(a) is type(b) and same_type(a.value_type, b.value_type)
    return a == b


def test_empty_views_have_the_columns_of_the_design(lake):
    with catalog.connect(lake) as connection:
        names = catalog.run(connection, "SELECT view_name FROM duckdb_views() WHERE NOT internal")
        assert sorted(names["view_name"].to_pylist()) == sorted(
            prefix + name for name in [*DESIGN, "artifacts"] for prefix in ("", "all_")
        )
        for name, schema in DESIGN.items():
            for prefix in ("", "all_"):
                rows = catalog.run(connection, f"SELECT * FROM {prefix}{name}")
                assert rows.num_rows == 0
                assert rows.column_names == [*schema.names, "artifact"]
                for field in schema:
                    got = rows.schema.field(field.name).type
                    assert same_type(got, field.type), (name, field.name)
    assert ask(lake, "SELECT * FROM artifacts") == []


def test_two_runs_in_one_lake_do_not_count_twice(lake, two_runs):
    first, second = two_runs
    lake.set_heads({"corpus": second.digest})
    assert ask(lake, "SELECT count(*) AS n FROM ledger") == [{"n": 4}]
    assert ask(lake, "SELECT string_agg(id, '' ORDER BY id) AS ids FROM corpus") == [{"ids": "abc"}]
    assert ask(lake, "SELECT DISTINCT artifact FROM corpus") == [{"artifact": group_of(second)}]
    assert ask(lake, "SELECT count(*) AS n FROM all_corpus") == [{"n": 4}]
    assert ask(lake, "SELECT count(*) AS n FROM all_documents") == [{"n": 4}]
    lake.set_heads({"corpus": first.digest})
    assert ask(lake, "SELECT count(*) AS n FROM ledger") == [{"n": 2}]
    assert ask(lake, "SELECT count(*) AS n FROM documents") == [{"n": 2}]
    current = "SELECT kind, count(*) AS n FROM artifacts WHERE current GROUP BY kind ORDER BY kind"
    names = ("corpus", "corpus_group", "duplicates", "scan", "selection_group")
    assert ask(lake, current) == [{"kind": kind, "n": 1} for kind in names]
    assert ask(lake, "SELECT count(*) AS n FROM artifacts") == [{"n": 10}]


def test_documents_are_the_selected_pages_and_pages_are_all(lake, two_runs):
    first, second = two_runs
    lake.set_heads({"corpus": second.digest})
    assert ask(lake, "SELECT count(*) AS n FROM pages") == [{"n": 6}]
    assert ask(lake, "SELECT count(*) AS n FROM selection") == [{"n": 6}]
    ids = "SELECT string_agg(id, '' ORDER BY id) AS ids FROM"
    assert ask(lake, f"{ids} documents") == [{"ids": "abcd"}]
    left = "pages ANTI JOIN documents USING (id) JOIN selection USING (id)"
    assert ask(lake, f"{ids} {left} WHERE rule = 'min_words'") == [{"ids": "xy"}]
    lake.set_heads({"corpus": first.digest})
    assert ask(lake, f"{ids} documents") == [{"ids": "ab"}]
    assert ask(lake, "SELECT count(*) AS n FROM all_selection") == [{"n": 9}]


def test_a_corpus_is_read_from_all_its_languages_and_shards(lake, make):
    rows = schemas.CORPUS
    files = {
        f"corpus-{language}-{shard:05d}.parquet": table([{"id": f"{language}{shard}"}], rows)
        for language, shard in (("en", 0), ("en", 1), ("de", 0), ("und", 0))
    }
    made = make(lake, "corpus_group", files)
    inputs = {"groups": [made.digest]}
    lake.set_heads({"corpus": make(lake, "corpus", {"x": b""}, inputs=inputs).digest})
    found = ask(lake, "SELECT string_agg(id, ' ' ORDER BY id) AS ids, max(artifact) a FROM corpus")
    assert found == [{"ids": "de0 en0 en1 und0", "a": made.artifact}]


def test_what_an_earlier_dump_left_is_no_part_of_the_run(lake, make):
    old = make(lake, "scan", pages("a"), {"w": 1})
    before = make(lake, "duplicates", {"i": b""}, {"w": 1}, {"parts": [old.digest]})
    new = make(lake, "scan", pages("b"), {"w": 2})
    inputs = {"parts": [new.digest], "previous": [before.digest]}
    copies = make(lake, "duplicates", {"i": b""}, {"w": 2}, inputs)
    inputs = {"parts": [new.digest], "duplicates": [copies.digest]}
    lake.set_heads({"corpus": make(lake, "corpus", {"x": b""}, inputs=inputs).digest})
    assert ask(lake, "SELECT id FROM pages") == [{"id": "b"}]


def test_an_older_head_does_not_bring_its_old_corpus_along(lake, two_runs, make):
    first, second = two_runs
    shards = table([{"shard": "train-00000", "tokens": 7}], schemas.TOKEN_SHARDS)
    tokens = make(lake, "tokens", {"shards.parquet": shards}, inputs={"corpus": [first.digest]})
    base = make(lake, "base", {"model": b"1"}, inputs={"tokens": [tokens.digest]})
    lake.set_heads({"corpus": second.digest, "base": base.digest})
    assert ask(lake, "SELECT DISTINCT artifact FROM ledger") == [{"artifact": group_of(second)}]
    assert ask(lake, "SELECT tokens FROM token_shards") == [{"tokens": 7}]
    lake.set_heads({"corpus": None})
    assert ask(lake, "SELECT DISTINCT artifact FROM ledger") == [{"artifact": group_of(first)}]


def test_documents_carry_the_cluster_of_their_corpus(lake, two_runs):
    first, second = two_runs
    sql = "SELECT id, cluster FROM documents ORDER BY id"
    lake.set_heads({"corpus": first.digest})
    assert [tuple(row.values()) for row in ask(lake, sql)] == [("a", "a"), ("b", "a")]
    lake.set_heads({"corpus": second.digest})
    expected = [("a", None), ("b", None), ("c", "c"), ("d", "c")]
    assert [tuple(row.values()) for row in ask(lake, sql)] == expected


def test_metrics_are_joined_with_their_timing(lake, make):
    steps = table(
        [{"stage": "sft", "step": i, "loss": 1.0 / (i + 1)} for i in range(3)], schemas.METRICS
    )
    timing = table([{"step": i, "seconds": i * 2.0} for i in range(2)], schemas.TIMING)
    files = {"metrics.parquet": steps, "provenance/timing.parquet": timing}
    sft = make(lake, "sft", files)
    rl = make(lake, "rl", {"metrics.parquet": steps}, inputs={"sft": [sft.digest]})
    lake.set_heads({"rl": rl.digest})
    rows = ask(lake, "SELECT run, artifact, step, seconds FROM metrics ORDER BY run, step")
    timed = [row["seconds"] for row in rows if row["run"] == sft.artifact]
    assert timed == [0.0, 2.0, None]
    assert [row["seconds"] for row in rows if row["run"] == rl.artifact] == [None] * 3
    assert all(row["run"] == row["artifact"] for row in rows)
    (lake.local("sft", sft.digest) / "provenance/timing.parquet").unlink()
    assert ask(lake, "SELECT count(*) AS n, count(seconds) AS timed FROM metrics") == [
        {"n": 6, "timed": 0}
    ]


def test_evals_of_several_models_are_all_heads(lake, make):
    made = {}
    for model in ("base", "sft"):
        rows = table([{"model": model, "suite": "facts", "value": 0.5}], schemas.EVALS)
        made[f"evals.{model}"] = make(lake, "evals", {"evals.parquet": rows}, {"model": model})
    make(lake, "evals", {"evals.parquet": rows}, {"model": "an older one"})
    lake.set_heads({slot: manifest.digest for slot, manifest in made.items()})
    rows = ask(lake, "SELECT model FROM evals ORDER BY model")
    assert [row["model"] for row in rows] == ["base", "sft"]
    assert ask(lake, "SELECT count(*) AS n FROM all_evals") == [{"n": 3}]


def test_nested_columns(lake, make):
    rows = [
        {
            "id": "1",
            "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}],
            "loss_spans": [[3, 5]],
        }
    ]
    files = {"conversations.parquet": table(rows, schemas.CONVERSATIONS)}
    made = make(lake, "conversations", files)
    lake.set_heads({"conversations": made.digest})
    sql = "SELECT messages[2].content AS answer, loss_spans FROM conversations"
    assert ask(lake, sql) == [{"answer": "ho", "loss_spans": [[3, 5]]}]


def test_stage_versions_with_other_columns_stand_side_by_side(lake, make):
    new = table([{"suite": "facts"}], schemas.EVALS)
    old = pa.table({"suite": ["facts"], "old_column": [1]})
    make(lake, "evals", {"evals.parquet": old}, version=1)
    make(lake, "evals", {"evals.parquet": new}, version=2)
    rows = ask(lake, "SELECT suite, n, old_column FROM all_evals ORDER BY old_column")
    assert rows == [
        {"suite": "facts", "n": None, "old_column": 1},
        {"suite": "facts", "n": None, "old_column": None},
    ]


def test_damaged_artifacts_are_not_read(lake, make):
    made = make(lake, "evals", {"evals.parquet": table([{"suite": "a"}], schemas.EVALS)})
    lake.set_heads({"evals.base": made.digest})
    (lake.local("evals", made.digest) / "evals.parquet").write_bytes(b"not Parquet")
    assert ask(lake, "SELECT * FROM evals") == []
    assert ask(lake, "SELECT * FROM artifacts") == []


def test_artifacts_list_what_the_lake_holds(lake, make):
    part = make(lake, "scan", pages("a", "b"), {"w": 1.5})
    made = make(
        lake,
        "corpus",
        {**corpus_files("a", "b"), **cluster_files("b", "a")},
        inputs={"parts": [part.digest]},
        statistics={"kept": 1},
        provenance={"seconds": 2.5, "created": "2100-01-01T00:00:00+00:00"},
    )
    first, second = ask(
        lake, "SELECT *, inputs->>'$.parts[0]' AS part FROM artifacts ORDER BY created"
    )
    assert (first["kind"], first["rows"], first["seconds"]) == ("scan", 2, None)
    assert second["part"] == part.digest
    assert second["uri"] == lake.folder("corpus", made.digest)
    assert second["bytes"] == sum(f["bytes"] for f in made.files.values())
    assert (second["rows"], second["files"], second["seconds"]) == (5, 3, 2.5)
    assert second["statistics"] == '{"kept": 1}'
    assert not second["current"]


@pytest.mark.parametrize("name", ["x*", "x?", "x[y]", "it's", "k=v", 'ünï "b"'])
def test_odd_names_of_lakes(tmp_path, make, name):
    # DuckDB takes paths for patterns: those of the first names would find the lake beside.
    for value in ("xy", name):
        lake = Lake(tmp_path / value)
        rows = table([{"suite": value}], schemas.EVALS)
        made = make(lake, "evals", {"evals.parquet": rows})
        lake.set_heads({"evals.base": made.digest})
    assert ask(lake, "SELECT suite, artifact FROM evals") == [
        {"suite": name, "artifact": made.artifact}
    ]
    assert "k" not in catalog.query(lake, "SELECT * FROM evals").column_names


def test_python_variables_are_no_tables(lake):
    for name in ("rows", "result", "statement", "connection"):  # of the function that runs it
        with pytest.raises(UserError, match=f"Table with name {name} does not exist"):
            catalog.query(lake, f"SELECT 1; SELECT * FROM {name}")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM ledgr", "ledgr"),
        ("SELECT nothing FROM ledger", "nothing"),
        ("SELECT 'a'::INTEGER", "Could not convert"),
        ("", "no SQL statement"),
        ("-- only a remark", "no SQL statement"),
        ("SELECT * FROM read_csv('nowhere.csv')", "nowhere"),
    ],
)
def test_mistakes_in_sql_are_one_line(lake, sql, message):
    with pytest.raises(UserError, match=message) as caught:
        catalog.query(lake, sql)
    assert "\n" not in str(caught.value)


def test_any_sql_may_be_run_and_the_lake_stays_as_it_is(lake, two_runs):
    first, _ = two_runs
    lake.set_heads({"corpus": first.digest})
    sql = "CREATE TABLE t AS FROM ledger; INSERT INTO t FROM t; SELECT count(*) AS n FROM t"
    assert ask(lake, sql) == [{"n": 4}]
    with pytest.raises(UserError, match="base table"):
        catalog.query(lake, "DELETE FROM ledger")
    with pytest.raises(UserError, match="ledger"):
        catalog.query(lake, "INSERT INTO ledger FROM ledger")
    assert ask(lake, "DROP VIEW ledger; SELECT 1 AS n") == [{"n": 1}]
    assert ask(lake, "SELECT count(*) AS n FROM ledger") == [{"n": 2}]
    assert lake.is_whole("corpus", first.digest, deep=True)


def test_an_interrupt_before_the_query_has_begun_ends_it_all_the_same():
    """DuckDB forgets it when the query begins."""
    ended = threading.Event()
    calls: list[None] = []

    class Connection:
        def interrupt(self):
            calls.append(None)
            if len(calls) == 3:
                ended.set()

    connection = cast(duckdb.DuckDBPyConnection, Connection())
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.2, lambda: signal.pthread_kill(main, signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            catalog._interruptible(connection, lambda: ended.wait(30))
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(calls) == 3


@pytest.mark.parametrize(
    ("sql", "view", "named"),
    [
        ("SELECT * FROM pages", "pages", True),
        ("select count(*) from Pages;", "pages", True),
        ("SELECT * FROM all_pages", "pages", False),
        ("SELECT * FROM all_pages", "all_pages", True),
        ("SELECT pages_kept FROM documents", "pages", False),
        ("SELECT 1", "pages", False),
    ],
)
def test_only_the_files_of_views_that_a_query_names_are_fetched(sql, view, named):
    assert catalog._names(sql, view) is named


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("COPY (SELECT 1) TO 'x'", "COPY"),
        ("SELECT 1; copy (SELECT 1) TO 'x'", "COPY"),
        ("EXPORT DATABASE 'x'", "EXPORT"),
        ("ATTACH 'x.db'", "ATTACH"),
        ("DETACH x", "DETACH"),
        ("LOAD httpfs", "LOAD"),
    ],
)
def test_statements_without_a_place_here_are_named_before_any_runs(lake, sql, what):
    with pytest.raises(UserError, match=rf"^SQL: {what} is not allowed: sql reads the lake; --uns"):
        catalog.query(lake, sql)


def test_unsafe_lifts_that(lake, tmp_path):
    sql = f"COPY (SELECT 7 AS n) TO '{tmp_path}/x.csv'; SELECT n FROM '{tmp_path}/x.csv'"
    assert catalog.query(lake, sql, unsafe=True)["n"].to_pylist() == [7]
