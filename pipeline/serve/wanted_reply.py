"""A reply that a client wants: what both endpoints for conversations ask of a model.

In: a checked request. Out: a `Generation`, and how its tokens are to be read. All that takes long
(reading a long conversation, compiling a grammar) is done here, before the model's thread sees it.
"""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from pipeline.chat.conversation import Conversation
from pipeline.chat.conversation import prompt as prompt_of
from pipeline.chat.layout import CALL, CALL_END
from pipeline.model.rows import Sampling
from pipeline.model.sampling import row_key
from pipeline.serve.api_errors import ApiError, refused
from pipeline.serve.field_errors import InvalidField
from pipeline.serve.generation import Constrain, Generation
from pipeline.serve.grammars import GrammarConstraint
from pipeline.serve.loaded_models import ServedModel
from pipeline.serve.message_ends import message_ends
from pipeline.serve.reply_constraint import ReplyConstraint
from pipeline.serve.reply_stream import ReplyStream
from pipeline.serve.response_format import TEXT, ResponseFormat
from pipeline.serve.text_bounds import check_length
from pipeline.serve.tool_choice import NO_CHOICE, ToolChoice
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError

NO_CALL = -1_000.0  # added to a call's first logit where calls are out of the question


@dataclasses.dataclass(frozen=True)
class WantedReply:
    """What is asked.

    Args:
        talk: in which it is the assistant's turn; it states the tools.
        sampling: settings, but for what ends a message.
        samples: of the reply.
        seed: of random numbers.
        choice: which tools may be called.
        strict: whether calls are held to their tools' schemas.
        parallel: whether a message may have several calls.
        format: of the text.
        served: whether the server answers the calls.
        fields: what messages, format and tools are called in the request.
    """

    talk: Conversation
    sampling: Sampling
    samples: int = 1
    seed: int = 0
    choice: ToolChoice = NO_CHOICE
    strict: bool = False
    parallel: bool = True
    format: ResponseFormat = TEXT
    served: bool = False
    fields: tuple[str, str, str] = ("messages", "response_format", "tools")

    @property
    def several(self) -> bool:
        """Whether a message may have several calls; a function that is named is called once."""
        return self.parallel and not self.choice.named


@dataclasses.dataclass(frozen=True)
class PreparedReply:
    """What the model is given, and how its tokens are read."""

    generation: Generation
    tokenizer: Tokenizer
    stop_tokens: tuple[int, ...]
    served: bool
    reads_calls: bool
    tells_tokens: bool
    context: int
    holds_calls: bool = False  # a grammar does: what is begun is a call

    def stream(self) -> ReplyStream:
        """A reader of one message."""
        return ReplyStream(
            self.tokenizer,
            stop_tokens=self.stop_tokens,
            stop_strings=self.generation.sampling.stop_strings,
            reads_calls=self.reads_calls,
            counts=self.tells_tokens,
            held=self.holds_calls,
        )

    def key(self, sample: int) -> int:
        """To a sample's random numbers."""
        wanted = self.generation
        return row_key(wanted.seed, list(wanted.prompt), wanted.occurrence, sample)


def prepare(wanted: WantedReply, served: ServedModel, client: str) -> PreparedReply:
    """What the model is to do.

    Args:
        wanted: by the client.
        served: the model.
        client: whose share of the machine it takes.

    Raises:
        ApiError: the model doesn't converse, the conversation is too long for it, or a schema
            can't be kept.
    """
    tokenizer, context = served.tokenizer, served.loop.context
    if not tokenizer.has_conversation_tokens:
        raise refused(
            "this model has no conversation tokens, so that it can't chat: use /v1/completions, or "
            "a model of the stages sft, rl or rlhf",
            "model",
            "no_conversation_tokens",
        )
    texts = [*(said.content for said in wanted.talk.messages), *wanted.talk.tools]
    check_length(texts, served, wanted.fields[0])
    prompt = _prompt(wanted, tokenizer, context)
    stop, *others = message_ends(tokenizer)
    calls = wanted.choice.mode != "none"
    ends = (stop, tokenizer.special(CALL_END)) if calls and not wanted.several else (stop,)
    bias = wanted.sampling.logit_bias
    if wanted.talk.tools and not calls:
        call = tokenizer.special(CALL)
        bias = (*((token, value) for token, value in bias if token != call), (call, NO_CALL))
    sampling = dataclasses.replace(
        wanted.sampling,
        stop_tokens=tuple(others) if wanted.served else (*ends, *others),
        pause_tokens=ends if wanted.served else (),
        logit_bias=bias,
        max_new_tokens=min(wanted.sampling.max_new_tokens, context - len(prompt)),
    )
    made = _constraint(wanted, served, (stop, *others), sampling.max_new_tokens)
    generation = Generation(
        prompt=tuple(prompt),
        sampling=sampling,
        samples=wanted.samples,
        seed=wanted.seed,
        client=client,
        constraint=made.constrain,
    )
    return PreparedReply(
        generation,
        tokenizer,
        stop_tokens=(stop, *others),
        served=wanted.served,
        reads_calls=bool(wanted.talk.tools),
        tells_tokens=sampling.untruncated_logprobs,
        context=context,
        holds_calls=made.holds_calls and not wanted.served,
    )


def _prompt(wanted: WantedReply, tokenizer: Tokenizer, context: int) -> list[int]:
    field = wanted.fields[0]
    try:
        prompt = prompt_of(wanted.talk, tokenizer)
    except UserError as error:  # tools, and no tokens for them
        raise refused(str(error), field) from error
    if len(prompt) >= context:
        whose, remedy = "your messages", "shorten them"
        if wanted.served:  # nobody sees those in the request
            whose += " and the server's tools"
            remedy += ', or ask without tools: "tool_choice": "none"'
        raise ApiError(
            400,
            f"This model's maximum context length is {context} tokens. However, {whose} "
            f"resulted in {len(prompt)} tokens, which leaves no room for a reply: {remedy}.",
            param=field,
            code="context_length_exceeded",
        )
    return prompt


class _Held(NamedTuple):
    """What holds each sample to what was asked; None: nothing was."""

    constrain: Constrain | None
    holds_calls: bool = False


def _constraint(
    wanted: WantedReply, served: ServedModel, stops: tuple[int, ...], most_tokens: int
) -> _Held:
    choice, tools = wanted.choice, wanted.talk.tools
    must_call = choice.mode == "required"
    text = _text_grammar(wanted, served)
    fewer = choice.mode == "auto" and len(choice.names) < len(tools)
    calls: GrammarConstraint | None = None
    if choice.mode != "none" and (must_call or fewer or wanted.strict or text is not None):
        schemas = schemas_of(tools).items()
        known = {name: _closed(schema) for name, schema in schemas if name in choice.names}
        try:
            calls = served.grammars.tool_call(known, parallel=wanted.several)
        except UserError as error:
            raise InvalidField(wanted.fields[2], str(error)) from error
    if text is None and calls is None:
        return _Held(None)

    def make() -> ReplyConstraint:
        return ReplyConstraint(
            served.tokenizer, stops, most_tokens, text=text, calls=calls, must_call=must_call
        )

    return _Held(make, calls is not None)


def _text_grammar(wanted: WantedReply, served: ServedModel) -> GrammarConstraint | None:
    if wanted.format.type == "text":
        return None
    schema, grammars = wanted.format.schema, served.grammars
    try:
        return grammars.json_object() if schema is None else grammars.json_schema(schema)
    except UserError as error:
        raise InvalidField(wanted.fields[1], str(error)) from error


def _closed(schema: dict[str, Any] | None) -> dict[str, Any] | None:
    """A tool's schema without arguments that it doesn't name, where it leaves that open: what else
    a small model writes there is nonsense.
    """
    if schema is None or "properties" not in schema:
        return schema
    return {"additionalProperties": False, **schema}


def schemas_of(tools: Sequence[str]) -> dict[str, dict[str, Any] | None]:
    """The names of tools that a conversation states, with the schemas of their arguments."""
    functions = [json.loads(tool)["function"] for tool in tools]
    return {function["name"]: function.get("parameters") for function in functions}
