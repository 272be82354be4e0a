"""How Prefect behaves here: no analytics, results as JSON, a terminal that stays readable.

Imported before prefect, by everything that imports it. Each value is a default: the environment
wins.
"""

import os

from flows.runner.environment import reach_loopback_directly

DEFAULTS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
    # The first start of a server creates its database; on a busy machine that takes a while.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_LOGGING_COLORS": "false",
}

# What the command line shows of Prefect's own log. It prints its own progress and its own errors
# (one line, no traceback), so only what is worse than a failed task passes.
TERMINAL_LEVEL = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}


def configure(terminal: bool = False) -> None:
    """Set the defaults; `terminal` also quietens Prefect's log (CRAWL2CHAT_LOG_LEVEL overrides)."""
    reach_loopback_directly()
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    if terminal:
        level = os.environ.get("CRAWL2CHAT_LOG_LEVEL")
        for name, value in TERMINAL_LEVEL.items():
            os.environ.setdefault(name, level or value)
