"""Why a filter dropped a page: what every filter's `check` returns; None means the page passes.

The stage of the ledger row is the filter; `rule` is the name of the config field that held the
threshold (a short name where the rule has none), so a row leads straight to the number to change.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A page was dropped by this rule."""

    rule: str
    value: float | None = None  # what was measured, None where the rule measures nothing
    threshold: float | None = None  # what it was held against, likewise
    detail: str = ""  # the offending word or line, short
