"""The interpreter as a server wants it: threads that take turns soon, no search of what stays.

A model's thread is outside the interpreter for most of a step. When it comes back, the event loop's
thread may be at work for milliseconds, and by Python's own setting it would be asked to give way
only after five of them, while both the model's thread and its helpers do nothing. The collector of
cycles would look through all that was imported and loaded (some 0.2 s, in which nobody is answered)
again and again.
"""

import contextlib
import gc
import sys
from collections.abc import Iterator

# A thread that works goes on for so long before it gives way to one that waits. Ours: a twentieth
# of a step, and far more than what a change of threads costs (some 10 microseconds).
TURN_SECONDS = 0.0005


@contextlib.contextmanager
def interpreter_settings() -> Iterator[None]:
    """While this lasts; begin it once all that stays is loaded."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(TURN_SECONDS)
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        sys.setswitchinterval(before)
