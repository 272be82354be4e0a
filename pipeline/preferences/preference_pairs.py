"""Comparisons as what a reward model reads: two token sequences and which of them won.

In: folders with a preferences.parquet, a tokenizer. Out: pairs by split, and how many comparisons
could not be used, by reason. A pair's answers stand after one prompt and end with the stop token.
"""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.chat import layout
from pipeline.chat.conversation import STOP, Conversation, from_row, prompt
from pipeline.preferences.preference_prompts import prompt_id
from pipeline.preferences.rater_checks import place_figures
from pipeline.preferences.reward_config import RewardModelConfig
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError
from storage.tables import read_table

FILE = "preferences.parquet"
# Why a comparison was left out.
REASONS = (
    "equal",  # both answers are the same text
    "long",  # one of its conversations exceeds the context
    "rater left out",  # by name
    "rater by position",  # who chose by where an answer stood
    "tie",  # which the config drops
    "validated",  # of split train, and its prompt validates in another folder
)
_COLUMNS = ["id", "source", "prompt", "tools", "a", "b", "winner", "first", "rater", "split"]


@dataclasses.dataclass(frozen=True)
class TokenPair:
    """A comparison; of a tie neither answer won."""

    id: str
    prompt: str  # its id: pairs of one prompt belong together
    chosen: list[int]  # prompt and answer with its stop token
    rejected: list[int]  # likewise
    tie: bool
    prompt_tokens: int = 0  # that both begin with

    @property
    def longer(self) -> int:
        """Tokens of the longer conversation."""
        return max(len(self.chosen), len(self.rejected))


class PairSets(NamedTuple):
    """What `read_pairs` gives."""

    train: list[TokenPair]
    validation: list[TokenPair]
    refused: dict[str, int]  # comparisons by reason, only those that occurred
    raters_by_position: list[str]  # who chose by where an answer stood


def read_pairs(
    folders: Sequence[Path], tokenizer: Tokenizer, context: int, config: RewardModelConfig
) -> PairSets:
    """The comparisons of some folders.

    Args:
        folders: of `preferences` or `labels` artifacts, one at least.
        tokenizer: with conversation tokens.
        context: tokens that the reward model reads at most.
        config: which raters and ties count.

    Raises:
        UserError: a folder has no comparisons, or one of them is broken.
    """
    rows = [row for folder in folders for row in _rows(folder)]
    figures = place_figures(rows, config.position_error, config.position_share)
    suspects = {(one["source"], one["rater"]) for one in figures if one["named"]}
    left_out = frozenset(config.raters_left_out)
    asked = [_asked(row) for row in rows]
    validated = {key for key, row in zip(asked, rows) if row["split"] == "validation"}
    refused: Counter[str] = Counter()
    found: dict[str, list[TokenPair]] = {"train": [], "validation": []}
    prompts: dict[str, list[int]] = {}
    for key, row in zip(asked, rows):
        reason = ""
        if row["a"] == row["b"]:
            reason = "equal"
        elif row["rater"] in left_out:
            reason = "rater left out"
        elif (row["source"], row["rater"]) in suspects:
            reason = "rater by position"
        elif row["winner"] == "tie" and config.ties == "drop":
            reason = "tie"
        elif row["split"] == "train" and key in validated:
            reason = "validated"
        if not reason:
            if key not in prompts:
                prompts[key] = _prompt(row, tokenizer)
            pair = _pair(row, key, prompts[key], tokenizer)
            if pair.longer > context:
                reason = "long"
            else:
                found[row["split"]].append(pair)
        if reason:
            refused[reason] += 1
    counted = {reason: refused[reason] for reason in REASONS if refused[reason]}
    return PairSets(
        found["train"], found["validation"], counted, sorted(rater for _, rater in suspects)
    )


def nested(pairs: Sequence[TokenPair], seed: int) -> list[TokenPair]:
    """The pairs in an order whose beginnings are subsets by prompt, drawn by the seed.

    A smaller beginning is part of each larger one; only the last prompt of one may be cut.
    """

    def place(pair: TokenPair) -> str:
        return hashlib.sha256(f"{seed}:{pair.prompt}".encode()).hexdigest()

    return sorted(pairs, key=place)  # stable: pairs of a prompt stay together, in their order


def _rows(folder: Path) -> list[dict[str, Any]]:
    file = folder / FILE
    if not file.is_file():
        raise UserError(f"{folder}: no {FILE}: give what the stage preferences or labels made")
    rows: list[dict[str, Any]] = read_table(file, _COLUMNS).to_pylist()
    for row in rows:
        if row["winner"] not in ("a", "b", "tie"):
            raise UserError(
                f"{file}: preference {row['id']} says winner {row['winner']!r}: a, b or tie"
            )
        if row["split"] not in ("train", "validation"):
            raise UserError(
                f"{file}: preference {row['id']} says split {row['split']!r}: train or validation"
            )
    return rows


def _asked(row: Mapping[str, Any]) -> str:
    """The id of the prompt with its tools."""
    talk = _talk(row)
    return prompt_id(talk.messages, talk.tools)


def _talk(row: Mapping[str, Any]) -> Conversation:
    return from_row({"messages": row["prompt"], "tools": row["tools"]})


def _prompt(row: Mapping[str, Any], tokenizer: Tokenizer) -> list[int]:
    try:
        return prompt(_talk(row), tokenizer)
    except UserError as error:
        raise UserError(f"preference {row['id']}: {error}") from error


def _pair(row: Mapping[str, Any], asked: str, before: list[int], tokenizer: Tokenizer) -> TokenPair:
    chosen, rejected = (row["b"], row["a"]) if row["winner"] == "b" else (row["a"], row["b"])
    calls = bool(row["tools"])
    return TokenPair(
        row["id"],
        asked,
        before + _reply(chosen, tokenizer, calls),
        before + _reply(rejected, tokenizer, calls),
        row["winner"] == "tie",
        len(before),
    )


def _reply(text: str, tokenizer: Tokenizer, calls: bool) -> list[int]:
    """An answer's ids; where tools may be called, what is spelled like a control token is one."""
    ids: list[int] = []
    for piece in layout.spelled(text) if calls else [layout.TurnPart(text)]:
        ids += [tokenizer.special(piece.text)] if piece.control else tokenizer.encode(piece.text)
    return [*ids, tokenizer.special(STOP)]
