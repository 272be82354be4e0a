"""What requests cost, and the caps on it.

A request begins only if what was spent, what may be spent by those under way, and the most that it
may cost itself keep within the caps. Where that fails it waits for those under way; with none left
it ends the asking. So whether a request is sent depends on the answers to those before it alone,
not on the order in which they came, and no cap is ever exceeded by an endpoint that keeps to the
limits it is given. Tokens are added as whole numbers, so that sums have no order either.
"""

import dataclasses

from pipeline.sft.teacher.chat_endpoint import ChatAnswer
from pipeline.sft.teacher.config import TeacherConfig


@dataclasses.dataclass(frozen=True)
class Cost:
    """Of one request or of many."""

    requests: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.requests + other.requests,
            self.prompt_tokens + other.prompt_tokens,
            self.answer_tokens + other.answer_tokens,
        )

    def __sub__(self, other: "Cost") -> "Cost":
        return self + Cost(-other.requests, -other.prompt_tokens, -other.answer_tokens)

    def money(self, config: TeacherConfig) -> float:
        """At the config's prices, in their currency."""
        prompt = self.prompt_tokens * config.price_per_million_prompt_tokens
        return (prompt + self.answer_tokens * config.price_per_million_answer_tokens) / 1e6


NOTHING = Cost()


def most(body: bytes, answer_tokens: int) -> Cost:
    """The most that a request may cost: no tokenizer makes more tokens of a text than bytes."""
    return Cost(1, len(body), answer_tokens)


def billed(answer: ChatAnswer, bound: Cost) -> Cost:
    """What an answer has cost: by the endpoint's own count, or the most where it gives none."""
    if answer.problem in ("refused", "no_completion"):
        return Cost(1)
    prompt = answer.prompt_tokens if answer.prompt_tokens >= 0 else bound.prompt_tokens
    answered = answer.answer_tokens if answer.answer_tokens >= 0 else bound.answer_tokens
    return Cost(1, prompt, answered)


def exceeded(cost: Cost, config: TeacherConfig) -> str:
    """The cap that so much would exceed; "" if it keeps within all."""
    if 0 < config.max_requests < cost.requests:
        return "max_requests"
    if 0 < config.max_total_tokens < cost.prompt_tokens + cost.answer_tokens:
        return "max_total_tokens"
    return "max_money" if 0 < config.max_money < cost.money(config) else ""
