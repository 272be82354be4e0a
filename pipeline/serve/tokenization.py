"""Text to token ids and back, for programs that count tokens by the server's own tokenizer.

As vLLM has them, which lm-evaluation-harness's remote tokenizer asks: `/tokenize`, `/detokenize`,
`/tokenizer_info`. What is written like a special token in a text stays text.
"""

from typing import Annotated

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from pipeline.serve.answer_schemas import (
    Detokenized,
    Tokenized,
    TokenizerInfo,
    documented,
)
from pipeline.serve.api_errors import RESPONSES, refused
from pipeline.serve.completion_logprobs import token_text
from pipeline.serve.loaded_models import ServedModel
from pipeline.serve.off_loop import off_loop
from pipeline.serve.server_state import state_of
from storage.errors import UserError

router = APIRouter(responses=RESPONSES)


class TokenizeRequest(BaseModel):
    """What is asked for."""

    model_config = ConfigDict(strict=True, extra="ignore")

    model: str | None = None
    prompt: str
    add_special_tokens: bool = True  # the document token in front, as a page begins
    return_token_strs: bool | None = None


class DetokenizeRequest(BaseModel):
    """What is asked for."""

    model_config = ConfigDict(strict=True, extra="ignore")

    model: str | None = None
    tokens: list[Annotated[int, Field(ge=0, le=2**31 - 1)]]


@router.post("/tokenize", responses=documented(Tokenized, "Token ids"))
async def tokenize(asked: TokenizeRequest, request: Request) -> Response:
    """A text's token ids."""
    served = await state_of(request).models.get(asked.model)
    body = await off_loop(request, lambda: orjson.dumps(_tokenized(asked, served)))
    return Response(body, media_type="application/json")


def _tokenized(asked: TokenizeRequest, served: ServedModel) -> Tokenized:
    tokenizer = served.tokenizer
    special = tokenizer.special_tokens
    if not asked.add_special_tokens and asked.prompt in special:
        # lm-evaluation-harness asks for the id of the eos_token like this; inside a longer text
        # the same characters stay characters.
        return {"count": 1, "max_model_len": served.loop.context, "tokens": [special[asked.prompt]]}
    try:
        tokens = tokenizer.encode(asked.prompt)
    except UserError as error:
        raise refused(f"prompt: {error}", "prompt") from None
    if asked.add_special_tokens:
        tokens.insert(0, tokenizer.document_token)
    written = (
        [token_text(tokenizer, token) for token in tokens] if asked.return_token_strs else None
    )
    return {
        "count": len(tokens),
        "max_model_len": served.loop.context,
        "tokens": tokens,
        "token_strs": written,
    }


@router.post("/detokenize", responses=documented(Detokenized, "Text"))
async def detokenize(asked: DetokenizeRequest, request: Request) -> Response:
    """Token ids as text."""
    served = await state_of(request).models.get(asked.model)
    decode = served.tokenizer.decode
    body = await off_loop(request, lambda: orjson.dumps({"prompt": decode(asked.tokens)}))
    return Response(body, media_type="application/json")


@router.get("/tokenizer_info", response_model=None, responses=documented(TokenizerInfo, "It"))
async def tokenizer_info(request: Request, model: str | None = None) -> TokenizerInfo:
    """What a client must know of the tokenizer to write prompts for it."""
    served = await state_of(request).models.get(model)
    tokenizer = served.tokenizer
    document = token_text(tokenizer, tokenizer.document_token)
    end = token_text(tokenizer, tokenizer.stop_tokens[0])
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "vocab_size": tokenizer.vocab_size,
        "model_max_length": served.loop.context,
        "bos_token": document,
        "eos_token": end,
        "pad_token": document,
        "chat_template": tokenizer.chat_template,
    }
