"""What a load of requests comes to: rates, waits, shares in time.

In: one record an answer, with the moments at which its text came. Out: the figures of a table's
line. Tokens are those of each answer's `usage`, so every server counts its own alike.

Waits: *first* is from the request's last byte to the first text. *A token* is from the first text
to the last, over the tokens behind the first: what a reader's speed is (guidellm's inter-token
latency), however many tokens come in one event. *Pause* is between two events with text: what a
reader sees stand still. Servers that send one token an event have the same for both, about.
"""

import dataclasses
from collections import Counter
from collections.abc import Sequence

GOOD_FIRST_SECONDS = 0.2  # goodput counts answers that begin within it: a wait that few notice


@dataclasses.dataclass
class Answer:
    """One request; moments in seconds on one clock."""

    asked: int = 0  # tokens
    sent: float = 0.0
    texts: list[float] = dataclasses.field(default_factory=list)  # when each piece of text came
    ended: float = 0.0
    prompt_tokens: int = 0
    tokens: int = 0
    text: str = ""  # kept only where it is asked for
    status: int = 0
    error: str = ""  # empty: it is whole

    @property
    def first(self) -> float:
        """Seconds until text came; nan where none did."""
        return self.texts[0] - self.sent if self.texts else float("nan")

    @property
    def a_token(self) -> float:
        """Seconds a token behind the first; nan where there are no two moments to tell."""
        if len(self.texts) < 2 or self.tokens < 2:
            return float("nan")
        return (self.texts[-1] - self.texts[0]) / (self.tokens - 1)

    @property
    def pauses(self) -> list[float]:
        return [after - before for before, after in zip(self.texts, self.texts[1:])]


@dataclasses.dataclass(frozen=True)
class Spread:
    """Half of the values, and 99 of 100 of them, are at most so large; nan: there are none."""

    p50: float
    p99: float


@dataclasses.dataclass(frozen=True)
class LoadFigures:
    """Of one load, in seconds and tokens; its rates are over the time from first to last byte."""

    requests: int  # whole answers
    tokens: int
    prompt_tokens: int
    seconds: float
    first: Spread
    a_token: Spread
    pause: Spread
    good_requests: int  # those whose first text came within GOOD_FIRST_SECONDS
    client_cpu_seconds: float
    errors: dict[str, int]  # what went wrong, and how often
    short: int  # whole answers of another length than was asked for

    @property
    def requests_per_second(self) -> float:
        return self.requests / self.seconds

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds

    @property
    def goodput(self) -> float:
        """Requests a second that begin in time."""
        return self.good_requests / self.seconds


def figures(answers: Sequence[Answer], seconds: float, client_cpu_seconds: float) -> LoadFigures:
    """Of a load that lasted so long."""
    whole = [answer for answer in answers if not answer.error]
    return LoadFigures(
        requests=len(whole),
        tokens=sum(answer.tokens for answer in whole),
        prompt_tokens=sum(answer.prompt_tokens for answer in whole),
        seconds=seconds,
        first=spread([answer.first for answer in whole]),
        a_token=spread([answer.a_token for answer in whole]),
        pause=spread([pause for answer in whole for pause in answer.pauses]),
        good_requests=sum(answer.first <= GOOD_FIRST_SECONDS for answer in whole),
        client_cpu_seconds=client_cpu_seconds,
        errors=dict(Counter(answer.error for answer in answers if answer.error)),
        short=sum(answer.tokens != answer.asked for answer in whole),
    )


def spread(values: Sequence[float]) -> Spread:
    known = sorted(value for value in values if value == value)
    return Spread(percentile(known, 0.5), percentile(known, 0.99))


def percentile(ordered: Sequence[float], share: float) -> float:
    """numpy's default: between the two values beside it, in proportion. nan of none."""
    if not ordered:
        return float("nan")
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
