"""Reads task files: llm-foundry's JSON lines, and two public data sets in their own formats.

In: a folder's files. Out: rows with the keys of their kind (query, choices, gold; context,
continuation; context_options, continuation, gold), or nothing where a task has no file.
HellaSwag's own rows become what llm-foundry's copy holds; SQuAD v1.1's become a passage, a question
and "Answer:", which the copy's wording is not known to be.
"""

import gzip
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.evals.icl import Kind, Task
from storage.errors import UserError

ENDINGS = (".jsonl", ".jsonl.gz", ".json", ".json.gz")
# Other names under which a task's data is found, as its authors or samplers call it.
OTHER_NAMES = {
    "hellaswag": ("hellaswag_val", "hellaswag_val_sample"),
    "squad": ("squad_v1.1_dev", "squad_dev_v1.1", "dev-v1.1"),
}
KEYS: dict[Kind, tuple[str, ...]] = {
    "multiple_choice": ("query", "choices", "gold"),
    "schema": ("context_options", "continuation", "gold"),
    "language_modelling": ("context", "continuation"),
}


def find(files: Sequence[Path], task: Task) -> Path | None:
    """A task's file among those given."""
    by_name = {file.name: file for file in files}
    for stem in (task.file, *OTHER_NAMES.get(task.file, ())):
        for ending in ENDINGS:
            if stem + ending in by_name:
                return by_name[stem + ending]
    return None


def read(file: Path, task: Task) -> list[dict[str, Any]]:
    """The rows; UserError where one isn't of the task's kind."""
    text = _text(file)
    rows: list[dict[str, Any]] = []
    try:
        if file.name.removesuffix(".gz").endswith(".json"):
            return squad(json.loads(text))
        for number, line in enumerate(filter(str.strip, text.splitlines()), 1):
            row = json.loads(line)
            rows.append(hellaswag(row) if "endings" in row else row)
            missing = [key for key in KEYS[task.kind] if key not in rows[-1]]
            if missing:
                raise UserError(f"{file} line {number}: a {task.kind} row needs {missing[0]!r}")
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} holds no rows of task {task.name}: {error}") from error
    if not rows:
        raise UserError(f"{file} is empty: task {task.name} has no rows")
    return rows


def hellaswag(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of HellaSwag's own file: "Activity: context", its brackets taken out."""
    ending = row["ctx_b"].capitalize()
    query = _unbracketed(f"{row['activity_label']}: {row['ctx_a']} {ending}")
    choices = [_unbracketed(text) for text in row["endings"]]
    return {"query": query, "choices": choices, "gold": int(row["label"])}


def squad(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Questions of SQuAD's own file, in its order; the first answer is the one to be given."""
    return [
        {
            "context": f"Context: {paragraph['context']}\nQuestion: {asked['question']}\nAnswer:",
            "continuation": asked["answers"][0]["text"],
        }
        for article in data["data"]
        for paragraph in article["paragraphs"]
        for asked in paragraph["qas"]
        if asked["answers"]
    ]


def _text(file: Path) -> str:
    try:
        raw = file.read_bytes()
        if file.suffix == ".gz":
            raw = gzip.decompress(raw)
        return raw.decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise UserError(f"{file} can't be read: {error}") from error


def _unbracketed(text: str) -> str:
    """WikiHow's [title], [step] and the like are no text."""
    text = re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". "))
    return text.replace("  ", " ").strip()
