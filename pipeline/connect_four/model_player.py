"""A model as a player: it reads the position as a user's message and replies with a column.

Nothing is masked: a reply that is no column with room loses the game, as the rules of the house
say, and is counted. A masked player, for the extra row that says so, draws from the model's
probabilities of the columns that have room alone.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from pipeline.chat.conversation import STOP, prompt, user
from pipeline.connect_four.board import GameBoard
from pipeline.connect_four.notation import ILLEGAL, column_of, described
from pipeline.connect_four.players import Columns, Turn
from pipeline.model import Transformer
from pipeline.model.engine import TOKENS_PER_STEP, Completion, Engine, Sampling
from pipeline.model.sampling import uniforms
from pipeline.tokenizer import Tokenizer

BURST = 8  # tokens of a reply before the batch is looked at: a column and its stop token are two
KEPT_PROMPTS = 1 << 17


class MoveReply(NamedTuple):
    """What the model said in a game."""

    text: str  # the position
    prompt: list[int]
    completion: Completion
    column: int  # or ILLEGAL


class ModelPlayer:
    """Plays by an engine's replies.

    Args:
        model: with conversation tokens in its vocabulary.
        tokenizer: the model's.
        board: its size.
        notation: in which it is told of a position.
        name: what tables call it.
        temperature: of its replies; 0: the most likely.
        max_new_tokens: of a reply; a longer one is illegal.
        masked: whether columns without room are left out, and all other replies with them.
    """

    def __init__(
        self,
        model: Transformer,
        tokenizer: Tokenizer,
        board: GameBoard,
        notation: str,
        *,
        name: str,
        temperature: float = 1.0,
        max_new_tokens: int = 4,
        masked: bool = False,
    ) -> None:
        self.name, self.board, self.notation, self.masked = name, board, notation, masked
        self.model, self.tokenizer = model, tokenizer
        self.engine = Engine(model, frozen=True)
        self.stop = tokenizer.special(STOP)
        self.sampling = Sampling(max_new_tokens, temperature=temperature, stop_tokens=(self.stop,))
        self.ids = functools.lru_cache(maxsize=KEPT_PROMPTS)(self._ids)

    def choose(self, turn: Turn) -> Columns:
        """See players.Player."""
        if self.masked:
            return self._masked(turn)
        return np.array([reply.column for reply in self.replies(turn)], dtype=np.int64)

    def replies(self, turn: Turn) -> list[MoveReply]:
        """What it says in each game; equal prompts are read once."""
        texts = self._texts(turn)
        batch = self.engine.batch(max_rows=len(turn), tokens_per_step=TOKENS_PER_STEP)
        by_text: dict[str, list[int]] = {}
        for at, text in enumerate(texts):
            by_text.setdefault(text, []).append(at)
        rows: dict[int, int] = {}  # by place in the turn
        for text, places in by_text.items():
            keys = [int(turn.keys[at]) for at in places]
            rows |= dict(zip(places, batch.add(self.ids(text), self.sampling, keys)))
        while batch.active:
            batch.step(BURST)
        found = []
        for at, text in enumerate(texts):
            completion = batch.completion(rows[at])
            found.append(MoveReply(text, self.ids(text), completion, self.column(completion)))
        return found

    def column(self, completion: Completion) -> int:
        """The column that a reply names, or ILLEGAL: also where the reply doesn't end."""
        if not completion.stopped:
            return ILLEGAL
        return column_of(self.tokenizer.decode(completion.tokens[:-1]), self.board)

    @torch.no_grad()
    def _masked(self, turn: Turn) -> Columns:
        prompts = [self.ids(text) for text in self._texts(turn)]
        longest = max(map(len, prompts))
        tokens = torch.zeros(len(prompts), longest, dtype=torch.int64)
        for row, ids in enumerate(prompts):
            tokens[row, : len(ids)] = torch.tensor(ids)
        hidden, head, bias = self.model.read(tokens.to(self.model.device))
        last = torch.tensor([len(ids) - 1 for ids in prompts], device=hidden.device)
        columns = [self.tokenizer.encode(str(c + 1))[0] for c in range(self.board.width)]
        logits = hidden[torch.arange(len(prompts), device=hidden.device), last] @ head[columns].T
        if bias is not None:
            logits = logits + bias[columns]
        scores = logits.double().cpu().numpy()  # [games, columns]
        scores[~self.board.legal(turn.position.mask)] = -np.inf
        if self.sampling.temperature == 0:
            likeliest: Columns = scores.argmax(axis=1)
            return likeliest
        scores = scores / self.sampling.temperature
        weights = np.exp(scores - scores.max(axis=1, keepdims=True)).cumsum(axis=1)
        chances = uniforms(turn.keys, 0)[:, None] * weights[:, -1:]
        chosen: Columns = (weights > chances).argmax(axis=1)
        return chosen

    def _texts(self, turn: Turn) -> Sequence[str]:
        return [
            described(self.board, turn.one(at), turn.moves[at], self.notation)
            for at in range(len(turn))
        ]

    def _ids(self, text: str) -> list[int]:
        return prompt([user(text)], self.tokenizer)
