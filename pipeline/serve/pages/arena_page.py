"""The arena's page: a prompt, two answers without names, a vote, and only then who answered.

Everything is a form. A battle is written down before it is shown and a vote before the names are;
whoever comes again has the battle that they left. What the page knows of a battle before the vote
is `Battle.shown`.
"""

import asyncio
import functools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pipeline.chat.conversation import Conversation, user
from pipeline.evals.battles import BattleConfig, held_out_prompts, next_prompt
from pipeline.evals.contender_names import shown_names
from pipeline.evals.vote_store import CastVote, opened_votes
from pipeline.serve.event_stream import unless_gone
from pipeline.serve.pages.offered_tokenizers import tokenizers_of
from pipeline.serve.pages.page_forms import form_of
from pipeline.serve.pages.page_frame import WebPage, render
from pipeline.serve.pages.rater_cookie import forgotten, rater_of
from pipeline.serve.served_battle import served_battle
from pipeline.serve.server_state import ServerState, client_of, state_of
from storage.errors import UserError

STYLE = "people.css"
PAGE = WebPage(
    "arena",
    "Arena",
    "Which of two models answers better, if you don't know which is which?",
    STYLE,
)
CHOICES = {"first": "Answer 1", "tie": "Equal", "second": "Answer 2"}
SKIP = "skip"
SAID = {
    "passed": "Skipped: it counts for nobody.",
    "alike": "Both answered alike: nothing to vote on. Try another question.",
}
MOST_MODELS = 64  # in an address; ours
MOST_ALIKE = 4  # battles of like answers in a row, after which the rater is told; ours
CONVERSATIONS = "conversations"  # the artifact that holds questions nobody's model was trained on

router = APIRouter(include_in_schema=False)
Models = Annotated[list[str] | None, Query(max_length=MOST_MODELS)]
CONFIG = BattleConfig()


@router.get(PAGE.path)
def show(
    request: Request,
    model: Models = None,
    voted: Annotated[int, Query(ge=0, le=2**62)] = 0,
    said: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """The rater's battle, or a question for the next; `voted` is the battle that they voted on."""
    return _shown(request, model or (), voted=voted, note=SAID.get(said, ""))


@router.post("/arena/ask")
async def ask(request: Request) -> Response:
    """Let two models answer."""
    form, state, rater = await form_of(request), state_of(request), rater_of(request)
    chosen, votes = form.get("model", []), votes_of(request)
    if votes is None or not rater:
        return RedirectResponse(PAGE.path, 303)
    typed = form.get("prompt", [""])[0].replace("\r\n", "\n").strip()
    is_ready = form.get("do") == ["ready"]
    try:
        if len(set(chosen)) < 2:
            raise UserError("choose two models or more")
        for _ in range(MOST_ALIKE if is_ready else 1):
            prompt, source = await asyncio.to_thread(_prompt, state, votes, rater, typed, is_ready)
            fight = served_battle(
                state.models, chosen, prompt, source, votes, rater, client_of(request), CONFIG
            )
            battle = await unless_gone(request, fight, state.config)
            if not battle.alike:
                return RedirectResponse(_address(chosen), 303)
    except UserError as error:
        return await asyncio.to_thread(
            functools.partial(_shown, request, chosen, problem=str(error), typed=typed)
        )
    return RedirectResponse(_address(chosen, said="alike"), 303)


@router.post("/arena/vote")
async def vote(request: Request) -> Response:
    """Note a vote, or that there is none."""
    form, rater, votes = await form_of(request), rater_of(request), votes_of(request)
    if votes is None or not rater:
        return RedirectResponse(PAGE.path, 303)
    return await asyncio.to_thread(_voted, request, votes, rater, form)


@router.post("/arena/leave")
async def leave(request: Request) -> Response:
    """Forget who this is; their battle waits for them."""
    return forgotten(PAGE.path)


def votes_of(request: Request) -> Path | None:
    """The store of votes, which may not be there yet; None: nobody has said where it is."""
    work = state_of(request).work
    return work.votes if work is not None else None


def _voted(request: Request, votes: Path, rater: str, form: dict[str, list[str]]) -> Response:
    chosen, choice = form.get("model", []), form.get("choice", [""])[0]
    number = form.get("battle", [""])[0]
    battle = int(number) if number.isdecimal() and len(number) < 19 else 0
    try:
        with opened_votes(votes) as store:
            if choice == SKIP:
                store.pass_on(battle, rater, time.time())
                return RedirectResponse(_address(chosen, said="passed"), 303)
            store.vote(battle, rater, choice, time.time())
    except UserError as error:
        return _shown(request, chosen, problem=str(error))
    return RedirectResponse(_address(chosen, voted=battle), 303)


def _prompt(
    state: ServerState, votes: Path, rater: str, typed: str, is_ready: bool
) -> tuple[Conversation, str]:
    """The next prompt and where it is from."""
    if not is_ready:
        if not typed:
            raise UserError("the question is empty: type one")
        return Conversation((user(typed),)), "typed"
    ready = _ready(state)
    if not ready:
        raise UserError("the lake has no questions that no model was trained on: type one")
    with opened_votes(votes, create=True) as store:
        return next_prompt(ready, store.prompt_counts(rater)), "held out"


def _ready(state: ServerState) -> Sequence[Conversation]:
    """Questions of the lake that no model was trained on."""
    digest = state.lake.heads().get(CONVERSATIONS) if state.lake is not None else None
    if state.lake is None or digest is None:
        return ()
    return _held_out(state.lake.folder(CONVERSATIONS, digest) / "conversations.parquet")


@functools.lru_cache(maxsize=2)
def _held_out(path: Path) -> Sequence[Conversation]:
    """Of an artifact, which never changes."""
    return tuple(held_out_prompts(path))


def _shown(
    request: Request,
    chosen: Sequence[str],
    voted: int = 0,
    note: str = "",
    problem: str = "",
    typed: str = "",
) -> Response:
    """The page.

    Args:
        request: that it answers.
        chosen: models that may meet; none: those that are best at first.
        voted: a battle that the rater voted on.
        note: what became of the last one.
        problem: what couldn't be done.
        typed: the question that it came with.
    """
    state, votes, rater = state_of(request), votes_of(request), rater_of(request)
    battle, cast, counts = None, None, (0, 0)
    if votes is not None and rater and votes.is_file():
        with opened_votes(votes) as store:
            battle = store.in_hand(rater)
            cast = store.cast(voted, rater) if voted else None
            counts = (store.vote_count(rater), store.vote_count())
    offered = list(reversed(state.models.sources))  # in the order of training
    return render(
        request,
        PAGE,
        400 if problem else 200,
        is_there=votes is not None,
        rater=rater,
        # Not the battle: it knows who answered.
        number=battle.id if battle else None,
        prompt=battle.prompt.messages if battle else (),
        answers=battle.shown if battle else (),
        cast=_told(cast) if cast else None,
        counts=counts,
        offered=offered,
        chosen=[name for name in offered if name in (chosen or _first(request, offered))],
        has_ready=bool(_ready(state)) if rater and not battle else False,
        choices=CHOICES,
        note=note,
        problem=problem,
        typed=typed,
    )


def _told(cast: CastVote) -> dict[str, object]:
    """Who answered what, once the vote is saved."""
    models = cast.battle.shown_models
    names = shown_names(set(models))
    winner = cast.battle.winner
    return {
        "prompt": cast.battle.prompt.messages,
        "sides": [(names[model], text) for model, text in zip(models, cast.battle.shown)],
        "choice": next(words for choice, words in CHOICES.items() if winner(choice) == cast.winner),
    }


def _first(request: Request, offered: Sequence[str]) -> Sequence[str]:
    """Those that converse, where there are two: against them a base model says little."""
    talking = [name for name in offered if _converses(request, name)]
    return talking if len(talking) > 1 else offered


def _converses(request: Request, name: str) -> bool:
    try:
        return tokenizers_of(request).load(request, name).tokenizer.has_conversation_tokens
    except UserError:
        return False


def _address(chosen: Sequence[str], **more: object) -> str:
    fields = [*(("model", name) for name in chosen[:MOST_MODELS]), *more.items()]
    return f"{PAGE.path}?{urlencode(fields)}" if fields else PAGE.path
