"""The interpreter as a server wants it: threads that take turns soon, no search of what stays.

A model's thread is outside the interpreter for most of a step. When it comes back, the event loop's
thread may be at work for milliseconds, and by Python's own setting it would be asked to give way
only after five of them, while both the model's thread and its helpers do nothing. The collector of
cycles would look at what requests under way hold each time that some more have come, and now and
then at all that was imported and loaded (some 0.1 s, in which nobody is answered).
"""

import contextlib
import gc
import sys
from collections.abc import Iterator

# A thread that works goes on for so long before it gives way to one that waits. Ours: a twentieth
# of a step, and far more than what a change of threads costs (some 10 microseconds).
TURN_SECONDS = 0.0005
# New objects after which cycles are looked for; Python's own is 700, and a request holds some 200
# while it lasts: 64 that come together would be looked through a dozen times, for nothing. So many
# are some 10 MB. Ours.
NEW_OBJECTS = 50_000
# Every so many such searches one looks at older objects too, and every so many of those at all but
# what was there at the start, which is quick. Python's own are 10: what requests under way leave
# would lie there for 150,000 of them, 10 MB that look like a leak.
SEARCHES = 2


@contextlib.contextmanager
def interpreter_settings() -> Iterator[None]:
    """While this lasts; begin it once all that stays is loaded."""
    turn, threshold = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(TURN_SECONDS)
    gc.collect()
    gc.freeze()
    gc.collect()  # it looks at all again once a quarter has been added to what it saw last: nothing
    gc.set_threshold(NEW_OBJECTS, SEARCHES, SEARCHES)
    try:
        yield
    finally:
        gc.set_threshold(*threshold)
        gc.unfreeze()
        sys.setswitchinterval(turn)
