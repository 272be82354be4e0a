"""Given pairs of answers with what the reference says of them: what DPO, IPO and KTO learn from.

In: pairs as token ids, and the reference. Out: the same with the reference's log-probabilities,
computed once and kept beside the checkpoints: the reference never changes, so no step asks it
again, and a resumed run reads what the first one wrote.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.model import Transformer
from pipeline.preferences.answer_logprobs import answer_logprobs
from pipeline.rl.kept_answers import KeptAnswer
from pipeline.training import distribution
from storage.durable import written_by_name
from storage.tables import read_table, table, write_table

KEPT = pa.schema(
    [
        ("chosen", pa.float64()),  # nats, under the reference
        ("rejected", pa.float64()),
        ("mismatched", pa.float64()),  # of the chosen or rejected answer to the pair before
    ]
)


class ComparedPair(NamedTuple):
    """A comparison that somebody has won, as token ids."""

    prompt: list[int]
    chosen: list[int]  # with its stop token
    rejected: list[int]  # likewise


@dataclasses.dataclass(frozen=True)
class ReferencePairs:
    """Pairs, and the reference's log-probabilities of their answers, nats."""

    pairs: Sequence[ComparedPair]
    chosen: np.ndarray  # [pairs]
    rejected: np.ndarray  # [pairs]
    mismatched_answers: np.ndarray  # [pairs], see `mismatched`; NaN where nobody asks
    context: int  # tokens that a model reads at once

    def answer(self, place: int, chosen: bool) -> KeptAnswer:
        """One of a pair's answers."""
        pair = self.pairs[place]
        return _answer(pair.prompt, pair.chosen if chosen else pair.rejected)

    def logs(self, places: Sequence[int]) -> np.ndarray:
        """[2 * places] of the chosen answers, then of the rejected ones."""
        return np.concatenate([self.chosen[list(places)], self.rejected[list(places)]])

    def mismatched(self, place: int) -> KeptAnswer:
        """A pair's prompt with an answer to the pair before: KTO's reference point is made of them.

        Chosen and rejected ones take turns.
        """
        return _mismatched(self.pairs, place, self.context)

    def mismatched_logs(self, places: Sequence[int]) -> np.ndarray:
        """[places] under the reference."""
        found: np.ndarray = self.mismatched_answers[list(places)]
        return found


def with_reference(
    pairs: Sequence[ComparedPair],
    reference: Transformer,
    scratch: Path,
    *,
    mismatched: bool,
    micro_rows: int = 96,
    chunk_tokens: int = 1024,
) -> ReferencePairs:
    """The pairs with their log-probabilities, which are kept in scratch.

    Args:
        pairs: that are learned from, at least one.
        reference: the policy before the first update.
        scratch: of the run.
        mismatched: whether KTO will ask.
        micro_rows: answers that are read at the same time.
        chunk_tokens: positions whose logits exist at the same time.
    """
    file = scratch / f"reference-{distribution.rank():03d}.parquet"
    if not file.exists():
        answers = [_answer(pair.prompt, pair.chosen) for pair in pairs]
        answers += [_answer(pair.prompt, pair.rejected) for pair in pairs]
        if mismatched:
            context = reference.config.max_context
            answers += [_mismatched(pairs, place, context) for place in range(len(pairs))]
        logs = answer_logprobs(
            reference, answers, micro_rows=micro_rows, chunk_tokens=chunk_tokens
        ).reshape(-1, len(pairs))
        names = KEPT.names[: len(logs)]
        kept = [dict(zip(names, values)) for values in logs.T.tolist()]
        with written_by_name(file) as part:
            write_table(table(kept, KEPT), part)
    columns = read_table(file).to_pydict()
    chosen, rejected, others = (np.array(columns[name], dtype=np.float64) for name in KEPT.names)
    return ReferencePairs(pairs, chosen, rejected, others, reference.config.max_context)


def _answer(prompt: list[int], tokens: list[int]) -> KeptAnswer:
    # Nobody knows with which probabilities they were written; no ratio is taken.
    return KeptAnswer(0, prompt, tokens, [0.0] * len(tokens), 0.0)


def _mismatched(pairs: Sequence[ComparedPair], place: int, context: int) -> KeptAnswer:
    prompt, before = pairs[place].prompt, pairs[place - 1]
    answer = before.rejected if place % 2 else before.chosen
    # what the model reads is all but the last token
    return _answer(prompt, answer[: context + 1 - len(prompt)])
