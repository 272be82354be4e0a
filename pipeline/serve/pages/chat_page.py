"""The chat's page: models side by side on one prompt, every token with what else might have come.

The script asks the API as any client does. What it can't know is here: which models converse, and
the token ids up to a point in a reply, from which another branch is written.
"""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from pipeline.chat.conversation import prompt
from pipeline.chat.layout import CALL, STOP
from pipeline.serve.api_errors import refused
from pipeline.serve.chat_messages import conversation_of
from pipeline.serve.off_loop import off_loop
from pipeline.serve.pages.model_descriptions import description
from pipeline.serve.pages.offered_tokenizers import tokenizers_of
from pipeline.serve.pages.page_frame import WebPage, render
from pipeline.serve.server_state import state_of
from pipeline.serve.text_bounds import check_count, check_length
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError

PAGE = WebPage("chat", "Chat", "What became of one prompt at each stage of training?")

router = APIRouter(include_in_schema=False)

Bytes = list[Annotated[int, Field(ge=0, le=255)]]


class BranchRequest(BaseModel):
    """A place in a reply.

    Args:
        model: that wrote it.
        messages: OpenAI's, before the reply; or `page`, the text that a base model went on with.
        tokens: of the reply up to the place, each as its bytes.
        tools: whether the server's tools were stated.
    """

    model_config = ConfigDict(strict=True)

    model: str
    messages: list[Any] = []
    page: str | None = None
    tokens: list[Bytes]
    tools: bool = False


@router.get(PAGE.path)
def show(request: Request) -> Response:
    """The page."""
    state = state_of(request)
    # The server has the most finished first; here they stand in the order of training.
    models = [_described(request, name) for name in reversed(state.models.sources)]
    return render(
        request,
        PAGE,
        models=models,
        first=_first(models),
        tools=_names(state.tools.definitions),
        keyed=state.asks_for_key,
        stop=STOP,
    )


@router.post("/chat/branch")
async def branch(asked: BranchRequest, request: Request) -> dict[str, list[int]]:
    """The token ids up to the place, for /v1/completions to go on from."""
    state = state_of(request)
    served = await state.models.get(asked.model)
    if asked.page is None:
        check_count(asked.messages, served, "messages")
    check_length([asked.page or ""], served, "page")
    check_count(asked.tokens, served, "tokens")
    stated = state.tools.definitions if asked.tools else ()
    return await off_loop(request, lambda: {"prompt": _ids(asked, served.tokenizer, stated)})


def _ids(asked: BranchRequest, tokenizer: Tokenizer, tools: tuple[str, ...]) -> list[int]:
    try:
        if asked.page is None:
            ids = prompt(conversation_of(asked.messages, tools), tokenizer)
        else:
            ids = [tokenizer.document_token, *tokenizer.encode(asked.page)]
    except UserError as error:
        raise refused(str(error)) from None
    known = {raw: id for id, raw in enumerate(tokenizer.token_bytes)}
    for number, token in enumerate(asked.tokens):
        if not token or (found := known.get(bytes(token))) is None:
            raise refused(f"tokens.{number}: these bytes are no token of the model", "tokens")
        ids.append(found)
    return ids


def _described(request: Request, name: str) -> dict[str, Any]:
    """What the page has to know of a model; one whose tokenizer can't be read chats, and says so
    when it is asked.
    """
    told = {"name": name, "words": description(name)}
    try:
        tokenizer = tokenizers_of(request).load(request, name).tokenizer
    except UserError:
        return {**told, "chats": True, "calls": False}
    special = tokenizer.special_tokens
    return {**told, "chats": tokenizer.has_conversation_tokens, "calls": CALL in special}


def _first(models: list[dict[str, Any]]) -> list[str]:
    """The models that are asked at first: the base, the first that converses, and the last."""
    pages = [model["name"] for model in models if not model["chats"]]
    chats = [model["name"] for model in models if model["chats"]]
    return list(dict.fromkeys([*pages[-1:], *chats[:1], *chats[-1:]]))


def _names(definitions: tuple[str, ...]) -> list[str]:
    return [orjson.loads(definition)["function"]["name"] for definition in definitions]
