"""The base playground: a document token by token, the choice at each, and how the model came to it.

Any model on offer goes on with the document. Without scripts all of it is there: choosing a token,
or going on with one, is a link.
"""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from pipeline.serve.api_errors import refused
from pipeline.serve.event_stream import unless_gone
from pipeline.serve.loaded_models import ServedModel
from pipeline.serve.off_loop import off_loop
from pipeline.serve.pages.addresses import address
from pipeline.serve.pages.forward_view import Dials, forward_view
from pipeline.serve.pages.page_frame import WebPage, render
from pipeline.serve.request_fields import LEAST_TEMPERATURE, LEAST_TOP_P
from pipeline.serve.server_state import client_of, state_of
from pipeline.tokenizer.show import pieces_of
from storage.errors import UserError

PAGE = WebPage("playground", "Playground", "What does the model think comes next, and why?")
MOST_CHARACTERS = 5_000  # percent-encoded they fit into an address; ours
MOST_TOKENS = 1_024  # of a document: the pass runs between the steps of others. Ours
EXAMPLE = "Once upon a time there was"
BASE = "base"  # the model at first, where it is on offer

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Field(max_length=MOST_CHARACTERS)]
Joined = Annotated[str, Field(max_length=8 * MOST_TOKENS, pattern=r"^(\d{1,7}(\.\d{1,7})*)?$")]
Place = Annotated[int, Field(ge=1, le=MOST_TOKENS)]
Temperature = Annotated[float, Field(ge=0, le=2)]
TopK = Annotated[int, Field(ge=0, le=1_000_000)]
TopP = Annotated[float, Field(gt=0, le=1)]
MinP = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0, lt=2**53)]  # a whole number in JavaScript


class StateRequest(BaseModel):
    """A token of a document, and the dials of the draw after it.

    Args:
        model: its name; None: the base model, or else the first.
        text: of the document.
        ids: its tokens, which count where their text is `text`, or there is none.
        at: how many tokens the model reads; None: all.
    """

    model_config = ConfigDict(strict=True)

    model: str | None = None
    text: Text | None = None
    ids: Annotated[list[int], Field(max_length=MOST_TOKENS)] = []
    at: Place | None = None
    temperature: Temperature = 1.0
    top_k: TopK = 0
    top_p: TopP = 1.0
    min_p: MinP = 0.0
    seed: Seed = 0


@router.get(PAGE.path)
async def show(
    request: Request,
    model: str | None = None,
    text: Annotated[Text | None, Query()] = None,
    ids: Annotated[Joined, Query()] = "",
    at: Annotated[Place | None, Query()] = None,
    temperature: Annotated[Temperature, Query()] = 1.0,
    top_k: Annotated[TopK, Query()] = 0,
    top_p: Annotated[TopP, Query()] = 1.0,
    min_p: Annotated[MinP, Query()] = 0.0,
    seed: Annotated[Seed, Query()] = 0,
) -> Response:
    """The page; `ids` are joined by points."""
    given = [int(id) for id in ids.split(".")] if ids else []
    if len(given) > MOST_TOKENS:
        raise refused(f"ids: at most {MOST_TOKENS:,} of them", "ids")
    # A text that came in a form has another way to end its lines.
    clean = text.replace("\r\n", "\n") if text is not None else None if given else EXAMPLE
    asked = StateRequest(
        model=model,
        text=clean,
        ids=given,
        at=at,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        seed=seed,
    )
    view = await _view(request, asked)
    dials = {name: getattr(asked, name) for name in Dials.__annotations__}

    def link(ids: list[int], at: int | None = None, seed: int = seed) -> str:
        joined = ".".join(map(str, ids))
        return address(PAGE.path, model=view["model"], ids=joined, at=at, **{**dials, "seed": seed})

    return render(
        request,
        PAGE,
        view=view,
        dials=dials,
        link=link,
        models=list(reversed(state_of(request).models.sources)),
        most_characters=MOST_CHARACTERS,
    )


@router.post("/playground/state")
async def state(asked: StateRequest, request: Request) -> Response:
    """The state of a token: what comes next, what each layer would say, where each head looks."""
    return Response(orjson.dumps(await _view(request, asked)), media_type="application/json")


async def _view(request: Request, asked: StateRequest) -> dict[str, Any]:
    server = state_of(request)
    first = BASE if BASE in server.models.sources else None
    served = await server.models.get(asked.model or first)
    ids = await off_loop(request, lambda: _ids(asked, served))
    at = min(asked.at or len(ids), len(ids))
    work = served.loop.forward_state(ids[:at], client_of(request))
    found = await unless_gone(request, work, server.config)
    dials = Dials(
        asked.temperature if asked.temperature >= LEAST_TEMPERATURE else 0.0,
        asked.top_k,
        max(asked.top_p, LEAST_TOP_P),
        asked.min_p,
        asked.seed,
    )
    after = ids[at] if at < len(ids) else None
    shown = await off_loop(
        request,
        lambda: forward_view(found, ids[:at], after, served.tokenizer, dials),
        is_long=True,
    )
    return {
        "model": served.id,
        "context": min(served.loop.context, MOST_TOKENS),
        "ids": ids,
        "at": at,
        "tokens": pieces_of(served.tokenizer, ids),
        "text": _text(ids, served),
        **shown,
    }


def _ids(asked: StateRequest, served: ServedModel) -> list[int]:
    """The document's tokens, its beginning first."""
    tokenizer = served.tokenizer
    try:
        if asked.ids:
            served.loop.check_prompt(asked.ids)
            if max(asked.ids) >= len(tokenizer.token_bytes):
                raise refused("ids: one of them is no token of the model", "ids")
            if asked.text in (None, _text(asked.ids, served)):
                return asked.ids
        ids = [tokenizer.document_token, *tokenizer.encode(asked.text or "")]
        served.loop.check_prompt(ids)
    except UserError as error:
        raise refused(str(error), "text") from None
    if len(ids) > MOST_TOKENS:
        raise refused(f"text: {len(ids):,} tokens, at most {MOST_TOKENS:,} are shown", "text")
    return ids


def _text(ids: list[int], served: ServedModel) -> str:
    """Without the token that begins a document."""
    tokenizer = served.tokenizer
    return tokenizer.decode(ids[1:] if ids[0] == tokenizer.document_token else ids)
