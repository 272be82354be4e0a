"""How many tokens a step samples, so that it takes about as long as clients wait for an event.

Pure. In: how long steps took. Out: tokens for the next. Long steps cost less for each token, but
nobody joins or leaves during one, and a first token would wait for its end.
"""

MOST_TOKENS = 64  # of a row in a step, however fast the model
MOST_WITH_STOP_STRINGS = 8  # what a row samples after its stop string is thrown away
GROWTH = 2  # from one step to the next: one quick step is no promise
# Of a step's time, where somebody waits for a first token: what he waits longer nobody notices, and
# where requests come all the time, steps of one token would cost a third of the tokens a second.
FIRST_SHARE = 0.2


class StepPace:
    """Learns what a token of each row takes."""

    def __init__(self) -> None:
        self._last = 1  # of a step for which nobody waited
        self._each = 1.0  # seconds of one token for each row; far too long, until one is known

    def tokens(
        self,
        seconds: float,
        *,
        first_is_due: bool,
        stop_strings: bool,
        all_wait_for_first: bool = False,
    ) -> int:
        """For each row in the next step.

        Args:
            seconds: that a step may take.
            first_is_due: somebody waits for a first token.
            stop_strings: a row may end at a text.
            all_wait_for_first: and nobody has one: there is no other row that a short step slows.
        """
        if all_wait_for_first:
            return 1
        most = MOST_WITH_STOP_STRINGS if stop_strings else MOST_TOKENS
        if first_is_due:
            return max(1, min(most, self._last, int(FIRST_SHARE * seconds / self._each)))
        self._last = max(1, min(most, GROWTH * self._last, int(seconds / self._each)))
        return self._last

    def took(self, tokens: int, seconds: float, *, read: bool) -> None:
        """A step of so many tokens is done.

        Args:
            tokens: of each row.
            seconds: that it took.
            read: it read prompts as well, which says nothing of how fast rows sample.
        """
        if not read:
            self._each = max(1e-9, seconds / tokens)
