"""The flow labels: a store becomes tables of the lake, found again while nothing new is done."""

import json
from pathlib import Path
from typing import Any

import pytest
from labeling import PLAIN, compared, written
from random_models import byte_tokenizer, random_model
from toy_artifacts import post_training  # noqa: F401

from flows.config import load
from flows.labels import labels
from flows.sft import sft
from pipeline import model as models
from pipeline.labels.task_queue import finish, take
from pipeline.labels.task_store import opened
from storage import Lake, UserError, catalog
from storage.digest import artifact_digest

pytestmark = pytest.mark.usefixtures("prefect")


@pytest.fixture
def lake(tmp_path: Path, post_training: Any) -> Lake:  # noqa: F811
    """A lake with a tokenizer."""
    lake = Lake(tmp_path / "lake")
    digest = artifact_digest("tokenizer", 1, {}, {})
    staging = lake.staging("tokenizer", digest)
    for path in post_training.tokenizer.iterdir():
        (staging / path.name).write_bytes(path.read_bytes())
    lake.commit(staging, "tokenizer", digest, 1, {}, {}, {}, {})
    lake.set_heads({"tokenizer": digest})
    return lake


def answer(path: Path, count: int) -> None:
    with opened(path) as store:
        for _ in range(count):
            given = take(store, "mara", 0)
            assert given is not None
            winner = "b" if given.task.kind == "compare" else "An answer."
            finish(store, "mara", given.task.id, winner, 5)


def test_finished_work_becomes_tables(lake: Lake, tmp_path: Path) -> None:
    config, path = load("ci"), tmp_path / "lake" / ".labels" / "tasks.sqlite"
    with pytest.raises(UserError, match="no labelers' store"):
        labels(config, lake.url)
    with opened(path, create=PLAIN) as store:
        store.add([task for n in range(3) for task in (written(n), compared(n))], "a.jsonl")
        store.add_raters(["mara"])
    answer(path, 4)
    made = labels(config, lake.url)["labels"]
    assert lake.heads()["labels"] == made["digest"]
    assert labels(config, lake.url)["labels"] == made
    ask = "SELECT kind, rater, seconds, gold FROM labels ORDER BY kind"
    rows = [{"rater": "mara", "seconds": 5.0, "gold": False}] * 4
    kinds = ("compare", "compare", "write", "write")
    assert catalog.query(lake, ask).to_pylist() == [
        {"kind": kind, **row} for kind, row in zip(kinds, rows)
    ]
    joined = """
        SELECT c.messages[-1].content AS said, c.source FROM conversations c
        JOIN labels l ON l.made = c.id AND l.task = c.origin WHERE l.kind = 'write'
    """
    assert (
        catalog.query(lake, joined).to_pylist() == [{"said": "An answer.", "source": "labels"}] * 2
    )
    won = "SELECT winner, prompt[1].role AS role, rater, seconds FROM preferences"
    assert (
        catalog.query(lake, won).to_pylist()
        == [{"winner": "b", "role": "user", "rater": "mara", "seconds": 5.0}] * 2
    )
    answer(path, 1)
    more = labels(config, lake.url)["labels"]
    assert more != made
    assert catalog.query(lake, "SELECT count(*) AS n FROM labels").to_pylist() == [{"n": 5}]
    assert catalog.query(lake, "SELECT count(*) AS n FROM all_labels").to_pylist() == [{"n": 9}]
    assert not [*lake.tree.root.glob("**/finished.jsonl")]  # type: ignore[union-attr]


def test_a_store_anywhere_and_a_lake_without_a_tokenizer(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.sqlite"
    with opened(path, create=PLAIN) as store:
        store.add([written(1)], "a.jsonl")
        store.add_raters(["mara"])
    config = load("ci", input={"labels": str(path)})
    with pytest.raises(UserError, match="no rater has finished"):
        labels(config, lake.url)
    answer(path, 1)
    assert labels(config, lake.url)["labels"]["rows"] == 2
    with pytest.raises(UserError, match=r"no tokenizer in lake .* run tokenizer"):
        labels(config, str(tmp_path / "empty"))


def test_fine_tuning_takes_what_raters_wrote_where_their_store_is_named(
    lake: Lake, tmp_path: Path
) -> None:
    """As the base's own tokenizer reads it, which isn't the lake's newest."""
    models.save(random_model("qwen3"), byte_tokenizer(), tmp_path / "ours")
    lines = [json.dumps({"prompt": f"Say {n}.", "completion": f"{n}!"}) for n in range(30)]
    (tmp_path / "mine.jsonl").write_text("\n".join(lines))
    path = tmp_path / "raters.sqlite"
    with opened(path, create=PLAIN) as store:
        store.add([written(1), compared(2)], "a.jsonl")
        store.add_raters(["mara"])
    answer(path, 2)
    given = {"base": str(tmp_path / "ours"), "conversations": [str(tmp_path / "mine.jsonl")]}
    loop = {"steps": 1, "rows_per_step": 2, "warmup_steps": 1, "validate_every": 1}
    tuning: Any = {"loop": loop, "precision": "float32", "device": "cpu", "threads": 1}
    without = sft(load("ci", input=given, sft=tuning), lake.url)
    made = sft(load("ci", input={**given, "labels": str(path)}, sft=tuning), lake.url)
    assert "labels" not in without
    trained = lake.manifest("sft", made["sft"]["digest"])
    sources = ("labels", "imported_conversations")
    assert trained.inputs["conversations"] == [made[kind]["digest"] for kind in sources]
    assert trained.statistics["sources"]["labels"] == 1
    work = lake.manifest("labels", made["labels"]["digest"])
    assert work.inputs["tokenizer"] == [made["base"]["digest"]]
