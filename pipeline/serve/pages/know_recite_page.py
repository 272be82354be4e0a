"""What a model recites: it goes on from a text's first tokens, beside how the text itself goes on.

The text is a document of the corpus or one that is typed in. What the model wrote is looked up in
the corpus: the pages that it came from. An address shows the document; a model is asked by a POST.
"""

import asyncio
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from pipeline.model.rows import Sampling
from pipeline.serve.api_errors import ApiError, refused
from pipeline.serve.event_stream import unless_gone
from pipeline.serve.generation import Generation
from pipeline.serve.lake_reader import LakeReader
from pipeline.serve.loaded_models import ServedModel
from pipeline.serve.pages.addresses import address
from pipeline.serve.pages.page_forms import form_of
from pipeline.serve.pages.page_frame import WebPage, render
from pipeline.serve.pages.passage_sources import PassageSource, sources_of
from pipeline.serve.pages.recited_run import Part, Recitation, compared
from pipeline.serve.server_state import client_of, state_of
from pipeline.tokenizer import Tokenizer
from pipeline.tools.tool import ToolError
from storage.errors import UserError

PAGE = WebPage("know/recite", "Recited passages", "Which pages does a model know by heart?")
MOST_CHARACTERS = 8_000  # of a text that are read; ours
GIVEN, MOST_GIVEN = 32, 512  # tokens that a model gets; ours
MOST_WRITTEN = 128  # tokens that it goes on for; ours
SECONDS = 20.0  # that it may take, waiting in its queue as well; ours
EXAMPLES = 6  # documents and passages to choose from; ours

router = APIRouter(include_in_schema=False)


class WantedRecital(NamedTuple):
    """What is recited, by whom."""

    id: str  # of a document; "": the text
    text: str
    tokens: int  # that the model gets
    model: str


class Recited(NamedTuple):
    """What a model went on with."""

    given: str
    said: str
    found: Recitation | None  # None: the text ends where the model begins
    said_parts: list[tuple[str, bool]]  # in pieces; those that both have
    expected_parts: list[tuple[str, bool]]
    longest: str


@router.get(PAGE.path)
def show(
    request: Request,
    id: Annotated[str, Query(max_length=64)] = "",
    text: Annotated[str, Query(max_length=MOST_CHARACTERS)] = "",
    tokens: Annotated[int, Query(ge=1, le=MOST_GIVEN)] = GIVEN,
    model: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """The text, and whom to ask."""
    return _page(request, WantedRecital(id.strip(), text, tokens, model))


@router.post(PAGE.path)
async def recite(request: Request) -> Response:
    """What the model goes on with, and the pages that hold it."""
    form = await form_of(request)
    id, text, given, model = (form.get(name, [""])[0] for name in ("id", "text", "tokens", "model"))
    if not given.isdecimal() or len(given) > 4 or not 1 <= int(given) <= MOST_GIVEN:
        raise refused(f"tokens: a number from 1 to {MOST_GIVEN} is wanted", "tokens")
    if len(text) > MOST_CHARACTERS or len(id) > 64:
        raise refused(f"text: at most {MOST_CHARACTERS:,} characters", "text")
    state = state_of(request)
    wanted = WantedRecital(id.strip(), text.replace("\r\n", "\n"), int(given), model)
    whole = wanted.text
    if wanted.id:
        found = await asyncio.to_thread(_document, state.lake, wanted.id)
        whole = found["text"] if found else ""
    if not whole.strip():
        raise refused("give a text, or the id of a document of the corpus", "text")
    client = client_of(request)

    async def asked() -> Recited:
        async with asyncio.timeout(SECONDS):
            served = await state.models.get(model)
            return await _recited(served, whole[:MOST_CHARACTERS], wanted, client)

    told = await unless_gone(request, asked(), state.config)
    return await asyncio.to_thread(_page, request, wanted, told)


async def _recited(served: ServedModel, text: str, wanted: WantedRecital, client: str) -> Recited:
    tokenizer = served.tokenizer
    try:
        ids = await asyncio.to_thread(tokenizer.encode, text)
    except UserError as error:
        raise refused(f"text: {error}", "text") from None
    given = ids[: min(wanted.tokens, served.loop.context // 2)]
    expected = ids[len(given) :][:MOST_WRITTEN]
    # As much as the text goes on for; of one that ends there, as much as is ever shown.
    room = served.loop.context - 1 - len(given)
    count = min(len(expected) or MOST_WRITTEN, room)
    sampling = Sampling(count, 0.0, stop_tokens=tokenizer.stop_tokens)
    # A page begins with its token; a passage is from the middle of one, as in suite memorization.
    prompt = (tokenizer.document_token, *given) if wanted.id else tuple(given)
    said: list[int] = []
    async for deltas in served.loop.generate(Generation(prompt, sampling, client=client)):
        for delta in deltas:
            said += delta.tokens
    if said and said[-1] in tokenizer.stop_tokens:
        said.pop()
    found = compared(said, expected[:count]) if expected else None
    return Recited(
        tokenizer.decode(given),
        tokenizer.decode(said),
        found,
        _pieces(found.said_parts, tokenizer) if found else [(tokenizer.decode(said), False)],
        _pieces(found.expected_parts, tokenizer) if found else [],
        tokenizer.decode(list(found.longest)) if found else "",
    )


def _pieces(parts: list[Part], tokenizer: Tokenizer) -> list[tuple[str, bool]]:
    return [(tokenizer.decode(list(part.tokens)), part.is_shared) for part in parts]


def _page(request: Request, wanted: WantedRecital, told: Recited | None = None) -> Response:
    state = state_of(request)
    lake, models = state.lake, list(reversed(state.models.sources))
    document = _document(lake, wanted.id) if wanted.id else None
    if wanted.id and document is None:
        raise ApiError(404, "the corpus has no document of that id")
    sources, problem = _sources(lake, told.said) if told else ([], "")
    return render(
        request,
        PAGE,
        wanted=wanted._replace(model=wanted.model or models[0]),
        document=document,
        told=told,
        sources=sources,
        problem=problem,
        models=models,
        examples=_examples(lake) if document is None else [],
        passages=_passages(lake) if document is None else [],
        figures=_figures(lake),
        has_lake=lake is not None,
        most=MOST_CHARACTERS,
        most_given=MOST_GIVEN,
        address=address,
    )


def _document(lake: LakeReader | None, id: str) -> dict[str, Any] | None:
    if lake is None:
        return None
    rows = lake.rows(
        "SELECT id, url, text[:?] AS text, split FROM corpus WHERE id = ? LIMIT 1",
        [MOST_CHARACTERS, id],
    ).to_pylist()
    return rows[0] if rows else None


def _sources(lake: LakeReader | None, text: str) -> tuple[list[PassageSource], str]:
    if lake is None:
        return [], ""
    try:
        return sources_of(lake, text), ""
    except (UserError, ToolError) as error:
        return [], str(error)


def _examples(lake: LakeReader | None) -> list[dict[str, Any]]:
    if lake is None:
        return []
    rows: list[dict[str, Any]] = lake.rows(
        f"SELECT id, url FROM corpus WHERE split = 'train' LIMIT {EXAMPLES}"
    ).to_pylist()
    return rows


def _passages(lake: LakeReader | None) -> list[dict[str, Any]]:
    """Passages that the evals let models go on with, those that were recited first."""
    if lake is None:
        return []
    rows: list[dict[str, Any]] = lake.rows(
        "SELECT model, prompt, expected, correct FROM samples WHERE suite = 'memorization'"
        f" ORDER BY correct DESC, prompt LIMIT {EXAMPLES}"
    ).to_pylist()
    return rows


def _figures(lake: LakeReader | None) -> list[dict[str, Any]]:
    """How much is recited by how often it was seen, as the evals found it."""
    if lake is None:
        return []
    rows: list[dict[str, Any]] = lake.rows(
        "SELECT model, task, value, low, high, n FROM evals WHERE suite = 'memorization'"
        " AND metric = 'recited' AND value IS NOT NULL"
        " ORDER BY model, task <> 'not_seen',"
        " try_cast(regexp_extract(task, '[0-9]+') AS INTEGER) LIMIT 100"
    ).to_pylist()
    return rows
