"""What a machine's keeper asks: is it alive, is it ready, what is it doing."""

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from pipeline.serve.answer_schemas import Documented, StatusBody, documented
from pipeline.serve.api_errors import RESPONSES, Unavailable
from pipeline.serve.server_state import state_of

router = APIRouter(responses=RESPONSES)
METRICS: Documented = {
    200: {
        "description": "Prometheus' text format",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
}


@router.get("/health", response_model=None, responses=documented(StatusBody, "It answers"))
async def health() -> StatusBody:
    """Whether the process answers at all."""
    return {"status": "ok"}


@router.get("/ready", response_model=None, responses=documented(StatusBody, "It is ready"))
async def ready(request: Request) -> StatusBody:
    """Whether requests are to be sent here: the server isn't shutting down."""
    state = state_of(request)
    if state.models.draining:
        wait = state.config.retry_after_seconds
        raise Unavailable("the server is shutting down", wait, "shutting_down")
    return {"status": "ready"}


@router.get("/metrics", response_class=Response, responses=METRICS)
async def metrics(request: Request) -> Response:
    """For Prometheus."""
    return Response(state_of(request).metrics.page(), media_type=CONTENT_TYPE_LATEST)
