"""Self-play: one policy plays both sides of many games; each reply gets its role's advantage.

In: a model, settings, the baselines so far. Out: the games, and one `Rollout` for each different
reply to a position. Games side by side say the same in the same position again and again; since
the gradient is linear in the advantage, equal replies are learned from once, by the sum of their
advantages.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from pipeline.connect_four.board import GameBoard
from pipeline.connect_four.matches import ROLES, GameRecord, play
from pipeline.connect_four.model_player import ModelPlayer, MoveReply
from pipeline.connect_four.players import Columns, Turn
from pipeline.connect_four.role_baselines import RoleBaselines
from pipeline.curriculum.tasks import Task
from pipeline.rl.rollouts import Rollout

KIND = "connect_four"


@dataclasses.dataclass(frozen=True)
class SpokenMove:
    """A reply in a game."""

    game: int
    ply: int
    reply: MoveReply


class SelfPlayer(ModelPlayer):
    """A model that plays and remembers all that it said."""

    said: list[SpokenMove]

    def choose(self, turn: Turn) -> Columns:
        """See players.Player."""
        replies = self.replies(turn)
        plies = np.bitwise_count(turn.position.mask).tolist()
        self.said += [SpokenMove(*item) for item in zip(turn.numbers, plies, replies)]
        return np.array([reply.column for reply in replies], dtype=np.int64)


def games(
    player: SelfPlayer, board: GameBoard, numbers: Sequence[int], seed: int, opening_plies: int
) -> tuple[list[GameRecord], list[SpokenMove]]:
    """Let a policy play itself.

    Returns:
        The games by number, and all that was said in them.
    """
    player.said = []
    records = play(board, player, player, numbers, seed, opening_plies)
    return records, player.said


def advantage(record: GameRecord, ply: int, baselines: RoleBaselines) -> float:
    """Of the role that moves at a ply: its reward minus its baseline before the game."""
    if ROLES[ply % 2] == "first":
        return record.reward - baselines.first
    return -record.reward - baselines.second


def rollouts(
    records: Sequence[GameRecord],
    said: Sequence[SpokenMove],
    baselines: Sequence[RoleBaselines],
) -> list[Rollout]:
    """What is learned from: each different reply to a position, with the sum of its advantages.

    Args:
        records: the games.
        said: in them.
        baselines: before each of the games.
    """
    by_number = {record.number: pair for record, pair in zip(records, zip(records, baselines))}
    replies: dict[tuple[str, tuple[int, ...]], MoveReply] = {}
    gained: dict[tuple[str, tuple[int, ...]], float] = {}
    for move in said:
        key = (move.reply.text, tuple(move.reply.completion.tokens))
        replies.setdefault(key, move.reply)
        gained[key] = gained.get(key, 0.0) + advantage(
            by_number[move.game][0], move.ply, by_number[move.game][1]
        )
    return [
        Rollout(
            task=Task(reply.text, "", KIND, 0),
            group=number,
            prompt=reply.prompt,
            tokens=reply.completion.tokens,
            logprobs=reply.completion.logprobs,
            text="",
            stopped=reply.completion.stopped,
            reward=0.0,  # of a game, not of a reply
            advantage=gained[key],
            answer_type="wrong",
        )
        for number, (key, reply) in enumerate(replies.items())
    ]
