"""Tasks out of files and tables, and into files: JSON lines, prompts one a line, conversations."""

import json
from collections.abc import Iterable
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.chat.conversation import Conversation, from_row
from pipeline.labels.labeling_task import KINDS, LabelingTask, task_of
from pipeline.labels.mixing import draw
from storage.errors import UserError

FROM_CONVERSATIONS = "conversations"  # how the source of tasks from that table begins
TEXT_ENDING = ".txt"
ENDINGS = (".jsonl", TEXT_ENDING)


def read_tasks(path: Path, kind: str = "") -> list[LabelingTask]:
    """The tasks of a file: all of them or, where one can't be, none.

    Args:
        path: .jsonl, a task a line as `task_of` reads it; or .txt, a prompt a line.
        kind: of all of them; "" where lines say.

    Raises:
        UserError: the file can't be read, or a line is no task; it names the first.
    """
    if path.suffix not in ENDINGS:
        raise UserError(f"{path}: a file of tasks ends in {' or '.join(ENDINGS)}")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 ({error.reason} at byte {error.start})") from error
    found = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        row = {"prompt": line.strip()} if path.suffix == TEXT_ENDING else _json(line, where)
        found.append(task_of(row, where, kind))
    if not found:
        raise UserError(f"{path}: no tasks in it")
    return found


def write_tasks(tasks: Iterable[LabelingTask], path: Path) -> int:
    """Write tasks so that `read_tasks` reads them; the number of them."""
    lines = [json.dumps(task.row(), ensure_ascii=False) + "\n" for task in tasks]
    path.write_text("".join(lines), encoding="utf-8")
    return len(lines)


def conversation_tasks(path: Path, kind: str, count: int, seed: int) -> list[LabelingTask]:
    """Tasks from the last questions of a conversations table: none of its validation split.

    Args:
        path: of conversations.parquet.
        kind: write, or correct (the answer that the table has).
        count: at most so many, chosen by hash; a prompt once.
        seed: of the choice.

    Raises:
        UserError: tasks of this kind can't be made of it.
    """
    if kind not in KINDS[:2]:
        raise UserError(f"{kind!r}: two answers are compared, a conversation has one: use --model")
    made: dict[str, LabelingTask] = {}
    for row in pq.read_table(path).to_pylist():
        talk = from_row(row)
        last = talk.messages[-1]
        if row["split"] != "train" or last.role != "assistant" or last.tool_calls:
            continue
        prompt = Conversation(talk.messages[:-1], talk.tools)
        task = LabelingTask(kind, prompt, (last.content,) if kind == "correct" else ())
        made.setdefault(LabelingTask("write", prompt).id, task)
    return [made[key] for key in sorted(made, key=lambda key: draw(seed, "prompt", key))[:count]]


def _json(line: str, where: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: not JSON: {error}") from error
