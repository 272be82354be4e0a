"""One line of JSON for each request: when, what kind, how it went; no prompt, no key, no answer.

Pure ASGI, outermost. Out: the line, the counters of `server_metrics`, an `x-request-id` for the
client.
"""

import logging
import time
import uuid
from collections.abc import Callable

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.serve.api_errors import ApiError
from pipeline.serve.security import CLIENT, SHOWN
from pipeline.serve.server_log import REQUESTS
from pipeline.serve.server_metrics import ServerMetrics
from pipeline.serve.server_state import TOKENS

logger = logging.getLogger(REQUESTS)
errors = logging.getLogger("crawl2chat.serve")

NO_ROUTE = "none"


class RequestLog:
    """Logs and counts what passes, and answers what nobody answered.

    Args:
        app: what comes after.
        metrics: where it is counted.
        max_requests: under way at a time; more are refused.
        retry_after_seconds: what those are told.
        answer_to: what a request gets that ends here, by its scope and the error.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: ServerMetrics,
        max_requests: int,
        retry_after_seconds: int,
        answer_to: Callable[[Scope, Exception], Response],
    ) -> None:
        self.app, self.metrics, self.answer_to = app, metrics, answer_to
        self.max_requests, self.retry_after_seconds = max_requests, retry_after_seconds
        self.under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request and say how it went."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        id, begun, status = uuid.uuid4().hex, time.perf_counter(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {
                    **message,
                    "headers": [*message["headers"], (b"x-request-id", id.encode())],
                }
            await send(message)

        self.under_way += 1
        try:
            if self.under_way > self.max_requests:
                headers = {"Retry-After": str(self.retry_after_seconds)}
                busy = ApiError(429, "too many requests under way", code="busy", headers=headers)
                await self.answer_to(scope, busy)(scope, receive, noted)
            else:
                await self.app(scope, receive, noted)
        except Exception as error:
            errors.error("unforeseen, in request %s", id, exc_info=error)
            if status:
                raise  # all that is left is to close the connection
            await self.answer_to(scope, error)(scope, receive, noted)
        finally:
            self.under_way -= 1
            seconds = time.perf_counter() - begun
            route = getattr(scope.get("route"), "path", NO_ROUTE)
            self.metrics.requests.labels(route, str(status)).inc()
            self.metrics.request_seconds.labels(route).observe(seconds)
            if logger.isEnabledFor(logging.INFO):
                self._say(scope, id, route, status, seconds)

    def _say(self, scope: Scope, id: str, route: str, status: int, seconds: float) -> None:
        line = {
            "time": time.time(),
            "request": id,
            "method": scope["method"],
            "route": route,
            "status": status,  # 0: the client went before there was one
            "seconds": round(seconds, 4),
            "client": (scope.get("client") or ("",))[0],
            "key": scope.get(CLIENT, "")[:SHOWN],
            **scope.get(TOKENS, {}),
        }
        logger.info(orjson.dumps(line).decode())
