"""The whole pipeline at toy size through the command line: tables, laws, caching, talking to it."""

import json
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE_SECONDS

from pipeline.curriculum.held_out import sum_split
from pipeline.evals.config import (
    DETAIL_SUITES,
    HORIZON_TURNS_SUITE,
    SUITES,
    TASK_LEVELS_SUITE,
)
from storage import Lake, catalog
from storage.grouped import group_kind
from storage.tables import read_table

MODELS = ("base", "sft", "interrogated", "rl", "rlhf")
SLOTS = {
    "crawl",
    "corpus",
    "audit",
    "search_index",
    "tokenizer",
    "tokens",
    "tokenizer_report",
    "base",
    "conversations",
    "sft",
    "interrogation",
    "interrogated",
    "rl",
    "preferences",
    "reward_model",
    "rlhf",
    *(f"evals.{model}" for model in MODELS),
}


def rows(lake: Path, sql: str) -> list[dict[str, Any]]:
    return catalog.query(Lake(lake), sql).to_pylist()


def created(lake: Path) -> dict[str, str]:
    """When each artifact was made, by kind and digest."""
    return {f"{m.kind}/{m.digest}": m.provenance["created"] for m in Lake(lake).list()}


def contents(lake: Path) -> dict[str, Any]:
    """The reproducible part of every manifest."""
    return {f"{m.kind}/{m.digest}": m.content() for m in Lake(lake).list()}


def document(call: Any, *arguments: str | Path) -> Any:
    """The one JSON document of a command."""
    done = call(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def copy(ci_run: Any, tmp_path: Path) -> Path:
    """A lake that may be changed."""
    return Path(shutil.copytree(ci_run.lake, tmp_path / "lake"))


def test_whole_runs_are_marked_slow(ci_run: Any, request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("slow") is not None


def test_every_stage_left_its_artifact(ci_run: Any) -> None:
    assert ci_run.result["artifacts"].keys() == SLOTS
    heads = Lake(ci_run.lake).heads()
    assert heads == {slot: item["digest"] for slot, item in ci_run.result["artifacts"].items()}
    lake = Lake(ci_run.lake)
    for manifest in lake.list():
        assert lake.is_whole(manifest.kind, manifest.digest, deep=True)
    assert not list((ci_run.lake / ".staging").iterdir())
    assert not list((ci_run.lake / ".scratch").iterdir())


def test_nothing_is_lost_between_read_and_kept(ci_run: Any) -> None:
    manifests = Lake(ci_run.lake).list("scan")
    read = {m.statistics["warc"]: m.statistics["records"] for m in manifests}
    counted = rows(ci_run.lake, "SELECT warc, outcome, count(*) AS n FROM ledger GROUP BY ALL")
    total: Counter[str] = Counter()
    for row in counted:
        assert row["outcome"] in ("kept", "dropped", "error")
        total[row["warc"]] += row["n"]
    assert dict(total) == read
    (kept,) = rows(ci_run.lake, "SELECT count(*) AS n FROM ledger WHERE outcome = 'kept'")
    (documents,) = rows(ci_run.lake, "SELECT count(*) AS n FROM corpus")
    assert kept == documents


@pytest.mark.parametrize(
    "view",
    [
        "ledger",
        "pages",
        "selection",
        "documents",
        "corpus",
        "clusters",
        "token_shards",
        "metrics",
        "conversations",
        "interrogations",
        "rollouts",
        "preferences",
        "preference_prompts",
        "rlhf_steps",
        "evals",
        "samples",
        "artifacts",
    ],
)
def test_every_table_has_rows(ci_run: Any, view: str) -> None:
    assert rows(ci_run.lake, f"SELECT count(*) AS n FROM {view}")[0]["n"] > 0


def planted_values(lake: Path) -> set[str]:
    """The personal data that the sample web's pages hold."""
    found = rows(lake, "SELECT DISTINCT unnest(pii_values) AS value FROM truth")
    return {row["value"] for row in found}


def holds(path: Path, values: set[str]) -> set[str]:
    """Which of the values stand in a file; of a Parquet file in any of its texts."""
    data = path.read_bytes()
    if path.suffix == ".parquet":
        data = json.dumps(read_table(path).to_pylist(), ensure_ascii=False, default=str).encode()
    return {
        value for value in values if json.dumps(value, ensure_ascii=False)[1:-1].encode() in data
    }


def test_no_personal_data_is_left_but_where_it_says_so(ci_run: Any) -> None:
    lake, values = Lake(ci_run.lake), planted_values(ci_run.lake)
    assert len(values) > 10
    raw: dict[str, set[str]] = {}
    for manifest in lake.list():
        folder = lake.local(manifest.kind, manifest.digest)
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            name = path.relative_to(folder).as_posix()
            if name in manifest.statistics.get("raw_files", ()):
                raw.setdefault(manifest.kind, set()).update(holds(path, values))
            else:
                assert not holds(path, values), f"{manifest.kind}/{name}"
    assert raw.keys() == {"crawl", "scan"}
    assert raw["crawl"] == values, "else nothing was looked for"
    assert raw["scan"]
    for path in (p for p in ci_run.lake.iterdir() if p.is_file()):
        assert not holds(path, values), path.name


def test_excerpts_for_people_are_cleaned(ci_run: Any, in_process: Any, tmp_path: Path) -> None:
    values = planted_values(ci_run.lake)
    shown = in_process("funnel", "--samples", "50", "--json", "--lake", ci_run.lake)
    assert shown.returncode == 0
    assert [row for row in json.loads(shown.stdout)["samples"] if row["text"]]
    assert not {value for value in values if value in shown.stdout}


def test_raw_text_can_be_dropped_and_comes_back_when_it_is_needed(copy: Path, cli: Any) -> None:
    before, told, values = contents(copy), created(copy), planted_values(copy)
    run = ("run", "corpus", "--preset", "ci", "--lake", copy)
    cli.json(*run, "--set", "input.keep_raw_text=false")
    lake = Lake(copy)
    for part in lake.list("scan"):
        assert part.statistics["raw_files"] == []
        assert lake.is_whole(part.kind, part.digest, deep=True)
        folder = lake.local(part.kind, part.digest)
        assert not {value for path in folder.rglob("*.parquet") for value in holds(path, values)}
    asked = "SELECT count(*) AS n, count(text) AS texts, count(word_count) AS words FROM pages"
    (left,) = rows(copy, asked)
    assert (left["texts"], left["words"]) == (0, left["n"])
    assert created(copy) == told, "nothing was made again"
    dropped = contents(copy)
    cli.json(*run)
    assert contents(copy) == dropped, "nothing needed the text"
    cli.json(*run, "--set", "corpus.split.salt=another")
    after = contents(copy)
    assert {key: after[key] for key in before} == before
    made = {key.split("/")[0] for key in after.keys() - before.keys()}
    grouped = ("corpus_split", "corpus")
    assert made == {*grouped, *map(group_kind, grouped), "audit"}


def test_the_parts_fit_together(ci_run: Any) -> None:
    (tokens,) = rows(ci_run.lake, "SELECT sum(documents) AS n FROM token_shards")
    (documents,) = rows(ci_run.lake, "SELECT count(*) AS n FROM corpus")
    assert tokens["n"] == documents["n"]
    found = rows(ci_run.lake, "SELECT DISTINCT stage FROM metrics ORDER BY stage")
    trained = ["interrogated", "pretrain", "reward_model", "rl", "rlhf", "sft"]
    assert [row["stage"] for row in found] == trained
    losses = rows(ci_run.lake, "SELECT loss FROM metrics WHERE stage = 'pretrain' ORDER BY step")
    assert losses[-1]["loss"] < losses[0]["loss"] - 1
    splits = rows(ci_run.lake, "SELECT split, count(DISTINCT host) AS n FROM corpus GROUP BY split")
    assert {row["split"] for row in splits} == {"train", "validation"}
    rewards = rows(ci_run.lake, "SELECT count(*) AS n FROM rollouts WHERE reward > 0")
    assert rewards[0]["n"] > 0  # else the fault test would compare updates that did nothing


def test_each_stage_changed_something(ci_run: Any) -> None:
    evals = rows(ci_run.lake, "SELECT model, suite, task, metric, value, low, high, n FROM evals")
    assert {row["model"] for row in evals} == set(MODELS)
    by_name_alone = {TASK_LEVELS_SUITE, HORIZON_TURNS_SUITE}
    assert {row["suite"] for row in evals} == {*SUITES, *DETAIL_SUITES} - by_name_alone
    for row in evals:
        assert row["n"] > 0
        if row["suite"] != "compression":  # an archiver's size has no interval
            assert row["low"] - 1e-9 <= row["value"] <= row["high"] + 1e-9
    turns = {
        row["model"]: row["value"]
        for row in evals
        if row["task"] == "all" and row["suite"] == "turns"
    }
    assert turns["sft"] >= turns["base"] + 0.25  # without trained stops both are 0
    folders = {
        m.kind: m.files["model.safetensors"]["sha256"]
        for m in Lake(ci_run.lake).list()
        if m.kind in MODELS
    }
    assert len(set(folders.values())) == len(MODELS)


def test_the_filters_are_held_against_the_truth(ci_run: Any) -> None:
    (audited,) = Lake(ci_run.lake).list("audit")
    from storage.tables import read_table

    folder = Lake(ci_run.lake).local("audit", audited.digest)
    table = read_table(folder / "audit.parquet").to_pylist()
    everything = {(r["task"], r["metric"]): r["value"] for r in table if r["stage"] == "all"}
    assert everything["pages", "recall"] > 0.95
    assert everything["pages", "precision"] > 0.95


def test_the_second_run_makes_nothing(ci_run: Any, cli: Any) -> None:
    before = created(ci_run.lake)
    heads = Lake(ci_run.lake).heads()
    done = cli("demo", "--preset", "ci", "--lake", ci_run.lake)
    assert done.returncode == 0, done.stderr
    assert Lake(ci_run.lake).heads() == heads
    assert created(ci_run.lake) == before
    # its last words are sums that neither training nor a page had, with the right answer beside
    said = re.findall(r"you> .*?(\d+) \+ (\d+).*\n.*\n +\(right: (\d+)\)", done.stdout)
    stated = {row["text"] for row in rows(ci_run.lake, "SELECT text FROM corpus")}
    assert len({len(a) for a, b, _ in said} | {len(b) for a, b, _ in said}) > 1
    assert len(said) == 4
    for a, b, answer in said:
        assert int(answer) == int(a) + int(b)
        assert sum_split(int(a), int(b)) == "evaluation"
        assert max(len(a), len(b)) < 3 or not any(f"{a} + {b}" in text for text in stated)


def test_a_change_costs_only_what_follows(copy: Path, cli: Any) -> None:
    before = created(copy)
    arguments = ("run", "crawl-to-chat", "--preset", "ci", "--set", "rl.steps=2", "--lake", copy)
    cli.json(*arguments)
    new = Counter(key.split("/")[0] for key in created(copy).keys() - before.keys())
    assert new == {"rl": 1, "preferences": 1, "reward_model": 1, "rlhf": 1, "evals": 2}
    assert {key: when for key, when in created(copy).items() if key in before} == before


def test_another_threshold_selects_again_and_opens_no_warc(copy: Path, cli: Any) -> None:
    before = created(copy)
    change = ("--set", "select.gopher_quality.min_words=150")
    cli.json("run", "corpus", "--preset", "ci", *change, "--lake", copy)
    new = Counter(key.split("/")[0] for key in created(copy).keys() - before.keys())
    grouped = ("selection", "corpus", "corpus_split")
    assert new == dict.fromkeys([*grouped, *map(group_kind, grouped), "duplicates", "audit"], 1)
    assert {key: when for key, when in created(copy).items() if key in before} == before
    fewer = "SELECT count(*) AS n FROM selection WHERE rule = 'min_words' AND value >= 50"
    assert rows(copy, fewer)[0]["n"] > 0
    assert rows(copy, "SELECT count(*) AS n FROM documents WHERE word_count < 150")[0]["n"] == 0
    assert rows(copy, "SELECT count(*) AS n FROM pages WHERE word_count < 150")[0]["n"] > 0


def test_deleted_artifacts_come_back_the_same(copy: Path, cli: Any) -> None:
    """An early one and a late one, of which neither follows from the other's being made again."""
    before, told = contents(copy), created(copy)
    victims = [Lake(copy).list(kind)[0] for kind in ("scan", "sft")]
    for victim in victims:
        shutil.rmtree(copy / victim.kind / victim.artifact)
    cli.json("run", "crawl-to-chat", "--preset", "ci", "--lake", copy)
    assert contents(copy) == before
    newer = {key for key, when in created(copy).items() if when != told[key]}
    assert newer == {f"{victim.kind}/{victim.digest}" for victim in victims}


def test_sql_speaks_json_and_csv(ci_run: Any, cli: Any) -> None:
    found = cli.json(
        "sql",
        "SELECT outcome, count(*) AS n FROM ledger GROUP BY 1 ORDER BY 1",
        "--lake",
        ci_run.lake,
    )
    assert [row["outcome"] for row in found] == ["dropped", "error", "kept"]
    plain = cli("sql", "SELECT 1 AS a, 'x,y' AS b", "--csv", "--lake", ci_run.lake)
    assert plain.stdout.splitlines() == ["a,b", '1,"x,y"']
    wrong = cli("sql", "SELECT nonsense FROM ledger", "--lake", ci_run.lake)
    assert wrong.returncode == 2
    assert len(wrong.stderr.splitlines()) == 1


def test_artifacts_say_what_they_were_made_from(ci_run: Any, in_process: Any) -> None:
    listed = document(in_process, "artifacts", "--lake", ci_run.lake)
    (rl,) = [row for row in listed if row["kind"] == "rl"]
    inputs = json.loads(rl["inputs"])
    made = {"sft": "interrogated", "interrogation": "interrogation"}
    made["conversations"] = "conversations"
    for slot, name in made.items():
        assert inputs[slot] == [ci_run.result["artifacts"][name]["digest"]]
    assert inputs.keys() == {*made, "data"}  # Unicode's tables, by their version
    assert rl["current"]


def test_explain_shows_why_a_page_went(ci_run: Any, in_process: Any) -> None:
    sql = "SELECT url, rule FROM ledger WHERE stage = 'gopher_quality' ORDER BY url LIMIT 1"
    (dropped,) = rows(ci_run.lake, sql)
    as_it_was_cut_out = dropped["url"] + "\r\n"
    told = document(in_process, "explain", as_it_was_cut_out, "--lake", ci_run.lake)
    record = told["records"][0]
    assert (record["outcome"], record["rule"]) == ("dropped", dropped["rule"])
    assert record["text_plain"]
    assert record["text_before"]
    assert record["text_after"] is None
    (rule,) = [rule for rule in record["rules"] if rule["rule"] == dropped["rule"]]
    assert (rule["drops"], rule["value"]) == (True, record["value"])
    assert rule["value"] == record["signals"][rule["signal"]]
    assert {"repetition", "c4", "fineweb"} <= {rule["stage"] for rule in record["rules"]}
    gate = "SELECT l.url FROM ledger l ANTI JOIN pages USING (id)"
    (gone,) = rows(ci_run.lake, f"{gate} WHERE stage = 'language' ORDER BY 1 LIMIT 1")
    at_the_gate = document(in_process, "explain", gone["url"], "--lake", ci_run.lake)["records"][0]
    assert at_the_gate["text_plain"]
    assert at_the_gate["rules"] == []
    (kept,) = rows(ci_run.lake, "SELECT url FROM corpus WHERE pii_emails > 0 ORDER BY url LIMIT 1")
    told = document(in_process, "explain", kept["url"], "--lake", ci_run.lake)
    assert "@" in told["records"][0]["text_before"]
    assert told["records"][0]["text_after"] != told["records"][0]["text_before"]
    unknown = in_process("explain", "https://nowhere.example/", "--lake", ci_run.lake)
    assert unknown.returncode == 2


def test_it_talks(ci_run: Any, cli: Any) -> None:
    lake = ("--lake", ci_run.lake)
    exchange = cli.json("chat", "--message", "Hello!", "--model", "sft", *lake)
    assert exchange[0]["user"] == "Hello!"
    assert isinstance(exchange[0]["assistant"], str)
    digest = ci_run.result["artifacts"]["base"]["digest"]
    page = cli.json("complete", "The river", "--model", digest[:12], "--max-tokens", "8", *lake)
    by_path = ("complete", "The river", "--model", ci_run.lake / "base" / digest[:16])
    assert cli.json(*by_path, "--max-tokens", "8", *lake) == page
    refused = cli("chat", "--message", "Hello!", "--model", "base", *lake)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)


def test_tokens_give_the_text_back(ci_run: Any, in_process: Any) -> None:
    pieces = document(in_process, "tokens", "Häme 12: ok", "--lake", ci_run.lake)
    assert b"".join(bytes.fromhex(p["bytes"]) for p in pieces).decode() == "Häme 12: ok"


def test_eval_shows_scores_without_measuring_twice(ci_run: Any, cli: Any) -> None:
    before = created(ci_run.lake)
    scores = cli.json("eval", "--model", "rl", "--suite", "turns", "--lake", ci_run.lake)
    assert {(row["model"], row["suite"]) for row in scores} == {("rl", "turns")}
    assert created(ci_run.lake) == before


def test_the_report_is_one_page(ci_run: Any, cli: Any, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    cli.json("report", "--lake", ci_run.lake, "--out", out)
    page = out.read_text()
    assert page.count("data:image/png;base64,") >= 4
    assert 'src="http' not in page
    assert "bits per byte" in page
    assert not {value for value in planted_values(ci_run.lake) if value in page}


def test_doctor_finds_nothing_wrong(ci_run: Any, cli: Any) -> None:
    checks = cli.json("doctor", "--lake", ci_run.lake)
    assert {row["state"] for row in checks} <= {"ok", "warning"}


def test_the_run_shows_in_prefect(ci_run: Any, prefect_server: str) -> None:
    import urllib.request

    def ask(path: str, body: dict[str, Any]) -> Any:
        data, headers = json.dumps(body).encode(), {"content-type": "application/json"}
        request = urllib.request.Request(prefect_server + path, data, headers)
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as response:
            return json.load(response)

    flows = {flow["name"] for flow in ask("/flows/filter", {})}
    assert {"crawl-to-chat", "corpus", "tokenizer", "pretrain", "sft", "rl", "rlhf"} <= flows
    assert "evaluate" in flows
    artifacts = ask("/artifacts/filter", {})
    keys = {artifact["key"] for artifact in artifacts}
    assert {"funnel", "curves-base", "curves-rl", "curves-rlhf", "scores", "samples"} <= keys
    curves = next(a for a in artifacts if a["key"] == "curves-base")
    assert "data:image/png;base64," in curves["data"]
    names = {run["name"] for run in ask("/task_runs/filter", {"limit": 200})}
    assert any(name.startswith("scan 1/3 ") for name in names)
    runs = {run["name"] for run in ask("/flow_runs/filter", {"limit": 200})}
    assert {"crawl-to-chat (ci)", "pretrain (ci)", "evaluate rlhf (ci)"} <= runs


def test_a_ladder_of_sizes_predicts_its_largest(cli: Any, copy: Path) -> None:
    small = []
    for setting in ("tokens_per_parameter=0.1", "draws=100", "width_per_layer=16", "head_dim=16"):
        small += ["--set", f"scaling.{setting}"]
    made = cli.json("run", "scaling", "--preset", "ci", "--lake", copy, *small)["artifacts"]
    (law,) = (m for m in Lake(copy).list("scaling") if m.digest == made["scaling"]["digest"])
    ladder = rows(copy, "SELECT layers, flops, bits_per_byte FROM scaling ORDER BY flops")
    assert [row["layers"] for row in ladder] == [1, 2, 3, 4, 5]
    assert law.statistics["check"]["measured"] == ladder[-1]["bits_per_byte"]
    predicted = [
        row["name"] for row in cli.json("plan", "--preset", "ci", "--lake", copy)["training"]
    ]
    assert any("predicted by a ladder of 5 runs" in name for name in predicted)
    # none of the ladder's models became the lake's base model
    assert Lake(copy).heads()["base"] not in law.inputs["runs"]
