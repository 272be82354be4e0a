"""Why a filter dropped a page: the result of every filter's `check`; None means the page passes.

The stage of the ledger row is the filter; `rule` is the name of the config field with the threshold
(a short name if the rule has none), so that a row names the setting to change.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A page was dropped by this rule."""

    rule: str
    value: float | None = None  # what was measured; None if the rule measures nothing
    threshold: float | None = None  # what it was compared with; None likewise
    detail: str = ""  # the word or line that decided, short
