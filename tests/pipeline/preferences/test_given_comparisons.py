"""Files and labels become comparisons; every row of a file is used or rejected."""

import gzip
import json
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.chat.conversation import user
from pipeline.preferences.given_comparisons import GivenComparisons
from pipeline.preferences.prompt_splits import PromptSplits
from storage.errors import UserError
from storage.schemas import PREFERENCES
from storage.tables import table, write_table


def pair(n, **more):
    return {"prompt": f"Q{n}?", "chosen": f"good {n}", "rejected": f"bad {n}", **more}


def reader(**settings):
    return GivenComparisons(PromptSplits(0.3), **settings)


def write_lines(path, rows):
    text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def test_rows_are_used_or_rejected_with_line_and_reason(tmp_path):
    rows = [pair(1), "{", "", pair(2, rejected="good 2"), pair(1), "[1]", pair(3, tie=True)]
    given = reader()
    given.read_file(write_lines(tmp_path / "mine.jsonl.gz", rows), "mine.jsonl.gz")
    found = given.files["mine.jsonl.gz"]
    assert found == {
        "rows": 6,
        "used": 2,
        "rejected": {"duplicate": 1, "equal_pair": 1, "invalid_json": 1, "not_an_object": 1},
        "blank_lines": 1,
    }
    assert found["rows"] == found["used"] + sum(found["rejected"].values())
    assert [(row["line"], row["reason"]) for row in given.rejects] == [
        (2, "invalid_json"),
        (4, "equal_pair"),
        (5, "duplicate"),
        (6, "not_an_object"),
    ]
    assert [row["winner"] == "tie" for row in given.rows] == [False, True]
    assert {row["rater"] for row in given.rows} == {"mine"}
    table(given.rows, PREFERENCES)  # of the schema


def test_the_winner_is_what_was_chosen_and_its_place_is_chance(tmp_path):
    given = reader()
    given.read_file(write_lines(tmp_path / "m.jsonl", [pair(n) for n in range(200)]), "m.jsonl")
    places: Counter[str] = Counter()
    for n, row in enumerate(given.rows):
        assert row[row["winner"]] == f"good {n}"
        places[row["winner"]] += 1
    assert min(places["a"], places["b"]) > 70
    assert len({row["id"] for row in given.rows}) == 200
    assert {row["split"] for row in given.rows} == {"train", "validation"}
    assert all(given.prompts[row["task"]].split == row["split"] for row in given.rows)


def test_parquet_with_lists_of_messages(tmp_path):
    talk = [{"role": "user", "content": "Hi"}]
    rows = [
        {
            "chosen": [*talk, {"role": "assistant", "content": "Good."}],
            "rejected": [*talk, {"role": "assistant", "content": "Bad."}],
            "score_chosen": 5.0,
        }
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "ultra.parquet")
    given = reader()
    given.read_file(tmp_path / "ultra.parquet", "ultra.parquet")
    assert given.files["ultra.parquet"]["used"] == 1
    assert [m["content"] for m in given.rows[0]["prompt"]] == ["Hi"]


def test_what_is_longer_than_the_context_is_rejected(tmp_path, chat_tokenizer):
    rows = [pair(1), pair(2, chosen="word " * 80)]
    given = reader(tokenizer=chat_tokenizer, max_tokens=100)
    given.read_file(write_lines(tmp_path / "m.jsonl", rows), "m.jsonl")
    assert given.files["m.jsonl"]["rejected"] == {"too_long": 1}
    assert "tokens of 100" in given.rejects[0]["detail"]


def labels(folder, rows):
    base = {
        "id": "x",
        "source": "labels",
        "task": "t",
        "tools": [],
        "winner": "a",
        "first": "b",
        "rater": "ann",
        "seconds": 3.0,
        "time": "2026-01-01T00:00:00.000+00:00",
        "split": "train",
    }
    made = [
        {**base, "prompt": [{"role": "user", "content": q, "tool_calls": [], "tool_call_id": ""}],
         "a": a, "b": b}
        for q, a, b in rows
    ]  # fmt: skip
    folder.mkdir()
    write_table(table(made, PREFERENCES), folder / "preferences.parquet")
    return folder


def test_labels_keep_what_the_rater_said_and_get_the_prompts_split(tmp_path):
    rows = [(f"Q{n}?", "one", "two") for n in range(40)]
    rows += [("Q?", "same", " same "), ("Q?", "", "two")]
    given = reader()
    given.read_labels(labels(tmp_path / "labels", rows))
    assert len(given.rows) == 40
    assert {row["split"] for row in given.rows} == {"train", "validation"}
    assert {(r["rater"], r["winner"], r["first"], r["seconds"]) for r in given.rows} == {
        ("ann", "a", "b", 3.0)
    }
    assert [(row["file"], row["line"], row["reason"]) for row in given.rejects] == [
        ("labels", 41, "equal_pair"),
        ("labels", 42, "empty_answer"),
    ]


def test_the_same_prompt_is_in_one_split_whatever_source_has_it(tmp_path):
    splits = PromptSplits(0.5)
    for n in range(40):
        splits.learn((user(f"q{n}?"),), f"entity:{n % 7}")
    given = GivenComparisons(splits)
    given.read_file(write_lines(tmp_path / "m.jsonl", [pair(n) for n in range(40)]), "m.jsonl")
    given.read_labels(labels(tmp_path / "labels", [(f"Q{n}?", "one", "two") for n in range(40)]))
    sides: dict[str, set[str]] = {}
    for row in given.rows:
        question = row["prompt"][0]["content"]
        sides.setdefault(question, set()).add(row["split"])
        sides[question].add(splits.of((user(question),)))
    assert len(sides) == 40
    assert all(len(side) == 1 for side in sides.values())


def test_another_artifact_is_no_labels(tmp_path):
    with pytest.raises(UserError, match="no artifact of kind labels"):
        reader().read_labels(tmp_path)
