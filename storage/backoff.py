"""How long to wait before the next try: one rule for whoever tries again."""

import datetime
import email.utils
import random
import re

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


def asked_seconds(retry_after: str) -> float | None:
    """Seconds that a Retry-After header asks for: a number, or the time to a date.

    Args:
        retry_after: the header's value, or "" (RFC 9110, section 10.2.3).

    Returns:
        Seconds, 0 for a date that is past; None for what says nothing.
    """
    if re.fullmatch(r"\s*\d{1,9}\s*", retry_after):
        return float(retry_after)
    try:
        when = email.utils.parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=datetime.UTC)
    return max(0.0, (when - datetime.datetime.now(datetime.UTC)).total_seconds())
