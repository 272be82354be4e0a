"""The server's log on stderr: a JSON object a line, whoever writes it.

Lines of `request_log` are such objects already; other messages get a time and a level. Secrets in
addresses are struck out.
"""

import logging
import os
import sys

import orjson

from storage.redaction import redact

LEVEL_VARIABLE = "CRAWL2CHAT_LOG_LEVEL"
REQUESTS = "crawl2chat.requests"
THEIRS = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        if record.name == REQUESTS:
            return record.getMessage()
        line = {
            "time": record.created,
            "level": record.levelname.lower(),
            "message": redact(record.getMessage()),
        }
        if record.exc_info:
            line["exception"] = redact(self.formatException(record.exc_info))
        return orjson.dumps(line).decode()


def log_to_stderr() -> None:
    """Let everything that is logged in this process go there; CRAWL2CHAT_LOG_LEVEL says how much.

    INFO, its default, has a line for each request; WARNING has what needs a person.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    level = os.environ.get(LEVEL_VARIABLE, "INFO").upper()
    known = logging.getLevelNamesMapping()
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    for name in THEIRS:  # whatever has been loaded may have given them a form of their own
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.getLogger("crawl2chat").setLevel(known.get(level, logging.INFO))
