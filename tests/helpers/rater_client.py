"""A browser without scripts in which somebody has given their name."""

import contextlib
from collections.abc import Iterator

import httpx

TIMEOUT_SECONDS = 60  # two models may have to answer


@contextlib.contextmanager
def as_rater(root: str, rater: str = "mara") -> Iterator[httpx.Client]:
    """An open client of a server at `root`; it follows the way after a form."""
    headers = {"accept": "text/html", "origin": root}
    with httpx.Client(
        base_url=root, headers=headers, follow_redirects=True, timeout=TIMEOUT_SECONDS
    ) as client:
        client.post("/rater", data={"rater": rater}, follow_redirects=False)
        yield client
