"""Settings of the game's stages; the defaults are the demo preset's.

A model of the game alone, of a quarter of a million parameters: imitation and self-play together
take some minutes of two cores. What came of it stands in docs/connect_four.md.
"""

import dataclasses
import math

from pipeline import ranges
from pipeline.connect_four.board import GameBoard
from pipeline.connect_four.notation import NOTATIONS
from pipeline.training.config import LoopConfig, ModelShape, OptimizerConfig


@dataclasses.dataclass(frozen=True)
class GameTableConfig(GameBoard):
    """The board, for all the game's stages: 5 columns, 4 rows, 4 in a line, a draw."""

    def __post_init__(self) -> None:
        ranges.check(self)
        super().__post_init__()

    @property
    def board(self) -> GameBoard:
        """The same as a board."""
        return GameBoard(self.width, self.height, self.connect)


@dataclasses.dataclass(frozen=True)
class GameConversationsConfig:
    """The teacher's games against itself, each of its moves a conversation."""

    games: int = 3_000
    notation: str = "columns"  # columns, board, moves or both: see pipeline.connect_four.notation
    teacher_depth: int = 2  # plies that it looks ahead; 2: its own win and the other side's next
    teacher_blunder_share: float = 0.2  # of its moves, how many are any legal one
    # First plies by chance, at most; they are in no conversation. The teacher plays the same
    # openings again and again else.
    opening_plies: int = 4
    validation_fraction: float = 0.03  # of positions, by hash
    seed: int = 0

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero="games teacher_depth",
            shares="teacher_blunder_share",
            below_one="validation_fraction",
            at_most={"teacher_depth": 8},  # width ** depth positions a move
            one_of={"notation": NOTATIONS},
        )


@dataclasses.dataclass(frozen=True)
class GameSftConfig:
    """A model of the game alone, from fresh weights, that imitates the teacher."""

    shape: ModelShape = dataclasses.field(
        default_factory=lambda: ModelShape(
            layers=4, width=64, heads=2, kv_heads=2, head_dim=32, ffn_width=192, context=128
        )
    )
    loop: LoopConfig = dataclasses.field(
        default_factory=lambda: LoopConfig(
            steps=600, rows_per_step=24, warmup_steps=20, validate_every=100
        )
    )
    optimizer: OptimizerConfig = dataclasses.field(
        default_factory=lambda: OptimizerConfig(matrix_lr=0.04, embedding_lr=0.1)
    )
    precision: str = "auto"  # float32, bfloat16 or auto; resolved before the digest is made
    products: str = "auto"  # as PretrainConfig's
    threads: int = 2
    device: str = "auto"
    seed: int = 0  # initial weights and order of conversations

    def __post_init__(self) -> None:
        ranges.check(self, above_zero="threads")


@dataclasses.dataclass(frozen=True)
class GameRlConfig:
    """Self-play: a policy-gradient update a step, on games whose both sides the policy plays."""

    games_per_step: int = 512
    # First plies by chance, at most; nobody learns from them. They keep positions different where
    # the policy would always play its own line, and in a game that begins late a reward is that of
    # few moves: ends are learned first, and openings once the ends are played well.
    opening_plies: int = 14
    temperature: float = 1.0  # of both sides and of the trained policy alike
    max_new_tokens: int = 4  # a column and its end are two; a longer reply is illegal
    # of each role's running mean of rewards, its baseline (SPIRAL, arXiv 2506.24119)
    baseline_decay: float = 0.95
    # The loop's rows are not read: a step's batch is its games. Spikes are of the gradient norm.
    loop: LoopConfig = dataclasses.field(
        default_factory=lambda: LoopConfig(
            steps=200,
            micro_rows=1024,
            warmup_steps=2,
            warmdown_fraction=0.3,
            final_fraction=0.1,
            rollback_steps=10,
            spike_window=20,
            spike_deviations=6.0,
            spike_nats=math.log(30.0),
        )
    )
    # Muon takes noise for signal, as far as its momentum doesn't average it out: so from the start
    # the momentum that pretraining ends with. AdamW takes full steps along the noise of columns
    # that are rarely seen: a low rate for the embedding.
    optimizer: OptimizerConfig = dataclasses.field(
        default_factory=lambda: OptimizerConfig(
            matrix_lr=0.04, embedding_lr=0.01, initial_momentum=0.95
        )
    )
    rate_factor: float = 0.1  # on all of the optimizer's learning rates
    ratio_limit: float = 2.0  # as RlConfig's
    precision: str = "auto"
    products: str = "auto"
    threads: int = 2
    device: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero="games_per_step temperature max_new_tokens rate_factor threads",
            below_one="baseline_decay",
        )
        ranges.refuse(
            self,
            (self.ratio_limit < 1, "ratio_limit must be at least 1: that is where both agree"),
        )


@dataclasses.dataclass(frozen=True)
class GameEvalsConfig:
    """How the players are judged: by the table, and against each other."""

    games: int = 200  # of each pair of players, half of them with each side
    perfect_games: int = 400  # of each model against the perfect player, on each side
    positions: int = 400  # of each third of the game, in which some moves throw something away
    temperature: float = 1.0  # of the models' moves in the headline rows
    bootstrap_samples: int = 200
    threads: int = 2
    device: str = "auto"
    precision: str = "float32"  # scores shall not move with the machine's capability
    products: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero="perfect_games positions bootstrap_samples threads",
            at_least={"games": 2},
        )
