"""Settings of optimising a policy for what people prefer; the defaults are the demo preset's."""

import dataclasses

from pipeline import ranges
from pipeline.preferences.pair_objectives import PAIR_OBJECTIVES
from pipeline.preferences.regularizers import COMPUTED, REGULARIZERS
from pipeline.preferences.taste import Taste
from pipeline.training.config import ACTIVATION_CHECKPOINTING, OptimizerConfig

METHODS = ("policy_gradient", *PAIR_OBJECTIVES, "best_of_n")
TRUE_REWARDS = ("taste", "unknown")


@dataclasses.dataclass(frozen=True)
class RlhfConfig:
    """Updates of a policy by rewards of its answers, or by pairs of given ones."""

    # policy_gradient, dpo, ipo, kto or best_of_n (learns the best of `answers_per_prompt` answers
    # of the reference): see pipeline.preferences.regularizers, pair_objectives, best_of_n
    method: str = "policy_gradient"
    # of policy_gradient: none, kl_k1, kl_k2, kl_k3, chi2_published, chi2_exact or maxmin
    regularizer: str = "chi2_exact"
    # of the regularizer, in the reward's units: of a nat, or of sqrt(chi2). 0 = computed for chi2
    # and maxmin: s sqrt(1 - r^2) of the reference's answers (Laidlaw et al. 2025)
    coefficient: float = 0.0
    # what the true reward is, against which r and the gain are measured: taste (the simulated
    # raters', pipeline.preferences.taste) or unknown (r then comes from the validation pairs)
    true_reward: str = "taste"
    taste: Taste = dataclasses.field(default_factory=Taste)  # as preferences.taste
    steps: int = 40  # updates
    prompts_per_step: int = 48
    answers_per_prompt: int = 8
    max_new_tokens: int = 64
    temperature: float = 1.0  # of the sampler, of the trained policy and of the reference alike
    top_k: int = 0  # 0 = all tokens; likewise
    # answered by the reference before the first update (r, s, lambda) and by the policy after the
    # last: of split validation, or of train where nothing validates
    reference_prompts: int = 96
    # to each of them by the reference, and by the policy `answers_per_prompt`: a flaw that 0.3% of
    # answers have is in 9 of 3,072
    reference_answers: int = 32
    # of an ensemble's scores of an answer, taken off their mean, see ModelReward
    reward_deviations: float = 0.0
    # of dpo, ipo and kto
    pairs_per_step: int = 64
    beta: float = 0.1  # of their KL (TRL's default)
    desirable_weight: float = 1.0  # of kto's chosen answers (TRL's default)
    undesirable_weight: float = 1.0  # of its rejected ones
    # steps between samples of the policy where updates need none; 0 = only after the last
    measure_every: int = 10
    # rows of fine-tuning's conversations in each step, and how much their mean loss weighs beside
    # the answers', as RlConfig's (PPO-ptx, Ouyang et al. 2022)
    rehearsal_rows: int = 8
    rehearsal_weight: float = 0.2
    # nats by which sampler and trainer may disagree on a token, as RlConfig's
    mismatch_limit: float = 1e-4
    ratio_limit: float = 2.0  # the most by which a token counts, as RlConfig's
    optimizer: OptimizerConfig = dataclasses.field(default_factory=OptimizerConfig)
    rate_factor: float = 0.04  # on all learning rates of pretraining; with 0.02 half is gained
    warmup_steps: int = 2
    warmdown_fraction: float = 0.25
    final_fraction: float = 0.2
    max_grad_norm: float = 0.0  # 0 = no clipping
    micro_rows: int = 96  # answers that go through the model at once
    loss_chunk_tokens: int = 1024  # answer tokens whose logits exist at the same time
    activation_checkpointing: str = "off"  # as LoopConfig's: off or layers
    # As RlConfig's, all of them. A penalty that is divided by sqrt(chi2) begins at 0 and comes at
    # once, so that the gradient's norm may rise by more than learning from rewards raises it.
    rollback_steps: int = 10
    rollback_limit: int = 3
    spike_window: int = 20
    spike_deviations: float = 6.0
    spike_ratio: float = 1000.0
    spike_patience: int = 3
    checkpoint_seconds: float = 20.0
    watchdog_seconds: float = 300.0
    precision: str = "auto"
    products: str = "auto"
    threads: int = 2
    device: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero=(
                "steps prompts_per_step answers_per_prompt max_new_tokens temperature"
                " reference_prompts reference_answers pairs_per_step beta rate_factor micro_rows"
                " loss_chunk_tokens spike_window threads"
            ),
            shares="warmdown_fraction final_fraction",
            one_of={
                "method": METHODS,
                "regularizer": REGULARIZERS,
                "true_reward": TRUE_REWARDS,
                "activation_checkpointing": ACTIVATION_CHECKPOINTING,
            },
        )
        samples = self.method in ("policy_gradient", "best_of_n")
        ranges.refuse(
            self,
            (
                self.reference_answers < 2,
                "reference_answers: at least 2: r is of rewards less the mean of their prompt",
            ),
            (
                samples and self.answers_per_prompt < 2,
                "answers_per_prompt: at least 2: an answer's reward counts by the others'",
            ),
            (
                self.by_gradient
                and not self.coefficient
                and self.regularizer not in ("none", *COMPUTED),
                f"coefficient: nothing says how hard {self.regularizer} should hold: name one, or"
                " choose chi2_exact, whose coefficient is computed",
            ),
            (
                self.by_gradient and bool(self.coefficient) and self.regularizer == "none",
                "coefficient: regularizer none has none: set it to 0, or choose another one",
            ),
            (
                not self.desirable_weight and not self.undesirable_weight,
                "desirable_weight: 0 as well as undesirable_weight: nothing would be learned",
            ),
            (self.ratio_limit < 1, "ratio_limit must be at least 1: that is where both agree"),
            (self.spike_ratio <= 1, "spike_ratio must be above 1: it is a multiple of the median"),
        )

    @property
    def by_gradient(self) -> bool:
        """Whether a policy gradient is followed."""
        return self.method == "policy_gradient"

    @property
    def by_pairs(self) -> bool:
        """Whether given pairs are learned from, so that no reward model is needed."""
        return self.method in PAIR_OBJECTIVES
