"""Finished work as tables that DuckDB shows and fine-tuning takes."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from labeling import compared, store_with, written

from pipeline.labels import stage
from pipeline.labels.config import LabelsConfig
from pipeline.labels.finished_work import write_finished
from pipeline.labels.task_queue import finish, take
from pipeline.labels.task_store import TaskStore
from pipeline.sft.conversation_loader import encode
from pipeline.stage import SILENT
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError
from storage.schemas import CONVERSATIONS, LABELS, PREFERENCES


def answered(store: TaskStore, *raters: str) -> None:
    for rater in raters:
        now = 0.0
        while (given := take(store, rater, now)) is not None:
            answer = "b" if given.task.kind == "compare" else f"{rater} says <|im_end|> x."
            assert finish(store, rater, given.task.id, answer, now + 2)
            now += 3


def made(out: Path, work: Path, tokenizer: Path, **settings: Any) -> Any:
    out.mkdir()
    config = LabelsConfig(**settings)
    inputs: stage.LabelsInputs = {"work": [work], "tokenizer": [tokenizer]}
    return stage.build(out, inputs, config, SILENT, out)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    tasks = [
        *(written(n) for n in range(20)),
        *(written(n, answer="No.") for n in range(10)),
        *(compared(n) for n in range(20)),
        *(written(100 + n, expected="says") for n in range(9)),
        *(compared(100 + n, expected="a") for n in range(9)),
    ]
    config: dict[str, Any] = {"overlap_share": 0.3, "overlap_raters": 2, "gold_share": 0.2}
    with store_with(tmp_path / "s", tasks, **config) as store:
        answered(store, "mara", "tom")
        write_finished(store, tmp_path / "w.jsonl")
    return tmp_path / "w.jsonl"


def test_every_answer_has_its_rows(tmp_path: Path, work: Path, post_training: Any) -> None:
    found = made(tmp_path / "out", work, post_training.tokenizer, validation_fraction=0.3)
    tables = {path.stem: pq.read_table(path) for path in (tmp_path / "out").glob("*.parquet")}
    schemas = {"labels": LABELS, "conversations": CONVERSATIONS, "preferences": PREFERENCES}
    assert {name: found.schema for name, found in tables.items()} == schemas
    labels, talks, preferred = (tables[name].to_pylist() for name in schemas)
    ordinary = [row for row in labels if not row["gold"]]
    assert len(ordinary) == len(talks) + len(preferred) == (6 + 20) + (3 + 10) + (6 + 20)
    assert {row["made"] for row in ordinary} == {row["id"] for row in (*talks, *preferred)}
    gold = [row for row in labels if row["gold"]]
    assert gold
    assert all(row["made"] == "" for row in gold)
    assert all(row["right"] == (row["kind"] == "write") for row in gold)  # b is wrong
    assert all(row["right"] is None and row["seconds"] == 2.0 for row in ordinary)
    assert {row["source"] for row in talks} == {"labels"}
    raters = {row["made"]: row["rater"] for row in ordinary}
    for row in talks:
        said = row["messages"][-1]
        assert (said["role"], said["content"]) == (
            "assistant",
            f"{raters[row['id']]} says <|im_end|> x.",
        )
    for row in preferred:
        assert {row["a"], row["b"]} == {*compared(int(row["a"].split()[-1][:-1])).answers}
        assert (row["winner"], row["rater"]) == ("b", raters[row["id"]])
        assert row["prompt"][0]["content"] == compared(0).prompt.messages[0].content.replace(
            "0", row["a"].split()[-1][:-1]
        )
    assert (found["labels"], found["gold"]) == (len(labels), len(gold))
    assert found["validation"] == sum(row["split"] == "validation" for row in talks) > 0
    assert found["figures"]["agreement"]["items"] == 6


def test_all_answers_to_a_prompt_are_in_one_split(
    tmp_path: Path, work: Path, post_training: Any
) -> None:
    made(tmp_path / "out", work, post_training.tokenizer, validation_fraction=0.5)
    splits: dict[str, set[str]] = {}
    for name in ("conversations", "preferences"):
        for row in pq.read_table(tmp_path / "out" / f"{name}.parquet").to_pylist():
            asked = (row.get("messages") or row["prompt"])[0]["content"]
            splits.setdefault(asked, set()).add(row["split"])
    assert all(len(found) == 1 for found in splits.values())
    assert {split for found in splits.values() for split in found} == {"train", "validation"}


def test_fine_tuning_takes_the_conversations(
    tmp_path: Path, work: Path, post_training: Any
) -> None:
    made(tmp_path / "out", work, post_training.tokenizer)
    tokenizer = Tokenizer.load(post_training.tokenizer).with_conversation_tokens()
    rows: Any = pq.read_table(tmp_path / "out" / "conversations.parquet").to_pylist()
    parts = encode(rows, tokenizer)
    assert len(parts) == len(rows)
    for row, part in zip(rows, parts):
        learned = [token for token, on in zip(part.tokens, part.learned) if on]
        assert (
            tokenizer.decode([int(token) for token in learned[:-1]])
            == (row["messages"][-1]["content"])
        )


def test_the_same_work_gives_the_same_bytes(tmp_path: Path, work: Path, post_training: Any) -> None:
    files = []
    for name in ("one", "two"):
        statistics = made(tmp_path / name, work, post_training.tokenizer)
        paths = sorted((tmp_path / name).glob("*.parquet"))
        files.append((statistics, [path.read_bytes() for path in paths]))
    assert files[0] == files[1]


def test_questions_of_the_lakes_conversations_all_train(tmp_path: Path, post_training: Any) -> None:
    with store_with(tmp_path / "s", []) as store:
        store.add([written(n) for n in range(30)], "conversations 0123456789abcdef")
        answered(store, "mara")
        write_finished(store, tmp_path / "w.jsonl")
    found = made(
        tmp_path / "out", tmp_path / "w.jsonl", post_training.tokenizer, validation_fraction=0.5
    )
    assert (found["conversations"], found["validation"]) == (30, 0)


def test_nothing_finished_is_said(tmp_path: Path, post_training: Any) -> None:
    (tmp_path / "w.jsonl").write_text("")
    with pytest.raises(UserError, match="no rater has finished"):
        made(tmp_path / "out", tmp_path / "w.jsonl", post_training.tokenizer)
