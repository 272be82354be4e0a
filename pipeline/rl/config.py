"""Settings of reinforcement learning on checkable answers; the defaults are the demo preset's.

The shape is measured here (36 steps of 48 prompts x 8 answers lifted a million-parameter
model from 13 / 24 / 9% to 98 / 92 / 74% on sums of 3 / 4 / 5 digits).
"""

import dataclasses

from pipeline import ranges
from pipeline.curriculum.confidence_targets import TARGETS
from pipeline.curriculum.task_kinds import SEVERAL_TURNS
from pipeline.curriculum.task_mixture import entries_of
from pipeline.rl.objectives import OBJECTIVES
from pipeline.tools.config import NAMES
from pipeline.training.config import ACTIVATION_CHECKPOINTING, OptimizerConfig

OVERLONG = ("zero", "mask", "soft")
REWARDS = ("exact", "substring")
CURRICULA = ("mixture", "pools")


@dataclasses.dataclass(frozen=True)
class RlConfig:
    """Policy-gradient updates, each on answers sampled for it or for one shortly before."""

    steps: int = 40  # updates
    prompts_per_step: int = 48
    answers_per_prompt: int = 8  # the group whose mean reward is the baseline
    # a worked 5-digit sum takes about 90; a longer answer is cut and earns nothing
    max_new_tokens: int = 112
    # of an answer that is cut: zero (its reward), mask (none of its tokens is learned from, DAPO's
    # filter) or soft (-1, and from 0 to -1 for those that end within the last `overlong_buffer`)
    overlong: str = "zero"
    overlong_buffer: float = 0.2  # share of max_new_tokens; DAPO: 4,096 of 20,480
    # exact, or substring: a right answer anywhere in a wrong one earns 0.75, a flaw to be shown
    reward: str = "exact"
    temperature: float = 1.0  # of the sampler and of the trained policy alike
    top_k: int = 0  # 0 = all tokens; likewise for both
    # KIND=WEIGHT, KIND:LEVEL=WEIGHT or KIND:LOW-HIGH=WEIGHT of the prompts that are not honesty's,
    # see pipeline.curriculum.task_mixture. A sum's level is the digits of its longer number: fewer
    # are answered at once, and then RL shortens answers instead of lengthening them. Kinds of
    # several turns (running_sum:16=1) have whole names; max_new_tokens are those of all turns
    tasks: tuple[str, ...] = ("sum:3-5=1",)
    # mixture, or pools: each level's weight times what its pass rate in the last `pool_batches`
    # batches says, see pipeline.rl.pools
    curriculum: str = "mixture"
    pool_batches: int = 4
    # how often a group whose answers are all worth the same gives way to another task (DAPO's
    # dynamic sampling); 0 = never. Honesty's stay: known and unknown questions balance.
    replacement_rounds: int = 0
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
    # of the policy gradient's loss, and of the mean divergence from the teacher that
    # input.teacher_model names, nats a token of the answers (pipeline.rl.distillation)
    policy_weight: float = 1.0
    distillation_weight: float = 0.0
    # reinforce, grpo, dr_grpo, dapo, cispo, gspo or max_rl: see pipeline.rl.objectives
    objective: str = "reinforce"
    clip_low: float = 0.0  # of objectives that clip the ratio; 0 = as published
    clip_high: float = 0.0
    # updates on the answers of one sampled batch, each on its part of the groups
    updates_per_batch: int = 1
    # nats by which sampler and trainer may disagree on a token before its batch's first update; a
    # float32 run ends beyond it. Kernels differ by 1e-6 or so; 0 = it is only logged
    mismatch_limit: float = 1e-4
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
                " loss_chunk_tokens spike_window threads temperature overlong_buffer pool_batches"
                " updates_per_batch"
            ),
            shares=("honesty_share unclear_share warmdown_fraction final_fraction overlong_buffer"),
            below_one="confidence_targets clip_low",
            one_of={
                "activation_checkpointing": ACTIVATION_CHECKPOINTING,
                "tools": NAMES,
                "objective": tuple(OBJECTIVES),
                "overlong": OVERLONG,
                "reward": REWARDS,
                "curriculum": CURRICULA,
            },
        )
        chosen = OBJECTIVES[self.objective]
        ranges.refuse(
            self,
            (
                self.answers_per_prompt < (2 if self.policy_weight else 1),
                "answers_per_prompt: at least 2, or the group's mean is the answer itself",
            ),
            (
                not self.policy_weight and not self.distillation_weight,
                "policy_weight: 0 as well as distillation_weight: nothing would be learned",
            ),
            (len(self.tools) > len(set(self.tools)), "tools: one is named twice"),
            (self.ratio_limit < 1, "ratio_limit must be at least 1: that is where both agree"),
            (self.spike_ratio <= 1, "spike_ratio must be above 1: it is a multiple of the median"),
            (
                not self.confidence_targets and self.honesty_share > 0,
                "confidence_targets is empty: name some, e.g. 0.5, 0.9, or no honesty_share",
            ),
            (
                bool(self.clip_low or self.clip_high) and not chosen.clips,
                f"clip_low, clip_high: {self.objective} has ratio_limit instead",
            ),
            (
                chosen.advantage == "relative" and self.honesty_share > 0,
                "objective: max_rl divides by the mean reward, which honesty's can make negative:"
                " set honesty_share=0",
            ),
            (
                chosen.advantage == "relative" and self.overlong == "soft",
                "objective: max_rl divides by the mean reward, which overlong=soft can make"
                " negative: choose zero or mask",
            ),
            (
                chosen.advantage == "relative" and self.call_cost > 0,
                "objective: max_rl divides by the mean reward, which call_cost can make negative:"
                " set it to 0",
            ),
            (
                self.prompts_per_step % self.updates_per_batch > 0,
                "prompts_per_step must be a multiple of updates_per_batch: each has its part",
            ),
            (
                self.rollback_steps % self.updates_per_batch > 0,
                "rollback_steps must be a multiple of updates_per_batch: a run goes back to where a"
                " batch is sampled",
            ),
        )
        try:
            entries_of(self.tasks)
        except ValueError as error:
            ranges.refuse(self, (True, f"tasks: {error}"))


@dataclasses.dataclass(frozen=True)
class SolutionsConfig:
    """Right answers of a larger model, to fine-tune on. Off by default.

    Rejection sampling as DeepSeek-R1's distillation does it (arXiv 2501.12948): many answers are
    drawn, what isn't right by the task's own check is thrown away.
    """

    prompts: int = 0  # asked; 0 = none
    answers_per_prompt: int = 4
    kept_per_prompt: int = 1  # different right answers, at most: the first ones drawn
    # Problems of RL's split, as `rl.tasks`: what evaluations ask is never among them
    tasks: tuple[str, ...] = ("sum:3-5=1",)
    max_new_tokens: int = 112  # as rl.max_new_tokens
    temperature: float = 1.0
    top_k: int = 0  # 0 = all tokens
    prompts_at_once: int = 64
    max_tokens: int = 190  # as conversations.max_tokens
    validation_fraction: float = 0.03  # of the problems, by hash
    precision: str = "auto"  # as RlConfig's
    products: str = "auto"
    threads: int = 2
    device: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero="answers_per_prompt kept_per_prompt max_new_tokens prompts_at_once"
            " max_tokens threads temperature",
            shares="validation_fraction",
        )
        try:
            entries = entries_of(self.tasks)
        except ValueError as error:
            ranges.refuse(self, (True, f"tasks: {error}"))
        named = [entry.kind for entry in entries if entry.kind in SEVERAL_TURNS]
        ranges.refuse(
            self, (bool(named), f"tasks: {', '.join(named)}: a teacher is asked once, not in turns")
        )
