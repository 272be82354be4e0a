"""/v1/responses: conversations as items, with semantic events, in OpenAI's newer form.

In: a text or items, and what to go on from. Out: a response, whole or as a stream of events, and
kept in memory for whoever made it (`serve.response_store`) unless `store` is false.
"""

import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pipeline.chat.messages import Message
from pipeline.serve.answer_schemas import documented, documented_stream
from pipeline.serve.api_errors import RESPONSES, ApiError, as_api_error
from pipeline.serve.event_stream import event, respond
from pipeline.serve.off_loop import off_loop
from pipeline.serve.reply_rounds import RunningReply
from pipeline.serve.response_events import GrowingResponse
from pipeline.serve.response_input import input_messages
from pipeline.serve.response_request import ResponseRequest, empty_response, wanted_of
from pipeline.serve.response_schemas import DeletedResponse, ResponseBody, ResponseEvent
from pipeline.serve.response_store import KeptResponse, ResponseStore
from pipeline.serve.server_state import client_of, note_tokens, state_of
from pipeline.serve.text_bounds import check_count
from pipeline.serve.wanted_reply import PreparedReply, prepare

router = APIRouter(responses=RESPONSES)
logger = logging.getLogger("crawl2chat.serve")


@router.post("/v1/responses", responses=documented_stream(ResponseBody, ResponseEvent))
async def create_response(asked: ResponseRequest, request: Request) -> Response:
    """Respond to an input."""
    state, client = state_of(request), client_of(request)
    served = await state.models.get(asked.model)
    before = _before(asked, state.responses, client)

    def read() -> tuple[PreparedReply, tuple[Message, ...]]:
        check_count(asked.input, served, "input")
        check_count(asked.tools, served, "tools")
        said = input_messages(asked.input)
        tools = state.tools.definitions
        wanted = wanted_of(asked, before, said, served, state.config, tools)
        return prepare(wanted, served, client), (*before, *(one.said for one in said))

    prepared, said = await off_loop(request, read, is_long=bool(asked.tools or asked.text))
    reply = RunningReply(prepared, served.loop, state.tools, whole=not asked.stream)
    tokenizer = served.tokenizer if asked.tells_logprobs else None
    growing = GrowingResponse(
        empty_response(asked, served.id), len(prepared.generation.prompt), tokenizer
    )
    store = None if asked.store is False else state.responses

    def note(usage: Mapping[str, int]) -> None:
        read, sampled = usage["input_tokens"], usage["output_tokens"]
        note_tokens(request, {"prompt_tokens": read, "completion_tokens": sampled})

    answer = ResponseAnswer(growing, reply, store, client, said, note)
    return await respond(request, answer, state.config, reply.close, stream=bool(asked.stream))


@router.get("/v1/responses/{response_id}", responses=documented(ResponseBody, "It"))
async def get_response(response_id: str, request: Request) -> Response:
    """A response that is kept."""
    found = state_of(request).responses.find(client_of(request), response_id)
    if found is None:
        raise _unknown(response_id)
    return Response(orjson.dumps(found.body), media_type="application/json")


@router.delete("/v1/responses/{response_id}", responses=documented(DeletedResponse, "Forgotten"))
async def delete_response(response_id: str, request: Request) -> Response:
    """Forget a response."""
    if not state_of(request).responses.delete(client_of(request), response_id):
        raise _unknown(response_id)
    body = {"id": response_id, "object": "response", "deleted": True}
    return Response(orjson.dumps(body), media_type="application/json")


class ResponseAnswer:
    """The answer to a request, as it comes from a running reply.

    Args:
        growing: the response.
        reply: of the model.
        store: where it is kept; None: nowhere.
        client: who made it.
        said: the conversation before it, without instructions.
        note: told at the end what was read and sampled.
    """

    def __init__(
        self,
        growing: GrowingResponse,
        reply: RunningReply,
        store: ResponseStore | None,
        client: str,
        said: tuple[Message, ...],
        note: Callable[[Mapping[str, int]], None],
    ) -> None:
        self.growing, self.reply, self.note = growing, reply, note
        self.store, self.client, self.said = store, client, said

    async def whole(self) -> dict[str, Any]:
        """All of it."""
        async for events in self.reply.events():
            for _, happened in events:
                self.growing.take(happened)
        self._end()
        return self.growing.body

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Server-sent events, piece by piece; an error is the last event."""
        yield _sent(self.growing.begin())
        try:
            async for events in self.reply.events():
                made = [one for _, happened in events for one in self.growing.take(happened)]
                if made:
                    if self.growing.body["status"] != "in_progress":
                        self._end()  # before the client can ask for it
                    yield _sent(made)
        except Exception as error:  # the status is sent already
            found = as_api_error(error)
            if found.status == 500:
                logger.exception("unforeseen")
            yield _sent(self.growing.fail(found.code or "server_error", found.message))

    def _end(self) -> None:
        """It is complete: keep it."""
        self.note(self.growing.body["usage"])
        if self.store is None:
            return
        # Arguments that were cut are no JSON: nothing can go on from such a call.
        whole = [item for item in self.growing.body["output"] if not _is_cut_call(item)]
        own = [one.said for one in input_messages(whole)] if whole else []
        self.store.keep(self.client, KeptResponse(self.growing.body, (*self.said, *own)))


def _before(asked: ResponseRequest, store: ResponseStore, client: str) -> tuple[Message, ...]:
    """What was said up to the response that a request goes on from."""
    id_ = asked.previous_response_id
    if id_ is None:
        return ()
    found = store.find(client, id_)
    if found is None:
        raise ApiError(
            400,
            f"Previous response with id '{id_:.80}' not found: responses are kept in memory, for "
            "some time; send the whole input.",
            param="previous_response_id",
            code="previous_response_not_found",
        )
    return found.messages


def _is_cut_call(item: Mapping[str, Any]) -> bool:
    return (item["type"], item["status"]) == ("function_call", "incomplete")


def _unknown(id_: str) -> ApiError:
    message = f"Response with id '{id_:.80}' not found: it is another's, forgotten, or never was"
    return ApiError(404, message, param="response_id", code="response_not_found")


def _sent(events: list[dict[str, Any]]) -> bytes:
    return b"".join(event(one, one["type"]) for one in events)
