"""How long to wait before the next try: one rule for whoever tries again."""

import random

MOST_DOUBLINGS = 60  # by then any pause is the longest; a float overflows at 1,024


def pause_seconds(failures: int, first: float, most: float) -> float:
    """The pause after a number of failures in a row.

    It doubles with each failure. Chance makes it up to half shorter or longer, so that those who
    failed together do not come back together.

    Args:
        failures: so far, at least 1.
        first: seconds after the first failure.
        most: seconds, before chance changes them.

    Returns:
        Seconds, from 0.5 to 1.5 times min(most, first · 2^(failures - 1)).
    """
    doubled = first * 2.0 ** min(failures - 1, MOST_DOUBLINGS)
    return min(most, doubled) * random.uniform(0.5, 1.5)
