"""The tokenizer's page: text as coloured tokens, how each was merged, what a conversation teaches.

Everything is there without JavaScript, by a GET form; with it, tokens follow the typing.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from pipeline.serve.api_errors import refused
from pipeline.serve.pages.offered_tokenizers import LAKES, tokenizers_of
from pipeline.serve.pages.page_frame import WebPage, render
from pipeline.serve.pages.taught_conversation import (
    TaughtConversation,
    sources_of,
    taught_conversation,
)
from pipeline.serve.server_state import state_of
from pipeline.tokenizer.show import pieces, pieces_of
from storage.errors import UserError

PAGE = WebPage(
    "tokenizer", "Tokenizer", "What does a model read and write, if it isn't letters or words?"
)
MOST_CHARACTERS = 5_000  # percent-encoded they fit into an address; ours
MOST_SHOWN = 1_500  # tokens of a text that are shown; all are counted. Ours
MOST_TOKENIZERS = 8  # side by side; ours
EXAMPLE = (
    "Tokens aren't words: unbelievable, 127 + 677 = 804, strawberry.\n"
    "    indented = True\nDie Straße, 你好, 👋🏽"
)

router = APIRouter(include_in_schema=False)
Names = Annotated[list[str], Field(max_length=MOST_TOKENIZERS)]
Text = Annotated[str, Field(max_length=MOST_CHARACTERS)]


class TokensRequest(BaseModel):
    """A text, and the tokenizers that split it."""

    model_config = ConfigDict(strict=True)

    text: Text
    names: Names


class MergesRequest(BaseModel):
    """A token of a tokenizer."""

    model_config = ConfigDict(strict=True)

    name: str
    token: int


@router.get(PAGE.path)
def show(
    request: Request,
    text: Annotated[Text, Query()] = EXAMPLE,
    chosen: Annotated[Names | None, Query(alias="with")] = None,
    token: Annotated[str, Query()] = "",
    source: Annotated[str, Query()] = "",
    talk: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
) -> Response:
    """The page; `token` is TOKENIZER:ID, `talk` a conversation's number."""
    offered = tokenizers_of(request).names(request)
    # In the order of the boxes, as the script has them; what isn't on offer is refused.
    names = offered[:1] if chosen is None else sorted(set(chosen), key=[*offered, *chosen].index)
    name, _, id_ = token.rpartition(":")
    # A text that came in a form has another way to end its lines.
    clean = text.replace("\r\n", "\n")
    return render(
        request,
        PAGE,
        text=clean,
        most_characters=MOST_CHARACTERS,
        offered=offered,
        chosen=names,
        split=_beside(request, names, clean),
        made=_made(request, name, int(id_)) if id_.isdecimal() and len(id_) < 10 else None,
        talk=_talk(request, talk, source),
        sources=sources_of(lake) if (lake := state_of(request).lake) is not None else [],
        source=source,
    )


@router.post("/tokenizer/tokens")
def tokens(asked: TokensRequest, request: Request) -> list[dict[str, Any]]:
    """The text as each of the tokenizers splits it."""
    return _beside(request, asked.names, asked.text)


@router.post("/tokenizer/merges")
def merges(asked: MergesRequest, request: Request) -> dict[str, Any]:
    """How a token came about."""
    return _made(request, asked.name, asked.token)


def _beside(request: Request, names: Sequence[str], text: str) -> list[dict[str, Any]]:
    """The text as each tokenizer splits it, and whose tokens are those of one before it."""
    found: list[dict[str, Any]] = []
    for name in names:
        split = _split(request, name, text)
        alike = (one["title"] for one in found if one["tokens"] == split["tokens"])
        found.append({**split, "same_as": next(alike, "")})
    return found


def _split(request: Request, name: str, text: str) -> dict[str, Any]:
    tokenizer = tokenizers_of(request).load(request, name).tokenizer
    try:
        rows = pieces(tokenizer, text)
    except UserError as error:
        raise refused(f"text: {error}", "text") from None
    size = len(text.encode())
    ratio = f", {size / len(rows):.2f} bytes a token" if rows else ""
    return {
        "name": name,
        "title": _title(name),
        "facts": f"{len(rows):,} tokens for {len(text):,} characters, {size:,} bytes{ratio}",
        "vocabulary": f"vocabulary of {tokenizer.vocab_size:,}",
        "tokens": rows[:MOST_SHOWN],
        "hidden": max(0, len(rows) - MOST_SHOWN),
    }


def _made(request: Request, name: str, token: int) -> dict[str, Any]:
    loaded = tokenizers_of(request).load(request, name)
    try:
        steps = loaded.merges.steps(token)
    except UserError as error:
        raise refused(str(error), "token") from None
    (shown,) = pieces_of(loaded.tokenizer, [token])
    is_control = token in loaded.tokenizer.special_tokens.values()
    return {
        "name": name,
        "title": _title(name),
        **shown,
        "kind": "control" if is_control else "merged" if steps else "byte",
        "steps": [
            {"rank": step.rank, "at": step.at, "pieces": list(map(_readable, step.pieces))}
            for step in steps
        ],
    }


def _title(name: str) -> str:
    """What the page calls a tokenizer."""
    return "the lake's tokenizer" if name == LAKES else f"the tokenizer of {name}"


def _readable(piece: bytes) -> str:
    """Bytes that are no whole characters in hexadecimal digits."""
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return f"<{piece.hex()}>"


def _talk(request: Request, number: int, source: str) -> TaughtConversation | None:
    """Of the lake, by the first tokenizer on offer that has the tokens of turns."""
    lake = state_of(request).lake
    if lake is None:
        return None
    for name in tokenizers_of(request).names(request):
        loaded = tokenizers_of(request).load(request, name)
        if loaded.tokenizer.has_conversation_tokens:
            return taught_conversation(lake, loaded.tokenizer, number, source)
    return None
