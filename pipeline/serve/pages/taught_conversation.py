"""A conversation that models were trained on, as tokens: which were learned, and which only read.

In: a number in the lake's conversations, of all sources or one. Out: its tokens with the mask of
`chat.conversation.render`, by which fine-tuning takes its loss.
"""

import dataclasses
from typing import Any

from pipeline.chat.conversation import from_row, render
from pipeline.serve.lake_reader import LakeReader
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer.show import pieces_of


@dataclasses.dataclass(frozen=True)
class TaughtConversation:
    """One of them.

    Args:
        number: of it, from 0.
        count: how many there are.
        source: what it was made from.
        split: train or validation.
        tokens: rows of `tokenizer.show.pieces_of`, each with whether it is `learned` and whether
            it is a `control` token.
    """

    number: int
    count: int
    source: str
    split: str
    tokens: list[dict[str, Any]]

    @property
    def learned(self) -> int:
        """How many tokens a loss is taken on."""
        return sum(token["learned"] for token in self.tokens)


def sources_of(lake: LakeReader) -> list[str]:
    """What the lake's conversations were made from."""
    found = lake.rows("SELECT DISTINCT source FROM conversations ORDER BY source")
    return [str(source) for source in found["source"].to_pylist()]


def taught_conversation(
    lake: LakeReader, tokenizer: Tokenizer, number: int, source: str = ""
) -> TaughtConversation | None:
    """A conversation of the lake; the last one where the number is too high.

    Args:
        lake: that holds them.
        tokenizer: of a chat model.
        number: from 0, in the order of their ids.
        source: of this one alone; "": all.

    Returns:
        None if there are none.
    """
    where = "WHERE $source IN ('', source)"
    asked: dict[str, object] = {"source": source}
    total = lake.rows(f"SELECT count(*) AS n FROM conversations {where}", asked)["n"][0].as_py()
    if not total:
        return None
    at = min(max(number, 0), total - 1)
    (row,) = lake.rows(
        "SELECT source, split, messages, tools FROM conversations"
        f" {where} ORDER BY id LIMIT 1 OFFSET $at",
        {**asked, "at": at},
    ).to_pylist()
    ids, mask = render(from_row(row), tokenizer)
    controls = {*tokenizer.special_tokens.values()}
    tokens = [
        {**piece, "learned": bool(learned), "control": piece["id"] in controls}
        for piece, learned in zip(pieces_of(tokenizer, ids), mask)
    ]
    return TaughtConversation(at, total, row["source"], row["split"], tokens)
