"""Settings of reward models, with units and sources; the defaults are the demo preset's."""

import dataclasses

from pipeline import ranges
from pipeline.training.config import ACTIVATION_CHECKPOINTING, OptimizerConfig

USELESS_BELOW = 2_000  # comparisons: Gao et al. 2022 (arXiv 2210.10760)
TIES = ("half", "drop")


@dataclasses.dataclass(frozen=True)
class RewardModelConfig:
    """Pairs to scores: -log sigmoid(winner - loser) + centring * (winner + loser)^2."""

    epochs: float = 2.0  # passes over the train pairs
    min_steps: int = 60  # updates at least, whatever the number of pairs: 50 pairs are 2 batches
    pairs_per_step: int = 32
    # Keeps scores near zero, which pairs alone leave open (TRL's center_rewards_coefficient; 0.01
    # in Eisenstein et al. 2023, "Helping or herding", arXiv 2312.09244); 0 = off
    centring: float = 0.01
    # of a tie: half learns half of each label; drop leaves it out
    ties: str = "half"
    # of the fresh head's weights: scores begin small beside a decided pair's distance
    head_std: float = 0.01
    # reward models that are trained, each with a head and an order of its own; where they disagree
    # an answer is like none of the pairs (Coste et al. 2023, arXiv 2310.02743: 5)
    ensemble: int = 1
    # also a model on so many pairs each, on nested subsets of prompts: what more pairs would bring.
    # Gao et al. 2022 (arXiv 2210.10760): with fewer than about 2,000 hardly better than chance
    pair_counts: tuple[int, ...] = ()
    pair_seeds: int = 1  # models of each count, each on a subset of its own
    raters_left_out: tuple[str, ...] = ()  # by name; their pairs are counted, not learned
    # A rater who goes by an answer's place is left out, as the stage preferences does: see there
    position_error: float = 0.001
    position_share: float = 0.75
    optimizer: OptimizerConfig = dataclasses.field(default_factory=OptimizerConfig)
    # on all learning rates of pretraining. On 2,990 of the demo's comparisons 0.1, 0.2 and 0.4
    # ranked 62.5, 61.9 and 61.7% of 758 right; on 3,654 others 0.05 and 0.25 58.2 and 67.6% of 392
    # (one seed each; raters themselves follow the true reward in 76%)
    rate_factor: float = 0.2
    warmup_steps: int = 10
    warmdown_fraction: float = 0.5
    final_fraction: float = 0.05
    max_grad_norm: float = 0.0  # 0 = no clipping
    micro_pairs: int = 32  # pairs that go through the model at once
    activation_checkpointing: str = "off"  # as LoopConfig's: off or layers
    bootstrap: int = 1000  # draws of prompts for the intervals of what validation says
    checkpoint_seconds: float = 20.0  # wall seconds between checkpoints; never changes the result
    watchdog_seconds: float = 300.0  # as LoopConfig's: the least time without a step; 0 = never
    precision: str = "auto"  # float32, bfloat16 or auto; resolved before the digest is made
    products: str = "auto"  # as PretrainConfig's
    threads: int = 2
    device: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero=(
                "epochs pairs_per_step ensemble pair_counts pair_seeds rate_factor micro_pairs"
                " threads"
            ),
            shares="warmdown_fraction final_fraction position_share",
            below_one="position_error",
            at_least={"bootstrap": 100, "position_share": 0.5},
            one_of={"ties": TIES, "activation_checkpointing": ACTIVATION_CHECKPOINTING},
        )
        ranges.refuse(
            self,
            (
                len(set(self.pair_counts)) < len(self.pair_counts),
                "pair_counts: one is named twice",
            ),
        )
