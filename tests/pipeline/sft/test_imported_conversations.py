"""Files of conversations: each row is used or rejected, and the figures add up."""

import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.chat.conversation import from_row, mask_of, render
from pipeline.chat.row_fields import REASONS
from pipeline.sft import imported_conversations as stage
from pipeline.sft.config import ImportedConversationsConfig
from pipeline.stage import SILENT, Progress
from storage.errors import UserError
from storage.tables import read_table

CONFIG = ImportedConversationsConfig(max_tokens=192)


def run(
    post_training: Any,
    out: Path,
    files: list[Path],
    config: ImportedConversationsConfig = CONFIG,
    progress: Progress = SILENT,
) -> tuple[Any, list[dict[str, Any]], list[dict[str, Any]]]:
    out.mkdir(exist_ok=True)
    inputs: stage.ImportedConversationsInputs = {
        "files": files,
        "tokenizer": [post_training.tokenizer],
    }
    statistics = stage.build(out, inputs, config, progress, out)
    used, rejects = (
        read_table(out / name).to_pylist() for name in ("conversations.parquet", "rejects.parquet")
    )
    return statistics, used, rejects


def openai(question: str, answer: str, **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": messages, **more}


def lines(path: Path, rows: list[Any]) -> Path:
    texts = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def test_rows_are_used_or_rejected_with_line_and_reason(post_training: Any, tmp_path: Path) -> None:
    file = lines(
        tmp_path / "mine.jsonl",
        [
            openai("What is 1 + 1?", "It is 2."),
            "{",
            "",
            openai("What is 1 + 1?", "It is 2."),
            openai("What is 1 + 1?", "It is 2!"),
            openai("Say much.", "tea " * 300),
            {"instruction": "a", "output": "b"},
            {"messages": [{"role": "assistant", "content": "Hi"}]},
        ],
    )
    statistics, used, rejects = run(post_training, tmp_path / "out", [file])
    assert [(r["line"], r["reason"]) for r in rejects] == [
        (2, "invalid_json"),
        (4, "duplicate"),
        (6, "too_long"),
        (7, "another_format"),
        (8, "out_of_turn"),
    ]
    assert {r["file"] for r in rejects} == {"mine.jsonl"}
    assert {r["format"] for r in rejects} == {"openai"}
    assert all(r["reason"] in REASONS for r in rejects)
    assert rejects[2]["detail"].endswith("tokens of 192")
    assert [u["origin"] for u in used] == ["mine.jsonl:1", "mine.jsonl:5"]
    assert statistics["loss_tokens"] == sum(b - a for u in used for a, b in u["loss_spans"]) > 0
    assert {u["source"] for u in used} == {"imported/mine"}
    assert len({u["id"] for u in used}) == 2
    assert statistics["rows"] == 7
    assert statistics["conversations"] == 2
    assert statistics["files"] == {
        "mine.jsonl": {
            "format": "openai",
            "rows": 7,
            "used": 2,
            "rejected": Counter(r["reason"] for r in rejects),
            "blank_lines": 1,
        }
    }
    assert statistics["rejected"] == Counter(r["reason"] for r in rejects)


def test_the_four_formats_and_parquet_give_the_same_conversations(
    post_training: Any, chat_tokenizer: Any, tmp_path: Path
) -> None:
    pairs = [(f"What is {n} + {n}?", f"It is {2 * n}.") for n in range(30)]
    forms = {
        "openai": [openai(q, a) for q, a in pairs],
        "sharegpt": [
            {"conversations": [{"from": "human", "value": q}, {"from": "gpt", "value": a}]}
            for q, a in pairs
        ],
        "alpaca": [{"instruction": q, "input": "", "output": a} for q, a in pairs],
        "prompt_completion": [{"prompt": q, "completion": a} for q, a in pairs],
    }
    everything = dataclasses.replace(CONFIG, drop_duplicates=False)
    files = [lines(tmp_path / f"{name}.jsonl", rows) for name, rows in forms.items()]
    for name, rows in forms.items():
        files.append(tmp_path / f"{name}.parquet")
        pq.write_table(pa.Table.from_pylist(rows), files[-1])
    statistics, used, rejects = run(post_training, tmp_path / "out", files, everything)
    assert rejects == []
    assert {name: file["format"] for name, file in statistics["files"].items()} == {
        f"{name}{ending}": name for name in forms for ending in (".jsonl", ".parquet")
    }
    assert statistics["by_source"] == {f"imported/{name}": 60 for name in forms}
    wanted = [(q, a) for _ in files for q, a in pairs]
    assert [(u["messages"][0]["content"], u["messages"][1]["content"]) for u in used] == wanted
    for row in used:
        ids, mask = render(from_row(row), chat_tokenizer)
        assert mask_of(row["loss_spans"], len(ids)) == mask
    assert len({u["id"] for u in used}) == len(used)  # of copies too
    # the same again, and of copies only the first
    once = run(post_training, tmp_path / "once", files)
    assert len(once[1]) == 30
    assert once[0]["rejected"] == {"duplicate": 210}


def test_calls_and_tools_reach_the_table(post_training: Any, tmp_path: Path) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}}
    messages = [
        {"role": "user", "content": "1?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
        {"role": "assistant", "content": "1."},
    ]
    tools = [{"type": "function", "function": {"name": "add", "parameters": {}}}]
    file = lines(tmp_path / "tools.jsonl", [{"messages": messages, "tools": tools}])
    config = dataclasses.replace(CONFIG, max_tokens=2_000, validation_fraction=0.0)
    _, (row,), _ = run(post_training, tmp_path / "out", [file], config)
    assert row["tools"] == [json.dumps(tools[0])]
    assert row["messages"][1]["tool_calls"] == [
        {"id": "c1", "name": "add", "arguments": '{"a": 1}'}
    ]
    assert row["messages"][2]["tool_call_id"] == "c1"
    assert len(row["loss_spans"]) == 2  # the call and the answer, not the tool's output


def test_the_same_question_is_in_one_split(post_training: Any, tmp_path: Path) -> None:
    rows = [
        openai(question, f"Answer {n} to {number}.")
        for number in range(80)
        for n, question in enumerate((f"What is {number}?", f"  what IS {number}? \n"))
    ]
    file = lines(tmp_path / "mine.jsonl", rows)
    config = dataclasses.replace(CONFIG, validation_fraction=0.3)
    statistics, used, _ = run(post_training, tmp_path / "out", [file], config)
    splits: dict[str, set[str]] = {}
    for row in used:
        question = " ".join(row["messages"][0]["content"].casefold().split())
        splits.setdefault(question, set()).add(row["split"])
    assert len(splits) == 80
    assert all(len(of) == 1 for of in splits.values())
    held_back = sum(row["split"] == "validation" for row in used)
    assert statistics["validation"] == held_back
    assert 0.15 < held_back / len(used) < 0.45


def test_a_format_may_be_named_for_all_files_or_by_a_files_name(
    post_training: Any, tmp_path: Path
) -> None:
    both = {**openai("from messages", "a"), "prompt": "from prompt", "completion": "b"}
    files = [lines(tmp_path / name, [both]) for name in ("one.jsonl", "two.jsonl")]
    config = dataclasses.replace(CONFIG, drop_duplicates=False, validation_fraction=0.0)

    def asked(*formats: str) -> list[str]:
        changed = dataclasses.replace(config, formats=formats)
        return [
            row["messages"][0]["content"]
            for row in run(post_training, tmp_path / "out", files, changed)[1]
        ]

    assert asked() == ["from messages"] * 2
    assert asked("prompt_completion") == ["from prompt"] * 2
    assert asked("two*=prompt_completion") == ["from messages", "from prompt"]
    assert asked("two*=prompt_completion", "openai") == ["from messages", "from prompt"]


def test_only_the_first_rows_tell_the_format(post_training: Any, tmp_path: Path) -> None:
    alpaca = [{"instruction": f"Ask {n}.", "output": "b"} for n in range(2)]
    file = lines(tmp_path / "a.jsonl", [*alpaca, *(openai(f"{n}?", "c") for n in range(5))])
    for looked_at, format in ((2, "alpaca"), (3, "alpaca"), (5, "openai"), (200, "openai")):
        config = dataclasses.replace(CONFIG, looked_at_rows=looked_at)
        statistics, _, _ = run(post_training, tmp_path / "out", [file], config)
        assert statistics["files"]["a.jsonl"]["format"] == format
        assert statistics["conversations"] == (2 if format == "alpaca" else 5)


def test_how_many_rows_are_read_is_told_across_files(
    post_training: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[float, str]] = []

    class Told(Progress):
        def update(self, done: float, total: float | None, unit: str, **numbers: Any) -> None:
            told.append((done, numbers["file"]))

    monkeypatch.setattr(stage, "ROWS_AT_ONCE", 3)
    files = [
        lines(tmp_path / f"{name}.jsonl", [openai(f"{name}{n}", "x") for n in range(5)] + ["{"])
        for name in "ab"
    ]
    run(post_training, tmp_path / "out", files, progress=Told())
    assert told == [(3, "a.jsonl"), (6, "a.jsonl"), (9, "b.jsonl"), (12, "b.jsonl")]


@pytest.mark.parametrize("formats", [("chatml",), ("a.jsonl=",), ("a.jsonl",), ("",)])
def test_an_unknown_format_is_refused_before_a_run(formats: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match=r"formats: .*NAME=FORMAT.*openai, sharegpt, alpaca"):
        ImportedConversationsConfig(formats=formats)


def test_files_of_one_name_are_told_apart(post_training: Any, tmp_path: Path) -> None:
    files = []
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
        files.append(lines(tmp_path / folder / "train.jsonl", [openai(folder, "x"), "{"]))
    files.insert(0, lines(tmp_path / "train#2.jsonl", [openai("d", "x"), "{"]))
    statistics, used, rejects = run(post_training, tmp_path / "out", files)
    names = ["train#2", "train", "train#3", "train#4"]
    assert list(statistics["files"]) == [f"{name}.jsonl" for name in names]
    assert [u["origin"] for u in used] == [f"{name}.jsonl:1" for name in names]
    assert [r["file"] for r in rejects] == [f"{name}.jsonl" for name in names]
    assert [u["source"] for u in used] == [f"imported/{name}" for name in names]


@pytest.mark.parametrize(
    "name", ["a.jsonl", "a.json.gz", "a.ndjson.zst", "a.parquet", "a", ".json"]
)
def test_a_source_is_the_files_name_without_what_says_how_it_is_written(name: str) -> None:
    assert stage.stem(name) == (".json" if name == ".json" else "a")


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "0 rows: the files are empty"),
        (["{", "{", {"text": "x"}], "3 rows: 2 invalid_json, 1 unknown_format"),
        ([{"question": "a", "answer": "b"}], "1 rows: 1 unknown_format"),
    ],
)
def test_nothing_to_train_on_is_one_line_with_the_reasons(
    post_training: Any, tmp_path: Path, rows: list[Any], why: str
) -> None:
    file = lines(tmp_path / "a.jsonl", rows) if rows else tmp_path / "a.jsonl"
    file.touch()
    with pytest.raises(UserError, match=rf"input\.conversations: .* in {why}$"):
        run(post_training, tmp_path / "out", [file])


def test_people_are_told_of_each_file(post_training: Any, tmp_path: Path) -> None:
    said: list[str] = []

    class Told(Progress):
        def note(self, text: str) -> None:
            said.append(text)

    files = [
        lines(tmp_path / "a.jsonl", [openai("a", "b"), "{", "{", {"messages": 5}]),
        lines(tmp_path / "b.jsonl", [openai("c", "d")]),
    ]
    run(post_training, tmp_path / "out", files, progress=Told())
    assert said == [
        "a.jsonl: 4 rows of format openai = 1 used + 3 rejected (2 invalid_json, 1 missing_field)",
        "b.jsonl: 1 rows of format openai = 1 used + 0 rejected",
    ]


def test_many_rows_are_written_in_pieces_and_in_order(
    post_training: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[Any] = [openai(f"Question {n}?", "x") if n % 3 else "{" for n in range(100)]
    file = lines(tmp_path / "a.jsonl", rows)
    whole = run(post_training, tmp_path / "whole", [file])
    monkeypatch.setattr(stage, "ROWS_AT_ONCE", 7)
    pieces = run(post_training, tmp_path / "pieces", [file])
    assert pieces == whole
    for name in ("conversations.parquet", "rejects.parquet"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "pieces" / name).read_bytes()
    assert [r["line"] for r in whole[2]] == list(range(1, 101, 3))


def test_a_lost_row_fails_the_stage() -> None:
    file: stage.FileStatistics = {
        "format": "openai",
        "rows": 5,
        "used": 3,
        "rejected": {"too_long": 2},
        "blank_lines": 0,
    }
    statistics: stage.ImportedConversationsStatistics = {
        "rows": 5,
        "conversations": 3,
        "rejected": {"too_long": 2},
        "by_source": {},
        "validation": 0,
        "loss_tokens": 0,
        "files": {"a": file},
    }
    stage.check_law(statistics, 3, 2)
    for stored, refused in ((2, 2), (3, 1), (4, 1)):
        with pytest.raises(RuntimeError, match="counted were"):
            stage.check_law(statistics, stored, refused)
    with pytest.raises(RuntimeError, match="a: rows read are not"):
        stage.check_law({**statistics, "files": {"a": {**file, "used": 2}}}, 3, 2)


def test_the_context_must_be_settled(post_training: Any, tmp_path: Path) -> None:
    file = lines(tmp_path / "a.jsonl", [openai("a", "b")])
    with pytest.raises(UserError, match=r"imported_conversations\.max_tokens"):
        run(post_training, tmp_path / "out", [file], ImportedConversationsConfig())


def test_the_stage_by_its_name_and_version() -> None:
    assert (stage.STAGE.kind, stage.STAGE.version) == ("imported_conversations", 1)
    assert stage.STAGE.data == ("unicode",)
