"""Reads task files: llm-foundry's JSON lines, and two public data sets in their own formats.

In: a folder's files. Out: rows with the keys of their kind (query, choices, gold; context,
continuation; context_options, continuation, gold), or nothing for a task without a file.
HellaSwag's own rows become those of llm-foundry's copy. SQuAD v1.1's become a passage, a question
and "Answer:"; whether llm-foundry's copy has this wording is not known.
"""

import contextlib
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.evals.icl import IclTask, Kind
from pipeline.inflate import InflatedTooLarge, gunzip
from storage.errors import UserError

MOST_BYTES = 1 << 30  # of a file, unpacked
ENDINGS = (".jsonl", ".jsonl.gz", ".json", ".json.gz")
# Other names of a task's file, as its authors or others who sampled it call it.
OTHER_NAMES = {
    "hellaswag": ("hellaswag_val", "hellaswag_val_sample"),
    "squad": ("squad_v1.1_dev", "squad_dev_v1.1", "dev-v1.1"),
    "mmlu": ("mmlu_test",),
    "gsm8k": ("gsm8k_test", "gsm8k_test_first_two_thirds"),
}
KEYS: dict[Kind, tuple[str, ...]] = {
    "multiple_choice": ("query", "choices", "gold"),
    "schema": ("context_options", "continuation", "gold"),
    "language_modelling": ("context", "continuation"),
}


def find(files: Sequence[Path], task: IclTask) -> Path | None:
    """The task's file among those given; None if it has none."""
    by_name = {file.name: file for file in files}
    for stem in (task.file, *OTHER_NAMES.get(task.file, ())):
        for ending in ENDINGS:
            if stem + ending in by_name:
                return by_name[stem + ending]
    return None


def read(file: Path, task: IclTask) -> list[dict[str, Any]]:
    """The rows of a task's file.

    Raises:
        UserError: the file is unreadable or empty, or a row can't be asked; it names the line.
    """
    rows: list[dict[str, Any]] = []
    for where, row in _rows(file, task):
        reason = wrong(row, task.kind)
        if reason:
            raise UserError(f"{file} {where}: a {task.kind} row needs {reason}")
        rows.append(row)
    if not rows:
        raise UserError(f"{file} is empty: task {task.name} has no rows")
    return rows


def objects(file: Path, task: IclTask) -> list[dict[str, Any]]:
    """The rows of a file in its authors' own format, as they are.

    Raises:
        UserError: the file is unreadable or empty, or a row is no object; it names the line.
    """
    return [row for _, row in numbered(file, task)]


def numbered(file: Path, task: IclTask) -> list[tuple[str, dict[str, Any]]]:
    """`objects`, each after its position in the file ("line 3"), for messages.

    Raises:
        UserError: likewise.
    """
    rows: list[tuple[str, dict[str, Any]]] = []
    for where, row in _rows(file, task):
        if not isinstance(row, dict):
            raise UserError(f"{file} {where}: a row is a JSON object, not {_shown(row)}")
        rows.append((where, row))
    if not rows:
        raise UserError(f"{file} is empty: task {task.name} has no rows")
    return rows


def wrong(row: Any, kind: Kind) -> str:
    """What a row of that kind needs, and what it has instead; "" if it can be asked."""
    if not isinstance(row, dict):
        return f"a JSON object, not {_shown(row)}"
    for key in KEYS[kind]:
        if key not in row:
            return repr(key)
        value = row[key]
        if key in ("choices", "context_options"):
            if not isinstance(value, list) or not value:
                return f"{key!r} as a list of texts, not {_shown(value)}"
            odd = [item for item in value if not isinstance(item, str) or not item.strip()]
            if odd:
                return f"{key!r} as a list of texts, not with {_shown(odd[0])} in it"
        elif key == "gold":
            options = len(row[KEYS[kind][kind == "multiple_choice"]])
            if type(value) is not int or not 0 <= value < options:
                right = f"'gold' as the number of the right one, 0 to {options - 1}"
                return f"{right}, not {_shown(value)}"
        elif not isinstance(value, str) or (key == "continuation" and not value.strip()):
            return f"{key!r} as a text, not {_shown(value)}"
    if not isinstance(row.get("category", ""), str):
        return f"'category' as a text, not {_shown(row['category'])}"
    return ""


def _rows(file: Path, task: IclTask) -> Iterator[tuple[str, Any]]:
    """Each row, after its position in the file for messages."""
    text = _text(file)
    if file.name.removesuffix(".gz").endswith(".json"):
        with _named(file, "", task):
            found = squad(json.loads(text))
        yield from ((f"question {number}", row) for number, row in enumerate(found, 1))
        return
    # Lines end at \n alone: U+2028 or U+0085 inside a string are data.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip(" \t\r"):
            with _named(file, f" line {number}", task):
                row = json.loads(line)
                if isinstance(row, dict) and "endings" in row:
                    row = hellaswag(row)
                elif isinstance(row, dict) and {"question", "choices", "answer"} <= row.keys():
                    row = mmlu(row)
            yield f"line {number}", row


@contextlib.contextmanager
def _named(file: Path, where: str, task: IclTask) -> Iterator[None]:
    """Turn an error inside into a UserError that names the file and the line."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise UserError(f"{file}{where} holds no rows of task {task.name}: {reason}") from error


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:37] + "..."


def hellaswag(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of HellaSwag's own file: "Activity: context", without WikiHow's brackets.

    Raises:
        TypeError, KeyError, ValueError: it is no such row.
    """
    ending = row["ctx_b"].capitalize()
    query = _unbracketed(f"{row['activity_label']}: {row['ctx_a']} {ending}")
    if not isinstance(row["endings"], list):
        raise TypeError(f"endings are {_shown(row['endings'])}, and no list")
    choices = [_unbracketed(text) for text in row["endings"]]
    label = row["label"]  # a digit as text; empty in the test set, whose answers are secret
    gold = int(label) if isinstance(label, str) and label.isdecimal() else label
    return {"query": query, "choices": choices, "gold": gold}


def mmlu(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of Hugging Face's copy of MMLU; its answer is the number of the right choice."""
    return {"query": row["question"], "choices": row["choices"], "gold": row["answer"]}


def squad(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Questions of SQuAD's own file, in its order; the first answer is the right one."""
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
            raw = gunzip(raw, MOST_BYTES)
        return raw.decode("utf-8-sig")
    except (OSError, EOFError, InflatedTooLarge, UnicodeDecodeError, zlib.error) as error:
        raise UserError(f"{file} can't be read: {error}") from error


def _unbracketed(text: str) -> str:
    """A text without WikiHow's [title], [step] and other marks in brackets."""
    text = re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". "))
    return text.replace("  ", " ").strip()
