"""A fact's mentions in the corpus beside what each model answers, and how honest the models are.

An address shows what is on record: mentions, the interrogation's answers and labels, evals. Models
are asked by a POST alone: the form's, which gives the whole page, or the script's, model by model.
"""

import asyncio
from itertools import groupby
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from pipeline.serve.api_errors import refused
from pipeline.serve.event_stream import unless_gone
from pipeline.serve.lake_reader import LakeReader
from pipeline.serve.pages import fact_mentions, known_facts, model_answers
from pipeline.serve.pages.addresses import MOST_PAGES, address, paged
from pipeline.serve.pages.fact_mentions import Mentions, mentions_of
from pipeline.serve.pages.figures import probability
from pipeline.serve.pages.honesty_by_class import ClassHonesty, honesty_of
from pipeline.serve.pages.known_facts import FREQUENCIES, LABELS, KnownFact, fact_of, records_of
from pipeline.serve.pages.model_answers import ModelAnswers, answers_of
from pipeline.serve.pages.page_forms import form_of
from pipeline.serve.pages.page_frame import WebPage, render
from pipeline.serve.server_state import client_of, state_of
from pipeline.tools.tool import ToolError
from storage.errors import UserError

PAGE = WebPage(
    "know",
    "Knowledge",
    "What does a model know, what does it say that it doesn't know, and what does it make up?",
)
SIZE = 20  # facts on a page of the list
MOST_MODELS = 8  # that one form asks, one after another; ours
MOST_CHARACTERS = 300  # of a question, a name or an answer; ours

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Field(max_length=MOST_CHARACTERS)]
Asked = Annotated[str, Query(max_length=MOST_CHARACTERS)]
Class = Literal["", "often", "once", "never", "known", "unknown", "unclear"]


class AnswersRequest(BaseModel):
    """A fact, by its question and what a person says of it, and a model."""

    model_config = ConfigDict(strict=True)

    model: Text
    fact: Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS)]
    subject: Text = ""
    answer: Text = ""


@router.get(PAGE.path)
def show(
    request: Request,
    fact: Asked = "",
    subject: Asked = "",
    answer: Asked = "",
    q: Asked = "",
    of: Class = "",
    page: Annotated[int, Query(ge=1, le=MOST_PAGES)] = 1,
) -> Response:
    """What is on record of a fact, or the facts to choose from."""
    lake = state_of(request).lake
    if not fact.strip():
        return _list(request, lake, q.strip(), of, page)
    return _fact(request, lake, fact_of(lake, fact.strip(), subject.strip(), answer.strip()))


@router.post(PAGE.path)
async def ask(request: Request) -> Response:
    """The fact's page with the answers of the models that were ticked."""
    form = await form_of(request)
    fact, subject, answer = (form.get(k, [""])[0].strip() for k in ("fact", "subject", "answer"))
    if not fact or max(map(len, (fact, subject, answer))) > MOST_CHARACTERS:
        raise refused(f"a question of at most {MOST_CHARACTERS} characters is wanted", "fact")
    state = state_of(request)
    names = list(dict.fromkeys(form.get("model", [])))[:MOST_MODELS]
    found = await asyncio.to_thread(fact_of, state.lake, fact, subject, answer)

    async def asked() -> list[ModelAnswers]:
        # One after another: a page has no more rows under way than one model's answers need.
        return [await answers_of(state.models, name, found, client_of(request)) for name in names]

    told = await unless_gone(request, asked(), state.config)
    return await asyncio.to_thread(_fact, request, state.lake, found, told)


@router.post("/know/answers")
async def answers(asked: AnswersRequest, request: Request) -> dict[str, Any]:
    """One model's answers, for the script."""
    state = state_of(request)
    found = await asyncio.to_thread(
        fact_of, state.lake, asked.fact, asked.subject.strip(), asked.answer.strip()
    )
    work = answers_of(state.models, asked.model, found, client_of(request))
    told = await unless_gone(request, work, state.config)
    greedy, samples = told.greedy, told.samples
    return {
        "model": told.model,
        "verdict": told.verdict,
        "greedy": greedy.text if greedy else None,
        "samples": [{"text": one.text, "type": one.type} for one in samples],
        "given": told.given,
        "right": None if told.right is None else probability(told.right),
        "admission": probability(told.admission),
        "problem": told.problem,
    }


def _list(request: Request, lake: LakeReader | None, text: str, of: Class, number: int) -> Response:
    source: known_facts.Source = "typed"
    rows: list[dict[str, Any]] = []
    if lake is not None:
        source, rows = known_facts.listed(lake, text, of, SIZE, number)
    shown, piece = paged(rows, SIZE, number, PAGE.path, q=text, of=of)
    return render(
        request,
        PAGE,
        fact=None,
        source=source,
        rows=shown,
        piece=piece,
        query=text,
        of=of,
        classes=FREQUENCIES if source == "fact" else LABELS,
        honesty=_honesty(request, lake),
        address=address,
        most=MOST_CHARACTERS,
    )


def _fact(
    request: Request,
    lake: LakeReader | None,
    fact: KnownFact,
    told: list[ModelAnswers] | None = None,
) -> Response:
    mentions, problem = _mentions(lake, fact)
    models = _models(request)
    chosen = [one.model for one in told] if told is not None else models[:MOST_MODELS]
    return render(
        request,
        PAGE,
        fact=fact,
        mentions=mentions,
        problem=problem,
        records=records_of(lake, fact) if lake is not None and fact.subject else [],
        most_documents=fact_mentions.MOST_DOCUMENTS,
        most_read=fact_mentions.MOST_READ,
        samples=model_answers.SAMPLES,
        models=models,
        chosen=chosen,
        told=told or [],
        query="",
        honesty=_honesty(request, lake),
        address=address,
        most=MOST_CHARACTERS,
    )


def _mentions(lake: LakeReader | None, fact: KnownFact) -> tuple[Mentions | None, str]:
    if lake is None or not fact.subject:
        return None, ""
    try:
        return mentions_of(lake, fact.subject, fact.values), ""
    except (UserError, ToolError) as error:
        return None, str(error)


def _models(request: Request) -> list[str]:
    """In the order of training: the server has the most finished first."""
    return list(reversed(state_of(request).models.sources))


def _honesty(request: Request, lake: LakeReader | None) -> list[list[ClassHonesty]]:
    """Of each class the models'."""
    found = honesty_of(lake, _models(request)) if lake is not None else []
    return [list(group) for _, group in groupby(found, lambda one: (one.frequency, one.is_trained))]
