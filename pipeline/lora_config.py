"""Settings of LoRA (`pipeline.model.lora`), apart from it: settings are read without torch."""

import dataclasses

from pipeline import ranges

# A layer's matrices, by their names in Qwen3 and Llama.
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclasses.dataclass(frozen=True)
class LoraConfig:
    """What is trained where the rest is frozen."""

    rank: int = 0  # of each matrix' change; 0 = no LoRA: all weights are trained
    # Changes are times alpha / rank, so that one rate serves all ranks ("LoRA Without Regret",
    # Schulman et al. 2025: 32).
    alpha: float = 32.0
    # All of a layer's matrices: attention alone learns less at equal size (the same source).
    targets: tuple[str, ...] = TARGETS
    # AdamW, times (2000 / width) ** 0.781: ten times the rate of full fine-tuning, whatever the
    # rank (the same source; the exponent is tinker-cookbook's fit over Llama models).
    lr: float = 5e-4
    # AdamW, for the conversation tokens' rows, times the root mean square of the matrix they stand
    # in: an embedding's elements are 1 in size in our models and 0.02 in Qwen3.
    row_lr: float = 0.05

    def __post_init__(self) -> None:
        ranges.check(self, above_zero="alpha lr", one_of={"targets": TARGETS})
        ranges.refuse(
            self,
            (not self.targets, "targets: name one of " + ", ".join(TARGETS)),
            (
                len(set(self.targets)) != len(self.targets),
                f"targets: {', '.join(self.targets)}: one is there twice",
            ),
        )
