"""Tells from a step's numbers whether training goes wrong: no number at all, or a spike that stays.

A loss or gradient norm that is not finite is an incident at once. A loss far above the median of
the last ones is a spike when it lasts: single odd batches come and go, divergence stays. Distance
is measured in robust deviations (MAD) and in nats, whichever is larger, since the losses of a small
batch scatter and those of a learned-by-heart set hardly do. A function of the losses so far alone.
"""

import dataclasses
import math
import statistics
from typing import Any

MAD_TO_SIGMA = 1.4826  # of a normal distribution


@dataclasses.dataclass
class Spikes:
    """What the last steps' losses were, and for how many steps they have been too high."""

    window: int = 50  # losses that the median is taken over
    deviations: float = 8.0  # robust standard deviations above the median; 0 = no spikes
    nats: float = 0.5  # and at least so far above it
    patience: int = 3  # steps in a row
    losses: list[float] = dataclasses.field(default_factory=list)
    streak: int = 0

    def judge(self, loss: float, grad_norm: float) -> str:
        """What is wrong after this step, "" if nothing is; to be called once a step."""
        if not (math.isfinite(loss) and math.isfinite(grad_norm)):
            return f"loss {loss} and gradient norm {grad_norm}"
        limit = self.limit()
        self.streak = self.streak + 1 if loss > limit else 0
        self.losses = [*self.losses, loss][-self.window :]
        if self.streak < max(1, self.patience):
            return ""
        times = f" for {self.streak} steps" if self.streak > 1 else ""
        return f"loss {loss:.3f}, above {limit:.3f}{times}"

    def limit(self) -> float:
        """The loss above which a step is a spike; infinity while too little is known."""
        if self.deviations <= 0 or len(self.losses) < self.window:
            return math.inf
        median = statistics.median(self.losses)
        spread = statistics.median([abs(loss - median) for loss in self.losses])
        return median + max(self.nats, self.deviations * MAD_TO_SIGMA * spread)

    def as_json(self) -> dict[str, Any]:
        return {"losses": self.losses, "streak": self.streak}

    def recall(self, known: dict[str, Any]) -> None:
        """Go on from what `as_json` gave."""
        self.losses, self.streak = list(known.get("losses", [])), known.get("streak", 0)
