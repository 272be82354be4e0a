"""Addresses of HTTP APIs as people write them, checked before anything is asked there."""

from urllib.parse import urlsplit

from storage.errors import UserError
from storage.redaction import redact


def api_address(url: str, name: str, example: str, keys: str) -> str:
    """The address without its last slash.

    Args:
        url: as it was written.
        name: of the option or variable in which it stands, with what follows the name there.
        example: how it should look.
        keys: where a key belongs, in place of the address.

    Raises:
        UserError: it is none, or holds a user or password.
    """
    try:
        parts = urlsplit(url.strip())
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        (parts.hostname or "").encode("idna")
    except ValueError:
        fine = False
    if not fine or parts.query or parts.fragment or any(c.isspace() for c in url.strip()):
        raise UserError(f"{name}: {redact(url)!r}: write it as {example}")
    if "@" in parts.netloc:
        raise UserError(f"{name}: no user or password in the address: {keys}")
    return url.strip().rstrip("/")
