"""Everything that goes wrong, in OpenAI's shape: {"error": {message, type, param, code}}.

In: our own errors, users' mistakes, what FastAPI refuses, what nobody foresaw. Out: a status and a
body that names the field. Nothing of the server's inside is in it: no path, no traceback.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route

from storage.durable import DiskFull
from storage.errors import UserError

INVALID = "invalid_request_error"
TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error"}
TYPES |= {429: "rate_limit_error", **dict.fromkeys((500, 503, 504, 507), "server_error")}


class ErrorFields(BaseModel):
    """What an error says."""

    model_config = ConfigDict(extra="forbid")

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """An error as clients get it."""

    model_config = ConfigDict(extra="forbid")

    error: ErrorFields


# For the OpenAPI document: any error looks like this.
RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorBody, "description": "What is wrong with the request"},
    429: {
        "model": ErrorBody,
        "description": "Too much waits already",
        "headers": {
            "Retry-After": {
                "description": "Seconds",
                "schema": {"type": "string"},
                "required": True,
            }
        },
    },
    "5XX": {"model": ErrorBody, "description": "The server can't answer just now"},
}


class ApiError(Exception):
    """An answer that is an error.

    Args:
        status: of HTTP.
        message: one line for a person.
        param: the field of the request that is wrong.
        code: one word for a program.
        type: OpenAI's class of it; by default the one that goes with the status.
        headers: of the response.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        type: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code
        self.type = type or TYPES.get(status, INVALID)
        self.headers = dict(headers or {})

    def body(self) -> bytes:
        """As JSON. What a client sent may be no Unicode, and is named in messages."""
        clean = self.message.encode("utf-8", "replace").decode()
        fields = {"message": clean, "type": self.type, "param": self.param, "code": self.code}
        return orjson.dumps({"error": fields})

    def response(self) -> Response:
        """The whole response."""
        return Response(self.body(), self.status, self.headers, "application/json")


class TooBusy(ApiError):
    """The queue is full: 429, and when to come again."""

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        headers = {"Retry-After": str(retry_after_seconds)}
        super().__init__(429, message, code="queue_full", headers=headers)


class Unavailable(ApiError):
    """Not just now: 503, and when to come again."""

    def __init__(self, message: str, retry_after_seconds: int, code: str = "unavailable") -> None:
        headers = {"Retry-After": str(retry_after_seconds)}
        super().__init__(503, message, code=code, headers=headers)


def refused(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """A wrong value: 400, which names the field."""
    return ApiError(400, message, param=param, code=code)


def as_api_error(error: BaseException) -> ApiError:
    """Whatever was raised, as what a client is told."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, RequestValidationError):
        return _of_fields(error.errors())
    if isinstance(error, HTTPException):
        return ApiError(error.status_code, str(error.detail), headers=error.headers)
    if isinstance(error, UserError):
        return refused(str(error))
    if isinstance(error, TimeoutError):
        return ApiError(504, "the request took too long", code="timeout")
    if isinstance(error, DiskFull):
        said = "the server's disk is full: nothing was saved; free some space and send it again"
        return ApiError(507, said, code="disk_full")
    return ApiError(500, "an error of the server, which its log describes")


def install(app: FastAPI, routes: Sequence[BaseRoute] = ()) -> None:
    """Answer the errors of an application in this shape; `request_log` does the unforeseen.

    Args:
        app: the application.
        routes: all of it, so that a 405 names all methods of a path: Starlette names those of the
            first route.
    """

    async def answer(request: Request, error: Exception) -> Response:
        found = as_api_error(error)
        if found.status == 405 and (methods := _methods(routes, request)):
            found.headers["Allow"] = ", ".join(sorted(methods))
        return found.response()

    told = (ApiError, RequestValidationError, HTTPException, UserError, TimeoutError, DiskFull)
    for known in told:
        app.add_exception_handler(known, answer)


def _methods(routes: Sequence[BaseRoute], request: Request) -> set[str]:
    """That a path has."""
    return {
        method
        for route in routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods or ()
    }


def _of_fields(errors: Sequence[Any]) -> ApiError:
    """What pydantic found: the first field, and what is wrong with it."""
    first = errors[0]
    where = [str(part) for part in first["loc"][1:]]
    if first["type"] == "json_invalid" or not where:
        return refused("the body must be a JSON object, sent as application/json")
    param = ".".join(where)
    message = first["msg"].removeprefix("Value error, ")
    return refused(f"{param}: {message[:1].lower()}{message[1:]}", param, first["type"])
