"""Conversations out of somebody's files, each row used or rejected with its reason.

In: files of rows in OpenAI's, ShareGPT's, Alpaca's or the prompt/completion format; a tokenizer.
Out: conversations.parquet as the `conversations` stage writes it, and rejects.parquet. The law: of
each file, rows read = used + rejected; the stage fails otherwise. The validation split is chosen by
the first question, so that no question is in both.
"""

import fnmatch
import hashlib
import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from pipeline.chat.conversation import Conversation, render, spans, to_row
from pipeline.chat.row_fields import RejectedRow, canonical
from pipeline.chat.row_files import ENDINGS, NumberedRow, RowFile
from pipeline.chat.row_formats import conversation, detect
from pipeline.curriculum.held_out import is_validation
from pipeline.sft.config import ImportedConversationsConfig
from pipeline.stage import Progress, Stage
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError
from storage.schemas import CONVERSATION_REJECTS, CONVERSATIONS
from storage.tables import TableWriter, table

SOURCE = "imported/"  # and the file's name without its ending, in the column `source`
ROWS_AT_ONCE = 2_000


class ImportedConversationsInputs(TypedDict):
    """Files, and a folder that holds a tokenizer."""

    files: list[Path]
    tokenizer: list[Path]


class FileStatistics(TypedDict):
    """Of one file."""

    format: str  # "" where no row has one
    rows: int
    used: int
    rejected: dict[str, int]  # by reason
    blank_lines: int  # no rows


class ImportedConversationsStatistics(TypedDict):
    """Of an `imported_conversations` artifact."""

    rows: int
    conversations: int  # used
    rejected: dict[str, int]  # by reason
    by_source: dict[str, int]
    validation: int  # of the conversations
    loss_tokens: int
    files: dict[str, FileStatistics]  # by the name that the tables call them


class Made(NamedTuple):
    """A row that is used, as the conversations table has it, with its number in the file."""

    number: int
    row: dict[str, Any]


class Importer:
    """Reads files one after another; duplicates are found across all of them.

    Args:
        tokenizer: with conversation tokens.
        config: of the stage, with `max_tokens` above 0.
    """

    def __init__(self, tokenizer: Tokenizer, config: ImportedConversationsConfig) -> None:
        self._tokenizer = tokenizer
        self._config = config
        self._seen: set[bytes] = set()

    def format_of(self, file: RowFile, name: str) -> tuple[str, bool]:
        """A file's format, and whether it was found by looking."""
        for entry in self._config.formats:
            pattern, _, format = entry.rpartition("=")
            if fnmatch.fnmatchcase(name, pattern or "*"):
                return format, False
        rows = (found.row for found in file if found.row is not None)
        return detect(itertools.islice(rows, self._config.looked_at_rows)), True

    def read(
        self, file: RowFile, name: str, format: str, detected: bool
    ) -> Iterator[Made | tuple[NumberedRow, RejectedRow]]:
        """Each row of a file, used or rejected."""
        for found in file:
            try:
                if found.row is None:
                    raise found.rejected or RejectedRow("not_an_object")
                made = conversation(found.row, format, detected)
                yield Made(found.number, self._row(made, name, found.number))
            except RejectedRow as why:
                yield found, why

    def _row(self, made: Conversation, name: str, number: int) -> dict[str, Any]:
        stored = to_row(made)
        text = canonical(stored)
        known = hashlib.sha256(text.encode()).digest()
        if known in self._seen and self._config.drop_duplicates:
            raise RejectedRow("duplicate")
        ids, mask = render(made, self._tokenizer)
        if len(ids) > self._config.max_tokens:
            limit = self._config.max_tokens
            raise RejectedRow("too_long", f"{len(ids)} tokens of {limit}")
        self._seen.add(known)
        question = next(m.content for m in made.messages if m.role == "user")
        validation = is_validation(
            f"question:{' '.join(question.casefold().split())}", self._config.validation_fraction
        )
        return {
            "id": hashlib.sha256(f"{name}:{number}:{text}".encode()).hexdigest()[:32],
            "source": SOURCE + stem(name),
            **stored,
            "loss_spans": spans(mask),
            "origin": f"{name}:{number}",
            "split": "validation" if validation else "train",
        }


def stem(name: str) -> str:
    """A file's name without the ending that says how it is written."""
    found = next((e for e in sorted(ENDINGS, key=len, reverse=True) if name.endswith(e)), "")
    return name.removesuffix(found) or name


def names_of(files: list[Path]) -> list[str]:
    """What the tables call the files: their names, numbered where several have one name."""
    names: list[str] = []
    for file in files:
        base = stem(file.name)
        ending, number, name = file.name[len(base) :], 1, file.name
        while name in names:
            number += 1
            name = f"{base}#{number}{ending}"
        names.append(name)
    return names


def build(
    out: Path,
    inputs: ImportedConversationsInputs,
    config: ImportedConversationsConfig,
    progress: Progress,
    scratch: Path,
) -> ImportedConversationsStatistics:
    """The `imported_conversations` stage."""
    if not config.max_tokens:
        raise UserError("imported_conversations.max_tokens: name the model's context")
    tokenizer = Tokenizer.load(inputs["tokenizer"][0]).with_conversation_tokens()
    importer = Importer(tokenizer, config)
    files: dict[str, FileStatistics] = {}
    splits: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    loss_tokens = 0
    with (
        TableWriter(out / "conversations.parquet", CONVERSATIONS) as used,
        TableWriter(out / "rejects.parquet", CONVERSATION_REJECTS) as rejected,
    ):
        for path, name in zip(inputs["files"], names_of(inputs["files"])):
            file = RowFile(path)
            format, detected = importer.format_of(file, name)
            made: list[dict[str, Any]] = []
            lost: list[dict[str, Any]] = []
            reasons: Counter[str] = Counter()
            rows = count = 0
            for item in importer.read(file, name, format, detected):
                rows += 1
                if isinstance(item, Made):
                    made.append(item.row)
                    count += 1
                    splits[item.row["split"]] += 1
                    sources[item.row["source"]] += 1
                    loss_tokens += sum(end - start for start, end in item.row["loss_spans"])
                else:
                    found, why = item
                    reasons[why.reason] += 1
                    lost.append(
                        {
                            "file": name,
                            "line": found.number,
                            "format": format,
                            "reason": why.reason,
                            "detail": why.detail,
                        }
                    )
                if len(made) + len(lost) >= ROWS_AT_ONCE:
                    _write(used, made, rejected, lost)
                    before = sum(done["rows"] for done in files.values())
                    progress.update(before + rows, None, "rows", file=name)
            _write(used, made, rejected, lost)
            files[name] = {
                "format": format,
                "rows": rows,
                "used": count,
                "rejected": dict(sorted(reasons.items())),
                "blank_lines": file.blank_lines,
            }
            progress.note(_said(name, files[name]))
        stored, refused = used.rows, rejected.rows
    statistics = _statistics(files, sources, splits, loss_tokens)
    check_law(statistics, stored, refused)
    if not splits["train"]:
        raise UserError(
            f"input.conversations: no conversation to train on in {statistics['rows']:,} rows:"
            f" {_counts(statistics['rejected']) or 'the files are empty'}"
        )
    return statistics


def check_law(statistics: ImportedConversationsStatistics, stored: int, refused: int) -> None:
    """Rows read = used + rejected, of each file and in the tables.

    Args:
        statistics: of the stage.
        stored: rows of conversations.parquet.
        refused: rows of rejects.parquet.

    Raises:
        RuntimeError: a row is lost or counted twice.
    """
    for name, file in statistics["files"].items():
        if file["rows"] != file["used"] + sum(file["rejected"].values()):
            raise RuntimeError(f"{name}: rows read are not used + rejected: {file}")
    counted = statistics["conversations"], sum(statistics["rejected"].values())
    if counted != (stored, refused) or statistics["rows"] != stored + refused:
        raise RuntimeError(f"the tables hold {stored} and {refused} rows, counted were {counted}")


def _write(
    used: TableWriter, made: list[dict[str, Any]], rejected: TableWriter, lost: list[dict[str, Any]]
) -> None:
    """Hand over what waits."""
    used.write(table(made, CONVERSATIONS))
    rejected.write(table(lost, CONVERSATION_REJECTS))
    made.clear()
    lost.clear()


def _statistics(
    files: dict[str, FileStatistics],
    sources: Counter[str],
    splits: Counter[str],
    loss_tokens: int,
) -> ImportedConversationsStatistics:
    reasons: Counter[str] = Counter()
    for file in files.values():
        reasons.update(file["rejected"])
    return {
        "rows": sum(file["rows"] for file in files.values()),
        "conversations": sum(file["used"] for file in files.values()),
        "rejected": dict(sorted(reasons.items())),
        "by_source": dict(sorted(sources.items())),
        "validation": splits["validation"],
        "loss_tokens": loss_tokens,
        "files": files,
    }


def _said(name: str, file: FileStatistics) -> str:
    rejected = sum(file["rejected"].values())
    why = f" ({_counts(file['rejected'])})" if rejected else ""
    return (
        f"{name}: {file['rows']:,} rows of format {file['format'] or 'unknown'} ="
        f" {file['used']:,} used + {rejected:,} rejected{why}"
    )


def _counts(reasons: dict[str, int]) -> str:
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count:,} {reason}" for reason, count in ordered)


STAGE = Stage("imported_conversations", 1, ImportedConversationsConfig, build, data=("unicode",))
