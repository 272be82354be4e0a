"""Long work leaves the event loop to others; short work doesn't leave it."""

import asyncio
import threading

from starlette.requests import Request

from pipeline.serve.off_loop import QUICK_BYTES, off_loop


def asked(length: str | None) -> Request:
    headers = [] if length is None else [(b"content-length", length.encode())]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers})


def runs_here(length: str | None, is_long: bool = False) -> bool:
    here = threading.get_ident()
    found = asyncio.run(off_loop(asked(length), threading.get_ident, is_long=is_long))
    return found == here


def test_large_requests_and_long_work_leave_the_event_loop() -> None:
    assert runs_here("100")
    assert runs_here(str(QUICK_BYTES))
    assert not runs_here(str(QUICK_BYTES + 1))
    assert not runs_here("100", is_long=True)
    # Of a body in chunks nobody knows the size; nor of what is no number.
    assert not runs_here(None)
    assert not runs_here("9" * 400)
    assert not runs_here("²")
