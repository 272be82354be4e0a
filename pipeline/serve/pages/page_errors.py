"""What goes wrong, as a page, where a browser asked for one; programs get JSON as ever."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from pipeline.serve.api_errors import as_api_error
from pipeline.serve.pages.page_frame import WebPage, render

PAGE = WebPage("error", "Not found", "That went wrong.")


def wants_page(request: Request) -> bool:
    """Whether a browser asked, by its address bar, a link or a form."""
    return "text/html" in request.headers.get("accept", "")


def answer_to(scope: Scope, error: BaseException, told: Response | None = None) -> Response:
    """What is answered to a request that ended in an error.

    Args:
        scope: the request's; the application has its pages.
        error: whatever was raised.
        told: what programs get, if that is more than the error itself says.
    """
    found = as_api_error(error)
    answer = told or found.response()
    request = Request(scope)
    if not wants_page(request):
        return answer
    title = "Not found" if found.status == 404 else "That went wrong"
    page = render(request, PAGE, found.status, title=title, message=found.message)
    page.headers.update({k: v for k, v in answer.headers.items() if k == "retry-after"})
    return page


def install(app: FastAPI) -> None:
    """Show errors as pages; after `api_errors.install`, whose answers others still get."""
    for kind, handler in [*app.exception_handlers.items()]:
        app.exception_handlers[kind] = _as_page(handler)


def _as_page(
    handler: Callable[[Request, Any], Response | Awaitable[Response]],
) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        given = handler(request, error)
        told = await given if inspect.isawaitable(given) else given
        return answer_to(request.scope, error, told)

    return answer
