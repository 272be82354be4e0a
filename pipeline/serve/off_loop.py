"""Work on a request that may take long, away from the event loop, so that all others go on."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from starlette.requests import Request

T = TypeVar("T")

QUICK_BYTES = 16_384  # of a request: a millisecond's reading, as long as a thread's hand-over. Ours


async def off_loop(request: Request, work: Callable[[], T], *, is_long: bool = False) -> T:
    """What `work` gives; in a thread where the request is large or the work is known to be long."""
    length = request.headers.get("content-length", "")
    if is_long or not length.isdecimal() or int(length[:12]) > QUICK_BYTES:
        return await asyncio.to_thread(work)
    return work()
