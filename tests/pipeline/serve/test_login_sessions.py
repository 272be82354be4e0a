"""Sessions of browsers: they end, they are bounded, and only the token opens one."""

import time

import pytest
from starlette.datastructures import Headers

from pipeline.serve import login_sessions
from pipeline.serve.login_sessions import COOKIE, LoginSessions


def showing(token: str) -> Headers:
    return Headers({"cookie": f"other=1; {COOKIE}={token}"})


def test_a_token_stands_for_its_key_until_it_ends() -> None:
    sessions = LoginSessions()
    token, other = sessions.open(b"key"), sessions.open(b"another")
    assert token != other
    assert sessions.key(showing(token)) == b"key"
    sessions.end(showing(token))
    assert sessions.key(showing(token)) is None
    assert sessions.key(showing(other)) == b"another"


@pytest.mark.parametrize("cookie", ["", "x", f"{COOKIE}=", f"{COOKIE}=x", "\udcff=;=;\x00"])
def test_other_cookies_stand_for_nothing(cookie: str) -> None:
    sessions = LoginSessions()
    sessions.open(b"key")
    raw = [(b"cookie", cookie.encode("utf-8", "surrogateescape"))]
    assert sessions.key(Headers(raw=raw)) is None


def test_sessions_end_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions, now = LoginSessions(), [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    token = sessions.open(b"key")
    now[0] = login_sessions.SESSION_SECONDS - 1.0
    assert sessions.key(showing(token)) == b"key"
    now[0] += 1.0
    assert sessions.key(showing(token)) is None


def test_the_oldest_make_room() -> None:
    sessions = LoginSessions()
    first, second = sessions.open(b"1"), sessions.open(b"2")
    for _ in range(login_sessions.MOST_SESSIONS - 1):
        sessions.open(b"more")
    assert sessions.key(showing(first)) is None
    assert sessions.key(showing(second)) == b"2"
