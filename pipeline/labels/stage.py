"""Finished work as tables: labels, conversations and preferences.

In: a file of `finished_work` and a tokenizer. Out: labels.parquet, a row for each answer that
counts; conversations.parquet, what was written or corrected, as one more source (`labels`) of
fine-tuning; preferences.parquet, the comparisons. Gold items are labels and nothing else: their
answers were known. All answers to one prompt are in one split.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypedDict

from pipeline.chat.conversation import Conversation, assistant, render, spans, to_row
from pipeline.curriculum.held_out import is_validation
from pipeline.labels.config import LabelsConfig
from pipeline.labels.finished_work import FinishedRow, read_finished
from pipeline.labels.labeling_task import LabelingTask
from pipeline.labels.rater_figures import LabelFigures, figures
from pipeline.labels.task_files import FROM_CONVERSATIONS
from pipeline.stage import Progress, Stage
from pipeline.tokenizer import Tokenizer
from storage.digest import canonical_json
from storage.errors import UserError
from storage.schemas import CONVERSATIONS, LABELS, PREFERENCES
from storage.tables import table, write_table

SOURCE = "labels"  # in the table of conversations
Pair = tuple[FinishedRow, LabelingTask]


class LabelsInputs(TypedDict):
    """One file of finished work, one folder of a tokenizer."""

    work: list[Path]
    tokenizer: list[Path]


class LabelsStatistics(TypedDict):
    """Of a `labels` artifact."""

    labels: int
    gold: int  # of them
    conversations: int
    validation: int  # of the conversations
    preferences: int
    by_kind: dict[str, int]  # gold ones too
    figures: LabelFigures


def conversation_rows(
    pairs: Iterable[Pair], tokenizer: Tokenizer, config: LabelsConfig
) -> list[dict[str, Any]]:
    """Rows of the conversations table: prompts with what raters wrote; `origin` is the task."""
    made = []
    for row, task in pairs:
        if row["gold"] or row["kind"] == "compare":
            continue
        talk = Conversation((*task.prompt.messages, assistant(row["answer"])), task.prompt.tools)
        _, mask = render(talk, tokenizer)
        made.append(
            {
                "id": conversation_id(row),
                "source": SOURCE,
                **to_row(talk),
                "loss_spans": spans(mask),
                "origin": row["task"],
                "split": _split(row, task, config),
            }
        )
    return made


def conversation_id(row: FinishedRow) -> str:
    """32 hex digits, by task and rater."""
    return hashlib.sha256(f"{row['task']}:{row['rater']}".encode()).hexdigest()[:32]


def preference_rows(pairs: Iterable[Pair], config: LabelsConfig) -> list[dict[str, Any]]:
    """Rows of the preferences table."""
    return [
        {
            "id": conversation_id(row),
            "source": SOURCE,
            "task": row["task"],
            "prompt": to_row(task.prompt)["messages"],
            "tools": list(task.prompt.tools),
            "a": task.answers[0],
            "b": task.answers[1],
            "winner": row["answer"],
            "first": row["first"],
            "rater": row["rater"],
            "seconds": row["seconds"],
            "time": row["time"],
            "split": _split(row, task, config),
        }
        for row, task in pairs
        if row["kind"] == "compare" and not row["gold"]
    ]


def label_rows(rows: Sequence[FinishedRow]) -> list[dict[str, Any]]:
    """Rows of the labels table; `made` is the id of the conversation or preference."""
    names = ("task", "kind", "rater", "seconds", "time", "gold", "right", "raters", "answer")
    return [
        {
            **{name: dict(row)[name] for name in names},
            "made": "" if row["gold"] else conversation_id(row),
            "origin": row["source"],
        }
        for row in rows
    ]


def build(
    out: Path, inputs: LabelsInputs, config: LabelsConfig, progress: Progress, scratch: Path
) -> LabelsStatistics:
    """The `labels` stage."""
    pairs = read_finished(inputs["work"][0])
    if not pairs:
        raise UserError("no rater has finished anything yet: `crawl2chat label --rater NAME`")
    tokenizer = Tokenizer.load(inputs["tokenizer"][0]).with_conversation_tokens()
    rows = [row for row, _ in pairs]
    talks = conversation_rows(pairs, tokenizer, config)
    preferred = preference_rows(pairs, config)
    write_table(table(label_rows(rows), LABELS), out / "labels.parquet")
    write_table(table(talks, CONVERSATIONS), out / "conversations.parquet")
    write_table(table(preferred, PREFERENCES), out / "preferences.parquet")
    progress.note(f"{len(talks)} conversations and {len(preferred)} preferences of raters")
    return {
        "labels": len(rows),
        "gold": sum(row["gold"] for row in rows),
        "conversations": len(talks),
        "validation": sum(talk["split"] == "validation" for talk in talks),
        "preferences": len(preferred),
        "by_kind": dict(sorted(Counter(row["kind"] for row in rows).items())),
        "figures": figures(rows, config),
    }


def _split(row: FinishedRow, task: LabelingTask, config: LabelsConfig) -> str:
    """By prompt; what other conversations of the lake train on can't be held back here."""
    if row["source"].startswith(FROM_CONVERSATIONS):
        return "train"
    prompt = canonical_json(to_row(task.prompt)).decode("ascii")
    held_back = is_validation(f"labels:{prompt}", config.validation_fraction)
    return "validation" if held_back else "train"


STAGE = Stage("labels", 1, LabelsConfig, build)
