"""POST /v1/embeddings: a vector for each text.

In: one or more texts, or token ids. Out: the mean of the model's last hidden states over the text,
after its last norm, scaled to length 1 as OpenAI's are. The model was trained to go on with text
and for nothing else: texts alike in wording lie near each other, and no more is promised.
"""

import base64
from typing import Annotated, Any, Literal

import numpy as np
import orjson
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from pipeline.serve.answer_schemas import EmbeddingList, documented
from pipeline.serve.api_errors import RESPONSES, refused
from pipeline.serve.completion_plan import Prompts, encoded
from pipeline.serve.event_stream import unless_gone
from pipeline.serve.loaded_models import ServedModel
from pipeline.serve.off_loop import off_loop
from pipeline.serve.server_state import client_of, state_of
from storage.errors import UserError

router = APIRouter(responses=RESPONSES)


class EmbeddingRequest(BaseModel):
    """What is asked for."""

    model_config = ConfigDict(strict=True, extra="ignore")

    model: str | None = None
    input: Prompts
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int, Field(ge=1)] | None = None
    user: str | None = None


@router.post("/v1/embeddings", responses=documented(EmbeddingList, "Vectors"))
async def embeddings(asked: EmbeddingRequest, request: Request) -> Response:
    """Vectors of texts."""
    state = state_of(request)
    served = await state.models.get(asked.model)
    width = served.engine.model.config.width
    if asked.dimensions not in (None, width):
        raise refused(f"dimensions: this model's vectors have {width}", "dimensions")
    if len(asked.input) > state.config.max_embedding_inputs:
        most = state.config.max_embedding_inputs
        raise refused(f"input: at most {most} at a time", "input")
    texts = await off_loop(request, lambda: _checked(asked, served))
    work = served.loop.embed(texts, client_of(request))
    vectors = await unless_gone(request, work, state.config)
    data = [
        {"object": "embedding", "index": index, "embedding": _written(vector, asked)}
        for index, vector in enumerate(vectors)
    ]
    tokens = sum(map(len, texts))
    body = {
        "object": "list",
        "data": data,
        "model": served.id,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
    return Response(
        orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json"
    )


def _checked(asked: EmbeddingRequest, served: ServedModel) -> list[list[int]]:
    """Token ids, each text's within the context."""
    texts, _, _ = encoded(asked.input, served, "input")
    for text in texts:
        try:
            served.loop.check_prompt(text)
        except UserError as error:
            raise refused(f"input: {error}", "input") from None
    return texts


def _written(vector: Any, asked: EmbeddingRequest) -> Any:
    """Of length 1; as numbers, or as the bytes of float32 in base64."""
    unit = (vector / max(1e-12, float(np.linalg.norm(vector)))).astype("<f4")
    if asked.encoding_format == "base64":
        return base64.b64encode(unit.tobytes()).decode()
    return unit
