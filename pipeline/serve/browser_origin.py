"""Refuses what another origin's page makes a browser send (cross-site request forgery).

Pure ASGI. Browsers name the origin of the page with every POST; programs name none. A request that
changes something and comes from a page must come from one of ours, or from an origin that
--allow-origin names. A cookie (SameSite=Strict) isn't enough: to a browser all ports of a machine
are one site. A request that shows a login cookie and names no origin is refused as well.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.serve.api_errors import ApiError
from pipeline.serve.login_sessions import token_in

SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")  # RFC 9110, 9.2.1


class OriginCheck:
    """Passes on what comes from a program, or from a page that may ask.

    Args:
        app: what comes after.
        origins: of others' pages that may ask; "*": any.
    """

    def __init__(self, app: ASGIApp, origins: tuple[str, ...] = ()) -> None:
        self.app, self.origins = app, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request or refuse it."""
        if scope["type"] == "http" and scope["method"] not in SAFE:
            headers = Headers(scope=scope)
            if not self._may(headers):
                error = ApiError(403, "a page of another origin may not ask this", code="origin")
                await error.response()(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _may(self, headers: Headers) -> bool:
        origin = headers.get("origin")
        if origin is None:
            return not token_in(headers) or headers.get("sec-fetch-site") == "same-origin"
        if "*" in self.origins or origin in self.origins:
            return True
        # Behind a proxy that ends TLS our scheme is another than the browser's: hosts are compared.
        return urlsplit(origin).netloc.lower() == headers.get("host", "").lower() != ""
