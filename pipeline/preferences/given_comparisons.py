"""Comparisons that others made: the labelers' of a `labels` artifact, and pairs of public files.

In: folders of `labels` artifacts, files of pairs. Out: rows of the table `preferences`, the prompts
that they are about, and a row for everything that can't be used, with its reason. The law: of each
file, rows read = used + rejected. Which answer of a file's pair is called A is a hash's choice, so
that no reader learns it from the place. The same pair counts once, whatever file has it again.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from pipeline.chat.conversation import Conversation, assistant, from_row, render
from pipeline.chat.row_files import NumberedRow, RowFile
from pipeline.preferences.preference_files import GivenPair, RejectedPair, pair_of
from pipeline.preferences.preference_prompts import PreferencePrompt, message_rows, prompt_id
from pipeline.preferences.prompt_splits import PromptSplits
from pipeline.sft.imported_conversations import stem
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError
from storage.tables import read_table

IMPORTED = "imported"
LABELS_FILE = "preferences.parquet"


class PairFileFigures(TypedDict):
    """Of one file."""

    rows: int
    used: int
    rejected: dict[str, int]  # by reason
    blank_lines: int  # no rows


class GivenComparisons:
    """Reads folders and files one after another.

    Args:
        splits: of the prompts; it knows the subjects already.
        tokenizer: with conversation tokens; None: no length is looked at.
        max_tokens: of a prompt with the longer of its answers; 0: no limit.
    """

    def __init__(
        self, splits: PromptSplits, tokenizer: Tokenizer | None = None, max_tokens: int = 0
    ) -> None:
        self.rows: list[dict[str, Any]] = []  # of PREFERENCES
        self.prompts: dict[str, PreferencePrompt] = {}  # by id
        self.rejects: list[dict[str, Any]] = []  # of PREFERENCE_REJECTS
        self.files: dict[str, PairFileFigures] = {}
        self._splits = splits
        self._tokenizer, self._max_tokens = tokenizer, max_tokens
        self._seen: set[tuple[str, frozenset[str]]] = set()

    def read_file(self, path: Path, name: str) -> None:
        """Take all pairs of a file.

        Args:
            path: of the file.
            name: how the tables call it; no two files have one name.

        Raises:
            UserError: the file as a whole can't be read.
        """
        file = RowFile(path)
        reasons: Counter[str] = Counter()
        used = 0
        for found in file:
            try:
                self.rows.append(self._imported(found, name))
                used += 1
            except RejectedPair as why:
                reasons[why.reason] += 1
                self.reject(name, found.number, why)
        self.files[name] = {
            "rows": used + reasons.total(),
            "used": used,
            "rejected": dict(sorted(reasons.items())),
            "blank_lines": file.blank_lines,
        }

    def read_labels(self, folder: Path) -> None:
        """Take the comparisons of a `labels` artifact.

        Raises:
            UserError: it is another artifact.
        """
        file = folder / LABELS_FILE
        if not file.exists():
            raise UserError(f"{folder}: no {LABELS_FILE}: it is no artifact of kind labels")
        for number, row in enumerate(read_table(file).to_pylist(), 1):
            try:
                self.rows.append(self._labelled(row))
            except RejectedPair as why:
                self.reject("labels", number, why)

    def reject(self, file: str, line: int, why: RejectedPair) -> None:
        """Keep what can't be used."""
        self.rejects.append(
            {"file": file, "line": line, "reason": why.reason, "detail": why.detail}
        )

    def _imported(self, found: NumberedRow, name: str) -> dict[str, Any]:
        if found.row is None:
            why = found.rejected
            raise RejectedPair(why.reason if why else "not_an_object", why.detail if why else "")
        pair = pair_of(found.row)
        asked = self._prompt(pair.prompt, f"{name}:{found.number}")
        texts = frozenset((pair.chosen, pair.rejected))
        if (asked.id, texts) in self._seen:
            raise RejectedPair("duplicate")
        self._check_length(asked, pair)
        self._seen.add((asked.id, texts))
        self.prompts.setdefault(asked.id, asked)
        id_ = row_id(f"{name}:{found.number}:{asked.id}:{pair.chosen}\n{pair.rejected}")
        chosen_is_a = int(id_[0], 16) % 2 == 0
        a, b = (pair.chosen, pair.rejected) if chosen_is_a else (pair.rejected, pair.chosen)
        return {
            "id": id_,
            "source": IMPORTED,
            "task": asked.id,
            "prompt": message_rows(asked),
            "tools": list(asked.tools),
            "a": a,
            "b": b,
            "winner": "tie" if pair.tie else "a" if chosen_is_a else "b",
            "first": "",
            "rater": stem(name),
            "seconds": None,
            "time": "",
            "split": asked.split,
        }

    def _labelled(self, row: Mapping[str, Any]) -> dict[str, Any]:
        talk = from_row({"messages": row["prompt"], "tools": row["tools"]})
        pair = GivenPair(talk, row["a"], row["b"])
        if not (row["a"].strip() and row["b"].strip()):
            raise RejectedPair("empty_answer")
        if row["a"].split() == row["b"].split():
            raise RejectedPair("equal_pair")
        asked = self._prompt(talk, row["task"])
        self._check_length(asked, pair)
        self.prompts.setdefault(asked.id, asked)
        return {**row, "split": asked.split}

    def _prompt(self, talk: Conversation, origin: str) -> PreferencePrompt:
        return PreferencePrompt(
            id=prompt_id(talk.messages, talk.tools),
            messages=talk.messages,
            tools=talk.tools,
            split=self._splits.of(talk.messages),
            origin=origin,
        )

    def _check_length(self, asked: PreferencePrompt, pair: GivenPair) -> None:
        if self._tokenizer is None or not self._max_tokens:
            return
        longest = 0
        for answer in (pair.chosen, pair.rejected):
            talk = Conversation((*asked.messages, assistant(answer)), asked.tools)
            longest = max(longest, len(render(talk, self._tokenizer)[0]))
        if longest > self._max_tokens:
            raise RejectedPair("too_long", f"{longest} tokens of {self._max_tokens}")


def row_id(text: str) -> str:
    """32 hex digits of a comparison."""
    return hashlib.sha256(f"preference:{text}".encode()).hexdigest()[:32]
