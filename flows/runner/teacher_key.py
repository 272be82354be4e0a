"""The teacher's key, where it is a secret block of Prefect: in memory, while the stage runs.

The worker process gets it as it gets every other key, in its environment; it is written to no file,
no result and no log.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from prefect.blocks.system import Secret

from storage.errors import UserError
from storage.redaction import TEACHER_KEY


@contextlib.contextmanager
def teacher_key(block: str) -> Iterator[None]:
    """The key is in the environment while this lasts.

    Args:
        block: name of the Secret block; "": the environment has it already, or there is none.

    Raises:
        UserError: there is no such block, or it holds no text.
    """
    if not block:
        yield
        return
    before = os.environ.get(TEACHER_KEY)
    os.environ[TEACHER_KEY] = key_of(block)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(TEACHER_KEY, None)
        else:
            os.environ[TEACHER_KEY] = before


def key_of(block: str) -> str:
    """The text in a Secret block; UserError if there is none."""
    try:
        loaded: Any = Secret.load(block, _sync=True)  # type: ignore[call-arg]
    except ValueError:  # Prefect's word for a block that is not there
        raise UserError(
            f"teacher.endpoint.key_block: Prefect has no Secret block {block!r}: make one (UI,"
            " Blocks), or set CRAWL2CHAT_TEACHER_KEY"
        ) from None
    value = loaded.get()
    if not isinstance(value, str) or not value:
        raise UserError(f"teacher.endpoint.key_block: the Secret block {block!r} holds no text")
    return value
