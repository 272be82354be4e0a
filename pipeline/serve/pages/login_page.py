"""Where a browser gives its key, once: GET shows a form, POST sets the cookie, /logout ends it."""

import re
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pipeline.serve.login_sessions import COOKIE, SESSION_SECONDS
from pipeline.serve.pages.page_forms import form_of
from pipeline.serve.pages.page_frame import WebPage, render
from pipeline.serve.server_state import state_of

PAGE = WebPage("login", "Log in", "This server asks for a key.")
# Of this server: another one's begins with a scheme or with two slashes. Browsers read "\" as "/"
# and pass over control characters: none of these may be in it.
OWN_PATH = re.compile(r"/(?!/)[\x21-\x5b\x5d-\x7e]*")

router = APIRouter(include_in_schema=False)


@router.get(PAGE.path)
async def ask(request: Request, next: Annotated[str, Query()] = "/") -> Response:
    """The form."""
    return render(request, PAGE, next=_own(next), wrong=False)


@router.post(PAGE.path)
async def log_in(request: Request) -> Response:
    """The cookie, or the form again."""
    form = await form_of(request)
    target = _own(form.get("next", ["/"])[0])
    token = state_of(request).log_in(form.get("key", [""])[0].strip())
    if token is None:
        return render(request, PAGE, 401, next=target, wrong=True)
    answer = RedirectResponse(target, 303)
    answer.set_cookie(
        COOKIE,
        token,
        max_age=SESSION_SECONDS,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return answer


@router.post("/logout")
async def log_out(request: Request) -> Response:
    """Forget the session."""
    state_of(request).sessions.end(request.headers)
    answer = RedirectResponse(PAGE.path, 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


def _own(target: str) -> str:
    return target if OWN_PATH.fullmatch(target) else "/"
