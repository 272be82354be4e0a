"""The labelers' page: write, correct and compare, one task after another, on the labelers' store.

Everything is a form: a task is given when the page is shown, an answer is on disk before the next
page is. Scripts add keys and keep what was begun; nothing else depends on them.
"""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pipeline.labels import guideline, task_queue
from pipeline.labels.finished_work import answered, store_counts
from pipeline.labels.task_store import TaskStore, opened
from pipeline.serve.pages.addresses import address
from pipeline.serve.pages.guideline_text import blocks_of
from pipeline.serve.pages.page_forms import form_of
from pipeline.serve.pages.page_frame import WebPage, render
from pipeline.serve.pages.rater_cookie import forgotten, rater_of
from pipeline.serve.server_state import state_of
from storage.errors import UserError

STYLE = "people.css"
PAGE = WebPage(
    "labeling", "Labeling", "What would a good answer have been, and which is better?", STYLE
)
MOST_BYTES = 1 << 20  # of an answer, percent-encoded; ours
CHOICES = {"first": "Answer 1", "tie": "Equal", "second": "Answer 2"}
SAID = {
    "saved": "Saved.",
    "aside": "Saved aside: others had answered this one while your time for it was over.",
    "skipped": "Skipped: somebody else may have it.",
    "start": "There is nothing before this one.",
}

router = APIRouter(include_in_schema=False)


@router.get(PAGE.path)
def show(request: Request, said: Annotated[str, Query(max_length=20)] = "") -> Response:
    """The rater's task, or a question for their name; `said` is what became of the last one."""
    return _shown(request, note=SAID.get(said, ""))


@router.post("/labeling/answer")
async def answer(request: Request) -> Response:
    """Do what a rater chose: answer, skip, go back."""
    form = {name: values[0] for name, values in (await form_of(request, MOST_BYTES)).items()}
    return await asyncio.to_thread(_acted, request, form)


@router.post("/labeling/leave")
def leave(request: Request) -> Response:
    """Give the task back, and forget who this is."""
    path, rater = tasks_of(request), rater_of(request)
    if path is not None and rater:
        with opened(path) as store:
            task_queue.release(store, rater)
    return forgotten(PAGE.path)


def tasks_of(request: Request) -> Path | None:
    """The labelers' store; None: there is none."""
    work = state_of(request).work
    return work.tasks if work is not None and work.tasks.is_file() else None


def _acted(request: Request, form: Mapping[str, str]) -> Response:
    path, rater = tasks_of(request), rater_of(request)
    if path is None or not rater:
        return RedirectResponse(PAGE.path, 303)
    try:
        with opened(path) as store:
            said = _act(store, rater, form)
    except UserError as error:
        return _shown(request, problem=str(error), form=form)
    return RedirectResponse(address(PAGE.path, said=said), 303)


def _act(store: TaskStore, rater: str, form: Mapping[str, str]) -> str:
    """What is to be said of it."""
    chosen, task, now = form.get("do", ""), form.get("task", ""), time.time()
    if chosen == "back":
        return "" if task_queue.back(store, rater, now) else "start"
    given = task_queue.held(store, rater, task)
    if chosen == "skip":  # of another tab's task it would withdraw the answer
        task_queue.skip(store, rater, task, now)
        return "skipped"
    if chosen in CHOICES and given.task.kind == "compare":
        text = given.winner(chosen)
    elif chosen == "good" and given.task.kind == "correct":
        text = given.task.answers[0]
    elif chosen == "keep" and given.earlier is not None:
        text = given.earlier
    elif chosen == "save" and given.task.kind != "compare":
        text = form.get("text", "").replace("\r\n", "\n")  # as forms end lines
    else:
        raise UserError(f"{chosen[:20]!r} is no answer to a task of this kind")
    return "saved" if task_queue.finish(store, rater, task, text, now) else "aside"


def _shown(
    request: Request, note: str = "", problem: str = "", form: Mapping[str, str] | None = None
) -> Response:
    """The page.

    Args:
        request: that it answers.
        note: what became of the last answer.
        problem: why it could not be taken.
        form: that it came in, so that nothing of it is lost.
    """
    path, rater = tasks_of(request), rater_of(request)
    found: dict[str, Any] = {"given": None, "counts": None, "names": [], "mine": 0}
    if path is not None:
        with opened(path) as store:
            found["names"] = store.raters()
            if rater in found["names"]:
                found["given"] = task_queue.take(store, rater, time.time())
                found["mine"] = answered(store, rater)
            found["counts"] = store_counts(store)
    given, sent = found["given"], dict(form or {})
    typed = sent.get("text", "").replace("\r\n", "\n")
    is_same = given is not None and sent.get("task") == given.task.id
    return render(
        request,
        PAGE,
        400 if problem else 200,
        **found,
        is_there=path is not None,
        rater=rater if rater in found["names"] else "",
        unknown=rater if rater not in found["names"] else "",
        note=note,
        problem=problem,
        text=typed if is_same and typed else _begun(given),
        lost="" if is_same else typed,
        earlier=_earlier(given),
        choices=CHOICES,
        guideline=blocks_of(guideline()),
    )


def _begun(given: task_queue.Assignment | None) -> str:
    """What stands in the field at first."""
    if given is None or given.task.kind == "compare":
        return ""
    return given.earlier or "".join(given.task.answers)


def _earlier(given: task_queue.Assignment | None) -> str:
    """The rater's own answer to a task that they came back to, in words."""
    if given is None or given.earlier is None:
        return ""
    if given.task.kind != "compare":
        return given.earlier
    return next(text for choice, text in CHOICES.items() if given.winner(choice) == given.earlier)
