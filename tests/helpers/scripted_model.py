"""A model that says what a test wrote down, on the true batch and scheduler."""

import contextlib
from collections.abc import Iterator, Sequence
from types import SimpleNamespace

from pipeline.chat.conversation import render, user
from pipeline.chat.messages import Message
from pipeline.model.batch import GenerationBatch
from pipeline.model.page_pool import PagePool
from pipeline.model.rows import AT_LIMIT, STOPPED, UNDER_WAY, GenerationRow
from pipeline.model.scheduler import Step
from pipeline.tokenizer import Tokenizer

LOGPROB = -0.25  # of each token that it says


class ScriptedDecoder:
    """A decoder whose rows sample their scripts, in the order in which they were added."""

    def __init__(self, scripts: Sequence[Sequence[int]]) -> None:
        self.scripts = scripts
        self.read: dict[int, list[int]] = {}  # tokens that each row has read
        self.made: dict[int, int] = {}

    def run(self, step: Step) -> None:
        """Read and sample what the step says."""
        for piece in step.reading:
            kept = self.read.setdefault(piece.row.id, [])
            kept += piece.row.tokens[piece.start : piece.end]
            piece.row.position = piece.end
        for row in [*step.sampling, *(piece.row for piece in step.reading if piece.last)]:
            self._sample(row, step.steps)

    def made_of(self, row: GenerationRow) -> int:
        """How many tokens a row that ran has sampled in all."""
        return self.made[row.id]

    def _sample(self, row: GenerationRow, most: int) -> None:
        ends = (*row.sampling.stop_tokens, *row.sampling.pause_tokens)
        row.state, at = UNDER_WAY, row.made
        for at in range(row.made, min(row.made + most, row.limit)):
            row.made_tokens[at] = token = self.scripts[row.id][at]
            row.made_logprobs[at] = LOGPROB
            if token in ends:
                row.state = STOPPED
                break
        self.made[row.id] = at + 1
        if row.state == UNDER_WAY and self.made[row.id] >= row.limit:
            row.state = AT_LIMIT


class ScriptedEngine:
    """An engine whose rows say these messages or tokens, each a list of one round after another."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        rows: Sequence[Sequence[Message | list[int]]],
        max_context: int = 4_000,
    ) -> None:
        self.model = SimpleNamespace(config=SimpleNamespace(max_context=max_context))
        self.max_rows = 64
        said = [[token for one in row for token in written(one, tokenizer)] for row in rows]
        self.decoder = ScriptedDecoder(said)
        self.moves: list[str] = []

    def moved(self, what: str) -> None:
        self.moves.append(what)

    def batch(self, *, max_rows: int = 64, tokens_per_step: int = 512) -> GenerationBatch:
        context = self.model.config.max_context
        return GenerationBatch(
            self.decoder,
            PagePool(max_rows, context + 1, keeps=False),
            max_rows=max_rows,
            tokens_per_step=tokens_per_step,
            context=context,
            vocab_size=100_000,
        )

    @contextlib.contextmanager
    def talk(self) -> Iterator[GenerationBatch]:
        yield self.batch(max_rows=1)


def written(said: Message | list[int], tokenizer: Tokenizer) -> list[int]:
    """The tokens of what an assistant wrote, as it learns them."""
    if isinstance(said, list):
        return said
    ids, mask = render([user("x"), said], tokenizer)
    return [token for token, learned in zip(ids, mask) if learned]
