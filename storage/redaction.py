"""Secrets in addresses: kept out of whatever is written down or shown.

A presigned address, a `token=`, a `user:password@` are as good as a key. `hide` puts
`${CRAWL2CHAT_SECRET_1}` in the secret's place and keeps it in this process's memory; a user may
write `${MY_TOKEN}` for an environment variable likewise. `reveal` puts it back, where a request is
made and nowhere else. `redact` is for text of all kinds: logs, errors, provenance.
"""

import itertools
import os
import re
import threading
from typing import Any

from storage.errors import UserError

PREFIX = "CRAWL2CHAT_SECRET_"
STARS = "***"
SHORTEST_SECRET = 8  # characters: replacing less everywhere would garble what is no secret
# Values looked for everywhere: those of a listing's thousands stand where their place tells them.
MOST_KNOWN = 100
TEACHER_KEY = "CRAWL2CHAT_TEACHER_KEY"
# Variables whose values never belong into text.
KNOWN = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", TEACHER_KEY)

_NAMES = (
    r"(?:x-(?:amz|goog)-)?(?:signature|credential|security-token)|googleaccessid|awsaccesskeyid"
    r"|sig|(?:[a-z0-9]+[_-])*(?:token|secret|key|keyid|password|apikey|secretkey|accesskey)"
    r"|passwd|pwd|pass|auth|authorization|jwt|hmac|policy|key-pair-id"
)
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
# An address's own end: what quotes, brackets and spaces close it in running text.
_PARAMETER = re.compile(rf"(?P<head>[?&;](?:{_NAMES})=)(?P<secret>[^&;#\s\"'<>|]+)", re.IGNORECASE)
_USER = re.compile(
    r"(?P<head>\b[a-z][a-z0-9+.-]*://)(?P<secret>[^/?#\s\"'<>]+)(?=@)", re.IGNORECASE
)
_names: dict[str, str] = {}  # by secret
_secrets: dict[str, str] = {}  # by name
_naming = threading.Lock()


def redact(text: str) -> str:
    """The text without secrets that can be told by their place, or that this process knows."""
    for pattern in (_USER, _PARAMETER):
        text = pattern.sub(_starred, text)
    for secret in _known():
        text = text.replace(secret, STARS)
    return text


def hide(value: Any) -> Any:
    """An address, or a tree of settings with addresses in it, with references for secrets."""
    if isinstance(value, dict):
        return {key: hide(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(hide(item) for item in value)
    if not isinstance(value, str) or "://" not in value:
        return value
    for pattern in (_USER, _PARAMETER):
        value = pattern.sub(_referred, value)
    return value


def reveal(address: str) -> str:
    """The address as it is asked for."""

    def value(match: re.Match[str]) -> str:
        found = _secrets.get(match[1]) or os.environ.get(match[1])
        if found is None:
            raise UserError(f"{redact(address)}: there is no environment variable {match[1]} here")
        return found

    return _REFERENCE.sub(value, address)


def foreign(address: str) -> str:
    """An address that others wrote: what looks like a reference in it is none."""
    return address.replace("${", "%24%7B")


def _starred(match: re.Match[str]) -> str:
    secret = match["secret"] if _REFERENCE.fullmatch(match["secret"]) else STARS
    return match["head"] + secret


def _referred(match: re.Match[str]) -> str:
    secret = match["secret"]
    if _REFERENCE.search(secret) or secret == STARS:
        return match[0]
    with _naming:
        name = _names.setdefault(secret, f"{PREFIX}{len(_names) + 1}")
        _secrets[name] = secret
    return f"{match['head']}${{{name}}}"


def _known() -> list[str]:
    """The longest first: one may begin as another does."""
    with _naming:
        values = list(itertools.islice(_names, MOST_KNOWN))
    values += [os.environ.get(name, "") for name in KNOWN]
    return sorted((v for v in values if len(v) >= SHORTEST_SECRET), key=len, reverse=True)
