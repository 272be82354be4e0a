"""Settings of a judge behind an endpoint that compares answers (RLAIF), and what it may cost."""

import dataclasses

from pipeline import ranges
from pipeline.sft.teacher.config import (
    LIMIT_FIELDS,
    RESPONSE_FORMATS,
    EndpointConfig,
    TeacherConfig,
)


@dataclasses.dataclass(frozen=True)
class JudgeConfig:
    """A model that is asked which of two answers is better, in both orders."""

    model: str = ""  # as the endpoint calls it
    temperature: float = 0.0
    send_temperature: bool = True  # off for models that take none
    max_answer_tokens: int = 300  # of one reply, reasoning included where the model reasons
    # how the shape of a reply is asked for, besides in words; text: A, B or tie will do
    response_format: str = "json_schema"
    limit_field: str = "max_tokens"  # its name at the endpoint
    pairs: int = 500  # that are judged, at most: two requests each
    # Caps; 0 = none. No request is sent that could exceed one.
    max_requests: int = 0
    max_total_tokens: int = 0
    max_money: float = 0.0  # in the prices' currency
    price_per_million_prompt_tokens: float = 0.0
    price_per_million_answer_tokens: float = 0.0

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero="max_answer_tokens pairs",
            one_of={"response_format": RESPONSE_FORMATS, "limit_field": LIMIT_FIELDS},
        )
        prices = self.price_per_million_prompt_tokens, self.price_per_million_answer_tokens
        ranges.refuse(self, (self.max_money > 0 and not any(prices), "max_money: needs the prices"))

    def as_teacher(self, endpoint: EndpointConfig) -> TeacherConfig:
        """The same limits, as the client that asks teachers takes them."""
        return TeacherConfig(
            model=self.model,
            max_answer_tokens=self.max_answer_tokens,
            response_format=self.response_format,
            limit_field=self.limit_field,
            send_temperature=self.send_temperature,
            max_requests=self.max_requests,
            max_total_tokens=self.max_total_tokens,
            max_money=self.max_money,
            price_per_million_prompt_tokens=self.price_per_million_prompt_tokens,
            price_per_million_answer_tokens=self.price_per_million_answer_tokens,
            endpoint=endpoint,
        )
