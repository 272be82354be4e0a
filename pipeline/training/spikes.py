"""Tells from a step's numbers whether training goes wrong: non-finite, or a spike that stays.

A non-finite loss or gradient norm is an incident at once. A loss far above the median of
the last ones is a spike when it lasts: single odd batches come and go, divergence stays. Distance
is measured in robust deviations (MAD) and in nats, whichever is larger, since the losses of a small
batch scatter and those of a learned-by-heart set hardly do. A function of the numbers so far alone.

In reinforcement learning the loss says nothing: advantages have mean zero in every group, so it
lies near zero whether the policy improves or breaks. There the gradient's norm is watched instead
(OLMo-core skips steps by both), by its logarithm, for norms scatter by factors. A norm of zero is
left out: of a step that taught nothing, and made no update.
"""

import dataclasses
import math
import statistics

from pipeline.training.run_records import SpikesRecord

MAD_TO_SIGMA = 1.4826  # of a normal distribution
LOSS, GRAD_NORM = "loss", "grad_norm"  # what may be watched


@dataclasses.dataclass
class Spikes:
    """What the last steps' numbers were, and for how many steps they have been too high."""

    window: int = 50  # steps that the median is taken over
    deviations: float = 8.0  # robust standard deviations above the median; 0 = no spikes
    nats: float = 0.5  # and at least so far above it; of a gradient norm: in its logarithm
    patience: int = 3  # steps in a row
    of: str = LOSS
    values: list[float] = dataclasses.field(default_factory=list)
    streak: int = 0

    def judge(self, loss: float, grad_norm: float) -> str:
        """Judge a step; to be called once for each.

        Args:
            loss: of the step, nats a token.
            grad_norm: of the step.

        Returns:
            What is wrong, in words; "" if nothing is.
        """
        if not (math.isfinite(loss) and math.isfinite(grad_norm)):
            return f"loss {loss} and gradient norm {grad_norm}"
        if self.of == GRAD_NORM and grad_norm == 0.0:
            return ""
        limit = self.limit()
        value = loss if self.of == LOSS else math.log(grad_norm)
        self.streak = self.streak + 1 if value > limit else 0
        self.values = [*self.values, value][-self.window :]
        if self.streak < max(1, self.patience):
            return ""
        times = f" for {self.streak} steps" if self.streak > 1 else ""
        if self.of == LOSS:
            return f"loss {loss:.3f}, above {limit:.3f}{times}"
        return f"gradient norm {grad_norm:.3g}, above {math.exp(limit):.3g}{times}"

    def limit(self) -> float:
        """The value above which a step is a spike; infinity while too little is known."""
        if self.deviations <= 0 or len(self.values) < self.window:
            return math.inf
        median = statistics.median(self.values)
        spread = statistics.median([abs(value - median) for value in self.values])
        return median + max(self.nats, self.deviations * MAD_TO_SIGMA * spread)

    def as_json(self) -> SpikesRecord:
        """For a checkpoint's notes."""
        return {"values": self.values, "streak": self.streak}

    def recall(self, known: SpikesRecord) -> None:
        """Go on from what `as_json` gave."""
        self.values, self.streak = list(known.get("values", [])), known.get("streak", 0)
