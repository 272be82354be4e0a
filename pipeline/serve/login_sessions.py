"""Who has logged in from a browser: a cookie that stands for a key, for a week.

In: a key that was given once in a form. Out: a random token, which is all that the cookie holds;
the server remembers which key it stands for. A restart forgets all of them.
"""

import dataclasses
import hashlib
import secrets
import time
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers

COOKIE = "crawl2chat_session"
SESSION_SECONDS = 7 * 24 * 3600  # ours: a week's work without typing the key again
MOST_SESSIONS = 1_024  # the oldest make room; ours
TOKEN_BYTES = 32  # the default of Python's secrets


@dataclasses.dataclass(frozen=True)
class _Session:
    key: bytes  # SHA-256 of it
    ends: float  # on a monotonic clock


class LoginSessions:
    """Of one server; used from one event loop."""

    def __init__(self) -> None:
        self._sessions: dict[bytes, _Session] = {}  # by the token's SHA-256, the oldest first

    def open(self, key: bytes) -> str:
        """A token for a key that is known.

        Args:
            key: its SHA-256.
        """
        token = secrets.token_urlsafe(TOKEN_BYTES)
        while len(self._sessions) >= MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[_digest(token)] = _Session(key, time.monotonic() + SESSION_SECONDS)
        return token

    def key(self, headers: Headers) -> bytes | None:
        """The SHA-256 of the key that a request's cookie stands for; None: there is none."""
        found = self._sessions.get(_digest(token_in(headers)))
        return found.key if found is not None and found.ends > time.monotonic() else None

    def end(self, headers: Headers) -> None:
        """Forget the session of a request."""
        self._sessions.pop(_digest(token_in(headers)), None)


def token_in(headers: Headers) -> str:
    """What a request's cookie holds; "" without one."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
