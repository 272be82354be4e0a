"""Who labels or votes in this browser: a name that is given once and kept in a cookie.

It says whose work something is; it gives no rights. Whoever may use the server may take any name,
as at the terminal.
"""

from typing import Annotated
from urllib.parse import quote, unquote

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pipeline.labels.task_store import check_rater_name
from pipeline.serve.api_errors import refused
from pipeline.serve.pages.page_forms import form_of
from storage.errors import UserError

COOKIE = "crawl2chat_rater"
SECONDS = 365 * 24 * 3600  # ours: a rater comes back for as long as a project goes on
SECTIONS = ("/labeling", "/arena")  # where names are given

router = APIRouter(include_in_schema=False)


def rater_of(request: Request) -> str:
    """The name that was given; "": none, or one that can't be."""
    name = unquote(request.cookies.get(COOKIE, ""))
    try:
        check_rater_name(name)
    except UserError:
        return ""
    return name


@router.post("/rater")
async def choose(request: Request, to: Annotated[str, Query()] = SECTIONS[0]) -> Response:
    """Keep the name that a form gives."""
    name = (await form_of(request)).get("rater", [""])[0].strip()
    try:
        check_rater_name(name)
    except UserError as error:
        raise refused(str(error), "rater") from None
    answer = RedirectResponse(_section(to), 303)
    answer.set_cookie(
        COOKIE,
        quote(name, safe=""),
        max_age=SECONDS,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return answer


def forgotten(to: str) -> Response:
    """The way to a page, without the name."""
    answer = RedirectResponse(_section(to), 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


def _section(to: str) -> str:
    return to if to in SECTIONS else SECTIONS[0]
