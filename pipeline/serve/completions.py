"""POST /v1/completions: text that goes on, for base models and for programs that score texts."""

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pipeline.serve.answer_schemas import CompletionBody, documented_stream
from pipeline.serve.api_errors import RESPONSES
from pipeline.serve.completion_answers import events, whole
from pipeline.serve.completion_plan import CompletionRequest, plan_of
from pipeline.serve.event_stream import EventStream, unless_gone
from pipeline.serve.off_loop import off_loop
from pipeline.serve.server_state import client_of, note_tokens, state_of

router = APIRouter(responses=RESPONSES)


@router.post("/v1/completions", responses=documented_stream(CompletionBody, CompletionBody))
async def completions(asked: CompletionRequest, request: Request) -> Response:
    """Complete prompts."""
    state = state_of(request)
    served = await state.models.get(asked.model)
    client = client_of(request)
    plan = await off_loop(request, lambda: plan_of(asked, served, state.config, client))
    if not asked.stream:
        body = await unless_gone(request, whole(plan), state.config)
        note_tokens(request, body["usage"])
        return Response(orjson.dumps(body), media_type="application/json")
    stream = served.loop.open(plan.generations)
    answer = events(plan, stream, lambda usage: note_tokens(request, usage))
    return EventStream(answer, state.config, stream.close)
