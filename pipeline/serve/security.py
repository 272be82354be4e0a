"""Who may ask what of the server: keys, hosts, browsers' origins.

Pure ASGI: nothing of a request's body is touched. Keys are compared by digests in constant time.
Without keys the server is for this machine alone, and answers only to its own names, so that no
page in a browser reaches it by a name that it has pointed here (DNS rebinding).
"""

import dataclasses
import hashlib
import hmac
import ipaddress
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.serve.api_errors import ApiError
from pipeline.serve.login_sessions import LoginSessions
from storage.errors import UserError

KEY_VARIABLE = "CRAWL2CHAT_API_KEY"
OPEN_ROUTES = ("/health", "/ready")  # a load balancer has no key
LOGIN = "/login"  # where a browser gives one
OPEN_FILES = "/static/"  # scripts and styles, as the login page needs them
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")
NAMED = re.compile(r"(?P<name>\[[^\]]*\]|[^:]*)(?::\d*)?")  # a Host header
CLIENT = "crawl2chat.client"  # in the scope: the key's digest
SHOWN = 12  # hexadecimal digits of it in logs


@dataclasses.dataclass(frozen=True)
class Access:
    """Who may ask."""

    keys: tuple[bytes, ...] = ()  # SHA-256 of each; none: anybody
    hosts: tuple[str, ...] = LOOPBACK_HOSTS  # that the server answers to; none: any
    origins: tuple[str, ...] = ()  # of pages that may ask from a browser


def access(
    host: str,
    key_file: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    origins: tuple[str, ...] = (),
    hosts: tuple[str, ...] = (),
) -> Access:
    """Who may ask a server that listens on `host`.

    Args:
        host: an address or name of this machine.
        key_file: a key a line.
        environment: where a key may stand in CRAWL2CHAT_API_KEY.
        origins: of pages that may ask from a browser.
        hosts: names that the server answers to, beside those of this machine.

    Raises:
        UserError: there is no key though others can reach it, or the file is no good.
    """
    keys = read_keys(key_file) if key_file is not None else []
    if KEY_VARIABLE in environment:
        keys.append(_checked(environment[KEY_VARIABLE], KEY_VARIABLE))
    local = is_loopback(host)
    if not keys and not local:
        raise UserError(
            f"--host {host} lets others ask: give them a key by --api-key-file FILE or "
            f"{KEY_VARIABLE}, or stay on 127.0.0.1"
        )
    for origin in origins:
        if origin != "*" and not origin.startswith(("http://", "https://")):
            raise UserError(f"--allow-origin {origin}: write it as http://localhost:3000")
    answers = (*LOOPBACK_HOSTS, *hosts) if local or hosts else ()
    return Access(tuple(map(key_digest, keys)), answers, origins)


def read_keys(file: Path) -> list[str]:
    """The keys of a file, one a line.

    Raises:
        UserError: it can't be read, others can read it, or it holds no key.
    """
    try:
        with file.open(encoding="ascii") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            lines = opened.read().split("\n")
    except UnicodeDecodeError:
        raise UserError(f"{file}: keys are of ASCII characters") from None
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}: name a file with a key a line") from None
    if stat.S_ISREG(mode) and mode & stat.S_IRWXO:
        raise UserError(f"{file}: everybody on this machine can read it: chmod o= {file}")
    keys = [_checked(line.strip(), str(file)) for line in lines if line.strip()]
    if not keys:
        raise UserError(f"{file} is empty: write a key a line")
    return keys


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on an address or name."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class HostCheck:
    """Refuses requests for names that the server doesn't answer to."""

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is meant for this server."""
        if scope["type"] == "http" and self.hosts:
            named = [NAMED.fullmatch(one) for one in Headers(scope=scope).getlist("host")]
            # Of two names a proxy might believe the one and we the other (RFC 9112, 3.2).
            host = named[0]["name"].lower() if len(named) == 1 and named[0] else ""
            if host not in self.hosts:
                error = ApiError(
                    403, "this server doesn't answer to that name: see --allow-host", code="host"
                )
                await error.response()(scope, receive, send)
                return
        await self.app(scope, receive, send)


class KeyCheck:
    """Refuses requests without a key; the scope gets the digest of the one that was given.

    Args:
        app: what comes after.
        keys: SHA-256 of each that is known; none: everybody may ask.
        sessions: of browsers, whose cookie stands for a key.
    """

    def __init__(
        self, app: ASGIApp, keys: tuple[bytes, ...], sessions: LoginSessions | None = None
    ) -> None:
        self.app, self.keys, self.sessions = app, keys, sessions or LoginSessions()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what has a key."""
        if scope["type"] == "http" and self.keys and not _is_open(scope["path"]):
            headers = Headers(scope=scope)
            kind, _, key = headers.get("authorization", "").partition(" ")
            given = key_digest(key.strip()) if kind.lower() == "bearer" else b""
            if not key:
                given = self.sessions.key(headers) or b""
            if not known(given, self.keys):
                await _refusal(scope, headers, key)(scope, receive, send)
                return
            scope[CLIENT] = given.hex()
        await self.app(scope, receive, send)


def _is_open(path: str) -> bool:
    return path in OPEN_ROUTES or path == LOGIN or path.startswith(OPEN_FILES)


def known(digest: bytes, keys: tuple[bytes, ...]) -> bool:
    """Whether a key's digest is one of these: all are compared, so that the time tells nothing."""
    return sum(hmac.compare_digest(digest, kept) for kept in keys) > 0


def _refusal(scope: Scope, headers: Headers, key: str) -> Response:
    """Browsers are sent to where they can give a key, and from there to where they were going."""
    if not key and "text/html" in headers.get("accept", ""):
        query = scope.get("query_string", b"").decode("latin-1")
        asked = f"{quote(scope['path'])}?{query}" if query else quote(scope["path"])
        target = asked if scope["method"] == "GET" else "/"  # there is no page where forms go
        return RedirectResponse(f"{LOGIN}?next={quote(target, safe='/')}", 303)
    return ApiError(
        401,
        "a key is wanted: Authorization: Bearer KEY" if not key else "unknown key",
        code="invalid_api_key",
        headers={"WWW-Authenticate": "Bearer"},
    ).response()


def _checked(key: str, where: str) -> str:
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise UserError(f"{where}: a key is of printable ASCII characters without spaces")
    return key


def key_digest(key: str) -> bytes:
    """What the server knows of a key: its SHA-256."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
