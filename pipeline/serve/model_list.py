"""GET /v1/models: what is on offer, loaded or not."""

from fastapi import APIRouter
from starlette.requests import Request

from pipeline.serve.answer_schemas import ModelBody, ModelListBody, documented
from pipeline.serve.api_errors import RESPONSES, ApiError
from pipeline.serve.loaded_models import LoadedModels
from pipeline.serve.server_state import state_of

router = APIRouter(responses=RESPONSES)


@router.get("/v1/models", response_model=None, responses=documented(ModelListBody, "All"))
async def models(request: Request) -> ModelListBody:
    """All models on offer."""
    offered = state_of(request).models
    return {"object": "list", "data": [_described(offered, id) for id in offered.sources]}


@router.get(
    "/v1/models/{id:path}", response_model=None, responses=documented(ModelBody, "The model")
)
async def model(id: str, request: Request) -> ModelBody:
    """One of them."""
    offered = state_of(request).models
    if id not in offered.sources:
        raise ApiError(404, "there is no such model", param="model", code="model_not_found")
    return _described(offered, id)


def _described(offered: LoadedModels, id: str) -> ModelBody:
    """As OpenAI does, and what is known of one that is loaded."""
    told: ModelBody = {
        "id": id,
        "object": "model",
        "created": offered.created,
        "owned_by": "crawl2chat",
    }
    if (loaded := offered.loaded.get(id)) is not None:
        told["max_model_len"] = loaded.loop.context  # vLLM's name of it
    return told
