"""Every limit of the server: a name, a unit, a default and where it comes from."""

import dataclasses

from pipeline import ranges
from pipeline.tools.config import NAMES

TOOLS = (*NAMES, "search")  # that a server may run
PRECISIONS = ("auto", "float32", "bfloat16", "int8")


@dataclasses.dataclass(frozen=True)
class ServeConfig:
    """What the server takes, keeps and gives. Ours, except where a source is named.

    Raises:
        OutOfRange: a value can't be meant.
    """

    # What models multiply in: float32, bfloat16, int8 (weights) or auto, bfloat16 where the machine
    # multiplies it, else float32. Where scores are not to move with the machine's capability, as in
    # our evaluations, choose float32.
    precision: str = "auto"
    # Of a model. Rows are completions under way; vLLM's `max_num_seqs` is 256 on a large GPU.
    max_rows: int = 256
    tokens_per_step: int = 512  # read and sampled together; vLLM: 2,048, on a GPU
    max_cache_bytes: int = 2 << 30  # of keys and values; memory is taken as it is filled
    max_model_bytes: int = 8 << 30  # of all models together: weights, keys and values
    load_retry_seconds: float = 10.0  # until a model that couldn't be loaded is tried again
    # Between two events of a stream, once its first token has been sent. One event a token costs
    # four fifths of the tokens per second at 64 streams; people read far slower than 60 a second.
    # Where many rows run they wait longer (`unsent_tokens.MOST_EVENTS_PER_SECOND`).
    flush_seconds: float = 0.015
    reading_tokens: int = 8_192  # for log-probabilities and embeddings, between two steps

    # Of a request. OpenAI's own: 20 top_logprobs, 2,048 inputs of embeddings, 4 stop strings.
    max_prompts: int = 256
    max_samples: int = 128
    max_new_tokens: int = 131_072  # and never more than the model's context has room for
    max_stop_strings: int = 16
    max_stop_characters: int = 256  # of each
    max_top_logprobs: int = 20
    max_logit_bias: int = 1_024  # tokens
    max_embedding_inputs: int = 2_048
    # Parsing blocks everybody: 8 MB of one flat object take seconds on a busy machine.
    max_body_bytes: int = 2 << 20
    max_json_depth: int = 64
    max_json_containers: int = 100_000  # lists and objects: two millions take seconds to parse

    # Of conversations. Responses are kept in memory for `previous_response_id`.
    tools: tuple[str, ...] = ()  # that the server runs itself, for requests that bring none
    max_responses: int = 1_024
    max_responses_per_client: int = 256
    max_response_bytes: int = 64 << 20  # of all that are kept

    # Of everybody together. A client is a key, or an address where there are no keys.
    max_requests: int = 1_024  # under way, streams included
    max_connections: int = 2_048
    max_queued: int = 1_024  # prompts that wait for a model's rows
    max_queued_per_client: int = 512
    retry_after_seconds: int = 1  # said with 429 and 503

    # Time.
    request_timeout_seconds: float = 600.0  # OpenAI's clients wait as long
    header_timeout_seconds: float = 20.0  # Apache's mod_reqtimeout: 20 to 40 for headers
    body_timeout_seconds: float = 30.0
    stalled_client_seconds: float = 30.0  # a stream's client that takes nothing is cut off
    keep_alive_seconds: float = 15.0
    drain_seconds: float = 30.0  # Kubernetes' terminationGracePeriodSeconds

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero=(
                "max_rows tokens_per_step max_cache_bytes max_model_bytes flush_seconds"
                " reading_tokens max_prompts max_samples max_new_tokens max_body_bytes"
                " max_json_depth max_json_containers"
                " max_responses max_responses_per_client max_response_bytes"
                " max_requests max_connections max_queued max_queued_per_client"
                " retry_after_seconds request_timeout_seconds header_timeout_seconds"
                " body_timeout_seconds stalled_client_seconds keep_alive_seconds"
            ),
            one_of={"precision": PRECISIONS, "tools": TOOLS},
        )
