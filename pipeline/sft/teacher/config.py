"""Settings of synthesis by a teacher: what it is asked, at which price, and how gently.

The teacher is any endpoint that speaks OpenAI's chat completions. Its key is no setting: it comes
from CRAWL2CHAT_TEACHER_KEY, or in a flow from a secret block of Prefect, and stays in memory.
"""

import dataclasses

from pipeline import ranges
from pipeline.curriculum.held_out import HELD_OUT_ENTITY_FRACTION
from pipeline.dedup.config import MinhashConfig
from pipeline.filters.decontamination import DecontaminationConfig

RESPONSE_FORMATS = ("json_schema", "json_object", "text")
LIMIT_FIELDS = ("max_tokens", "max_completion_tokens")


@dataclasses.dataclass(frozen=True)
class EndpointConfig:
    """Where the teacher is and how it is asked. Not part of any digest."""

    # https://HOST/v1, whose /chat/completions is asked; "" = CRAWL2CHAT_TEACHER_URL
    base_url: str = ""
    # a Secret block of Prefect that holds the key; "" = CRAWL2CHAT_TEACHER_KEY, or no key at all
    key_block: str = ""
    connections: int = 8  # requests at a time
    tries: int = 6  # of one request, until it has failed
    # the first pause; doubles with each failure, half to one and a half times as long at random
    backoff_seconds: float = 1.0
    max_backoff_seconds: float = 60.0
    # longest Retry-After that is waited for
    max_retry_after_seconds: float = 600.0
    timeout_seconds: float = 120.0  # to connect, and without a single new byte
    max_answer_seconds: float = 600.0  # for a whole answer, however steadily it drips
    # a longer body is an error page or an attack: it is not read to its end
    max_answer_bytes: int = 4_000_000

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero="connections tries timeout_seconds max_answer_seconds max_answer_bytes",
        )


@dataclasses.dataclass(frozen=True)
class TeacherConfig:
    """Conversations that another model makes from passages of the corpus. Off by default."""

    requests: int = 0  # conversations asked for; 0 = no teacher
    model: str = ""  # as the endpoint calls it
    temperature: float = 1.0
    max_answer_tokens: int = 1_200  # of one answer, reasoning included where the model reasons
    # how the shape of an answer is asked for, besides in words: some endpoints know less
    response_format: str = "json_schema"
    limit_field: str = "max_tokens"  # its name at the endpoint
    seed: int = 0  # of passages and axes
    scanned_bytes: int = 2_000_000_000  # as conversations.scanned_bytes
    passage_characters: int = 1_200  # at most
    passages_per_document: int = 3  # at most; a second one only when every document has given one
    max_words: int = 80  # of a conversation, as the teacher is told
    max_tokens: int = 190  # as conversations.max_tokens
    # documents whose conversations are the validation split's, by hash
    validation_fraction: float = 0.03
    # passages that state a fact about such an entity are not shown, as in `conversations`
    held_out_fraction: float = HELD_OUT_ENTITY_FRACTION
    # nanochat's four axes of diversity, one value of each drawn for every conversation;
    # () = those of pipeline/sft/teacher/axes.py
    topics: tuple[str, ...] = ()
    personas: tuple[str, ...] = ()
    dynamics: tuple[str, ...] = ()
    first_messages: tuple[str, ...] = ()
    # near-duplicates, among a conversation's words; 3-grams, since conversations are short
    minhash: MinhashConfig = dataclasses.field(default_factory=lambda: MinhashConfig(ngram_words=3))
    # against the files of input.benchmarks; what it finds is dropped, whatever its `action`
    decontamination: DecontaminationConfig = dataclasses.field(
        default_factory=DecontaminationConfig
    )
    min_score: int = 4  # of 1 to 5, by the judge; 0 = no judge
    judge_model: str = ""  # "" = the teacher itself
    judge_temperature: float = 0.0
    send_temperature: bool = True  # off for models that take none; theirs and the judge's
    max_judge_tokens: int = 300
    # Caps, judging included; 0 = none. No request is sent that could exceed one.
    max_requests: int = 0
    max_total_tokens: int = 0
    max_money: float = 0.0  # in the prices' currency
    # of a million tokens; unknown prices are 0, and then max_money caps nothing
    price_per_million_prompt_tokens: float = 0.0
    price_per_million_answer_tokens: float = 0.0
    endpoint: EndpointConfig = dataclasses.field(default_factory=EndpointConfig)

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero="max_answer_tokens passage_characters passages_per_document max_words"
            " max_tokens max_judge_tokens",
            shares="validation_fraction held_out_fraction",
            at_most={"min_score": 5},
            one_of={"response_format": RESPONSE_FORMATS, "limit_field": LIMIT_FIELDS},
        )
        ranges.refuse(
            self,
            (
                self.requests > 0 and not self.model,
                "model: with teacher.requests name the teacher, as its endpoint calls it",
            ),
            (
                self.max_money > 0
                and not (
                    self.price_per_million_prompt_tokens or self.price_per_million_answer_tokens
                ),
                "max_money: needs the prices, price_per_million_prompt_tokens and"
                " price_per_million_answer_tokens",
            ),
        )
