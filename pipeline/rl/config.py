"""Settings of reinforcement learning on checkable answers; the defaults are the demo preset's.

The shape is measured here (36 steps of 48 prompts x 8 answers lifted a million-parameter
model from 13 / 24 / 9% to 98 / 92 / 74% on sums of 3 / 4 / 5 digits).
"""

import dataclasses

from pipeline import ranges
from pipeline.curriculum.confidence_targets import TARGETS
from pipeline.curriculum.task_mixture import entries_of
from pipeline.tools.config import NAMES
from pipeline.training.config import ACTIVATION_CHECKPOINTING, OptimizerConfig


@dataclasses.dataclass(frozen=True)
class RlConfig:
    """One policy-gradient update a step, on answers sampled in that step."""

    steps: int = 40
    prompts_per_step: int = 48
    answers_per_prompt: int = 8  # the group whose mean reward is the baseline
    # a worked 5-digit sum takes about 90; a longer answer is cut and earns nothing
    max_new_tokens: int = 112
    temperature: float = 1.0  # of the sampler and of the trained policy alike
    top_k: int = 0  # 0 = all tokens; likewise for both
    # KIND=WEIGHT, KIND:LEVEL=WEIGHT or KIND:LOW-HIGH=WEIGHT of the prompts that are not honesty's,
    # see pipeline.curriculum.task_mixture. A sum's level is the digits of its longer number: fewer
    # are answered at once, and then RL shortens answers instead of lengthening them
    tasks: tuple[str, ...] = ("sum:3-5=1",)
    # that an answer may call: calculator, python. max_new_tokens are then those that are sampled in
    # all of its rounds, and the model's context must have room for what the tools are
    tools: tuple[str, ...] = ()
    tool_rounds: int = 4  # of calls that are answered; then an answer is told to do without
    call_cost: float = 0.0  # of reward, for each call of an answer, needed or not
    # of the prompts: an interrogation's questions under a confidence target; without an
    # interrogation none
    honesty_share: float = 0.25
    # t, one drawn for each prompt: right +1, "I don't know" 0, wrong -t/(1-t) (Kalai et al. 2025)
    confidence_targets: tuple[float, ...] = TARGETS
    # of honesty's prompts: neither known nor unknown; of those half are known and half unknown
    unclear_share: float = 0.1
    # rows of fine-tuning's conversations in each step, and how much their mean loss weighs beside
    # the answers': what no reward asks for is forgotten else (PPO-ptx, Ouyang et al. 2022)
    rehearsal_rows: int = 8
    rehearsal_weight: float = 0.2
    optimizer: OptimizerConfig = dataclasses.field(default_factory=OptimizerConfig)
    rate_factor: float = 0.05  # on all learning rates of pretraining
    warmup_steps: int = 2
    warmdown_fraction: float = 0.25
    final_fraction: float = 0.2
    max_grad_norm: float = 0.0  # 0 = no clipping
    # the most by which a token counts: its probability for the trainer over that for the sampler
    ratio_limit: float = 2.0  # Yao et al. 2025; kernels in bf16 differ by 1.08 at most
    micro_rows: int = 96  # answers that go through the model at once
    loss_chunk_tokens: int = 1024  # answer tokens whose logits exist at the same time
    activation_checkpointing: str = "off"  # as LoopConfig's: off or layers
    # As LoopConfig's, but for what a spike is: see pipeline.training.spikes. A step is one sampled
    # batch, so what breaks the policy shows within a few of them.
    rollback_steps: int = 10
    rollback_limit: int = 3  # incidents before the run ends with one line
    spike_window: int = 20  # steps whose median gradient norm a spike is measured from
    spike_deviations: float = 6.0  # robust, of its logarithm (OLMo-core: 6); 0 = spikes are ignored
    # and at least so many times the median: learning alone raises the norm by up to 24, where at
    # first one group of 48 had variance and then half of them have
    spike_ratio: float = 30.0
    spike_patience: int = 3  # steps in a row
    checkpoint_seconds: float = 20.0  # wall seconds between checkpoints; never changes the result
    watchdog_seconds: float = 300.0  # as LoopConfig's: the least time without a step; 0 = never
    # the first step's answers, sampled before any update, give pass@k; where it lies below this, no
    # group has variance, RL would learn nothing, and that is said
    min_pass_at_k: float = 0.05
    precision: str = "auto"  # float32, bfloat16 or auto; resolved before the digest is made
    products: str = "auto"  # as PretrainConfig's
    threads: int = 2
    device: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero=(  # temperature: equal answers have no advantage
                "steps prompts_per_step max_new_tokens rate_factor micro_rows"
                " loss_chunk_tokens spike_window threads temperature"
            ),
            shares="honesty_share unclear_share warmdown_fraction final_fraction",
            below_one="confidence_targets",
            one_of={"activation_checkpointing": ACTIVATION_CHECKPOINTING, "tools": NAMES},
        )
        ranges.refuse(
            self,
            (
                self.answers_per_prompt < 2,
                "answers_per_prompt: at least 2, or the group's mean is the answer itself",
            ),
            (len(self.tools) > len(set(self.tools)), "tools: one is named twice"),
            (self.ratio_limit < 1, "ratio_limit must be at least 1: that is where both agree"),
            (self.spike_ratio <= 1, "spike_ratio must be above 1: it is a multiple of the median"),
            (
                not self.confidence_targets and self.honesty_share > 0,
                "confidence_targets is empty: name some, e.g. 0.5, 0.9, or no honesty_share",
            ),
        )
        try:
            entries_of(self.tasks)
        except ValueError as error:
            ranges.refuse(self, (True, f"tasks: {error}"))
