"""POST /v1/chat/completions: conversations, with tools, in OpenAI's form.

In: messages. Out: the assistant's message, whole or as a stream, held to JSON or to tools' schemas
where the request says so. No turn is dropped: a conversation that is too long is refused.
"""

import time
import uuid
from collections.abc import AsyncGenerator, Callable
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pipeline.serve.answer_schemas import ChatChunk, ChatCompletion, documented_stream
from pipeline.serve.api_errors import RESPONSES
from pipeline.serve.chat_choice import ChatChoice
from pipeline.serve.chat_request import ChatCompletionRequest, wanted_of
from pipeline.serve.event_stream import event, respond
from pipeline.serve.loaded_models import ServedModel
from pipeline.serve.off_loop import off_loop
from pipeline.serve.reply_events import ReplyOver
from pipeline.serve.reply_rounds import RunningReply
from pipeline.serve.server_state import client_of, note_tokens, state_of
from pipeline.serve.wanted_reply import prepare

router = APIRouter(responses=RESPONSES)


@router.post("/v1/chat/completions", responses=documented_stream(ChatCompletion, ChatChunk))
async def chat_completions(asked: ChatCompletionRequest, request: Request) -> Response:
    """Reply to a conversation."""
    state, client = state_of(request), client_of(request)
    served = await state.models.get(asked.model)
    prepared = await off_loop(
        request,
        lambda: prepare(
            wanted_of(asked, served, state.config, state.tools.definitions), served, client
        ),
        is_long=bool(asked.tools or asked.response_format),
    )
    reply = RunningReply(prepared, served.loop, state.tools, whole=not asked.stream)
    answer = ChatCompletionAnswer(asked, served, reply, lambda usage: note_tokens(request, usage))
    return await respond(request, answer, state.config, reply.close, stream=bool(asked.stream))


class ChatCompletionAnswer:
    """The answer to a request, as it comes from a running reply.

    Args:
        asked: the request.
        served: its model.
        reply: of the model.
        note: told at the end what was read and sampled.
    """

    def __init__(
        self,
        asked: ChatCompletionRequest,
        served: ServedModel,
        reply: RunningReply,
        note: Callable[[dict[str, int]], None],
    ) -> None:
        self.reply, self.note = reply, note
        self.tells_usage = asked.include_usage
        tokenizer = served.tokenizer if asked.logprobs else None
        samples = reply.prepared.generation.samples
        self._choices = [ChatChoice(index, tokenizer) for index in range(samples)]
        self._read = len(reply.prepared.generation.prompt)
        self._sampled = 0
        self._head = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": served.id,
        }

    async def whole(self) -> dict[str, Any]:
        """All of it."""
        async for events in self.reply.events():
            for sample, happened in events:
                self._choices[sample].take(happened)
                self._count(happened)
        self.note(self._usage)
        choices = [choice.whole() for choice in self._choices]
        return {**self._head, "choices": choices, "usage": self._usage}

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Server-sent events, piece by piece."""
        self._head["object"] = "chat.completion.chunk"
        more: dict[str, Any] = {"usage": None} if self.tells_usage else {}

        def chunk(choice: dict[str, Any]) -> bytes:
            return event({**self._head, "choices": [choice], **more})

        yield b"".join(chunk(choice.begin()) for choice in self._choices)
        async for events in self.reply.events():
            sent: list[bytes] = []
            for sample, happened in events:
                sent += map(chunk, self._choices[sample].take(happened))
                self._count(happened)
            if sent:
                yield b"".join(sent)
        self.note(self._usage)
        if self.tells_usage:
            yield event({**self._head, "choices": [], "usage": self._usage})

    def _count(self, happened: object) -> None:
        if isinstance(happened, ReplyOver):
            self._sampled += happened.sampled
            self._read += happened.forced

    @property
    def _usage(self) -> dict[str, int]:
        """What was read, outputs of the server's tools included, and what was sampled."""
        return {
            "prompt_tokens": self._read,
            "completion_tokens": self._sampled,
            "total_tokens": self._read + self._sampled,
        }
