"""Settings of preferences: what is asked, how answers are drawn, and who compares them.

The defaults are the demo preset's: a model of a million parameters on the sample web.
"""

import dataclasses

from pipeline import ranges
from pipeline.curriculum.task_mixture import entries_of
from pipeline.preferences.judge_config import JudgeConfig
from pipeline.preferences.planted_flaws import FLAWS, FlawSettings
from pipeline.preferences.simulated_raters import CrowdConfig
from pipeline.preferences.taste import Taste
from pipeline.sft.teacher.config import EndpointConfig

COMPARED_BY = ("simulated", "judge")


@dataclasses.dataclass(frozen=True)
class PreferencesConfig:
    """Answers of a model are compared in pairs, and comparisons of people and files join them."""

    # Prompts of each kind, train and validation together; see pipeline.preferences.drawn_prompts
    facts: int = 1_200  # that the model was found to know
    unknown: int = 300  # that no page states
    tasks: int = 300  # that code can check, of the mixture: entries as `rl.tasks`
    task_mixture: tuple[str, ...] = ("sum:1-5=1",)
    requests: int = 300  # what users say in conversations of these sources
    request_sources: tuple[str, ...] = ("small_talk", "identity", "harmless")
    validation_fraction: float = 0.1  # of the subjects, by hash
    # of a fact that is known most answers are the same, and equal ones are no pair: 16 find twice
    # as many pairs on facts as 8
    answers_per_prompt: int = 16
    max_new_tokens: int = 112  # as rl.max_new_tokens
    temperature: float = 1.0
    top_k: int = 0  # 0 = all tokens
    prompts_at_once: int = 128
    pairs_per_prompt: int = 4  # different pairs of answers that are compared, at most
    # simulated (raters with known taste), judge (an endpoint), both, or none
    compared_by: tuple[str, ...] = ("simulated",)
    taste: Taste = dataclasses.field(default_factory=Taste)  # what simulated raters like
    crowd: CrowdConfig = dataclasses.field(default_factory=CrowdConfig)
    # what simulated raters see beyond their taste: none, length, phrase (planted_flaws)
    flaw: str = "none"
    flaw_size: FlawSettings = dataclasses.field(default_factory=FlawSettings)
    judge: JudgeConfig = dataclasses.field(default_factory=JudgeConfig)
    endpoint: EndpointConfig = dataclasses.field(default_factory=EndpointConfig)  # the judge's
    # A rater is named as one who goes by the place if an honest one would be so one-sided with this
    # probability at most (two-sided binomial test, all raters together) …
    position_error: float = 0.001
    # … and the place wins or loses at least this share: a slight pull is no reason to leave
    position_share: float = 0.75
    leave_out_named: bool = True  # comparisons of raters who go by the place are left out
    # of prompt and longer answer together; 0 = the model's context, or no limit without a model
    max_tokens: int = 0
    precision: str = "auto"  # as RlConfig's
    products: str = "auto"
    threads: int = 2
    device: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero="answers_per_prompt max_new_tokens temperature prompts_at_once"
            " pairs_per_prompt threads",
            below_one="validation_fraction position_error",
            shares="position_share",
            at_least={"answers_per_prompt": 2, "position_share": 0.5},
            one_of={"compared_by": COMPARED_BY, "flaw": FLAWS},
        )
        ranges.refuse(
            self,
            (
                len(set(self.compared_by)) < len(self.compared_by),
                "compared_by: one is named twice",
            ),
            (
                "judge" in self.compared_by and not self.judge.model,
                "judge: name the judge's model, as its endpoint calls it",
            ),
        )
        if self.tasks:
            try:
                entries_of(self.task_mixture, generated=True)
            except ValueError as error:
                ranges.refuse(self, (True, f"task_mixture: {error}"))
