"""What botocore knows of AWS: credentials wherever they come from, signatures, and its exceptions.

Environment, profiles, programs, single sign-on, assumed roles, web identities, the roles of
machines and containers: the lake and the crawl both ask here. Temporary credentials are renewed
before they end. botocore is imported with the first s3:// address, not before.
"""

import contextlib
import functools
import logging
import os
import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from storage.errors import UserError
from storage.redaction import redact

DEFAULT_REGION = "us-east-1"  # where Common Crawl's bucket lies
CONNECT_TIMEOUT_SECONDS = 10.0
READ_TIMEOUT_SECONDS = 60.0  # between two bytes
ATTEMPTS = 5  # of one request; botocore pauses longer before each
CONNECTIONS = 16  # kept open at most
DENIED = (401, 403)
CHANGED = (409, 412)  # another writer is at it, or was
MISSING = (404, 410)
UNSUPPORTED = (405, 501)
# Of requests to whoever gives out keys, too: the token service says "Throttling" with a 400.
TRANSIENT = (
    *("SlowDown", "RequestTimeout", "RequestTimeTooSkewed", "IDPCommunicationError"),
    *("Throttling", "ThrottlingException", "TooManyRequestsException"),
)
# The variables that say which credentials are meant, and of which region.
_DECIDE = (
    *("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_REGION", "AWS_DEFAULT_REGION"),
    *("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
)
MOST_REASON = 300  # characters
_one_at_a_time = threading.Lock()


class ObjectChanged(Exception):
    """The object is not, or no longer, what the request said that it must be."""


class Unsupported(Exception):
    """The store does not know this kind of request."""


def endpoint() -> str:
    """Of another store than Amazon's, from the usual variables or the profile; "" for Amazon's."""
    if given := os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"):
        return given
    with _key_errors("s3://"):
        profile = session().get_scoped_config()
        services = session().full_config.get("services", {}).get(profile.get("services"), {})
        found = services.get("s3", {}).get("endpoint_url") or profile.get("endpoint_url")
    return found or ""


def region() -> str:
    """As the user set it, by a variable or in the profile; else `DEFAULT_REGION`."""
    return str(session().get_config_variable("region"))


def session() -> Any:
    """botocore's, one for each profile and process: it keeps and renews temporary credentials."""
    with _one_at_a_time, _key_errors("s3://"):
        return _session(tuple(os.environ.get(name, "") for name in _DECIDE))


@functools.lru_cache(maxsize=4)
def _session(settings: tuple[str, ...]) -> Any:
    import botocore.session

    # What a failed renewal is about, its own line says, and ours, if there is no way on.
    logging.getLogger("botocore.credentials").addFilter(_without_traceback)
    known = botocore.session.Session()
    # botocore knows AWS_DEFAULT_REGION and the profile's, not AWS_REGION; and without any it asks
    # no token service for a role, although each would do.
    place = os.environ.get("AWS_REGION") or known.get_config_variable("region")
    known.set_config_variable("region", place or DEFAULT_REGION)
    # Renewed here rather than amid a request, where the absence of a file of keys or of a role
    # would pass for the object's.
    known.register("before-sign.s3", lambda request, **_: _keys(known, redact(request.url)))
    # A listing is made of times, and dateutil takes three quarters of what its reading costs.
    parsers = known.get_component("response_parser_factory")
    parsers.set_parser_defaults(timestamp_parser=_time)
    return known


def _time(text: Any) -> datetime:
    """As listings write it; other notations the way that botocore knows."""
    from botocore.utils import parse_timestamp

    with contextlib.suppress(TypeError, ValueError):
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            return found
    known: datetime = parse_timestamp(text)
    return known


def _without_traceback(record: logging.LogRecord) -> bool:
    record.exc_info = None
    return True


def client(address: str = "", place: str = "") -> Any:
    """An S3 client for a store (`endpoint()`'s by default); threads may share it."""
    from botocore.config import Config

    address = address or endpoint()
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        retries={"mode": "standard", "max_attempts": ATTEMPTS},
        max_pool_connections=CONNECTIONS,
        s3={"addressing_style": "path" if address else "auto"},
        # What we send is signed with its SHA-256, which every store checks; trailing checksums
        # are an extension that many don't know.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    chosen, known = place or region(), session()
    _keys(known, "s3://")
    with plain_errors("s3://"), _one_at_a_time:  # making one is not thread-safe, using one is
        return known.create_client(
            "s3", region_name=chosen, endpoint_url=address or None, config=config
        )


def signed(url: str) -> dict[str, str]:
    """The headers that sign a GET.

    Args:
        url: an https:// address of S3.

    Raises:
        UserError: no credentials are found.
        ConnectionError: whoever gives them out did not answer; another try may go well.
    """
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest

    request = AWSRequest("GET", url)
    S3SigV4Auth(_keys(session(), redact(url)), "s3", region()).add_auth(request)
    return dict(request.headers.items())


def _keys(known: Any, where: str) -> Any:
    """The keys to sign with now."""
    with _key_errors(where):
        with _one_at_a_time:  # else each thread starts the program that gives them
            _refuse_codes(known)
            found = known.get_credentials()
        if found is None:
            raise UserError(f"{where}: no AWS credentials: {HOW_TO_SIGN_IN}")
        return found.get_frozen_credentials()


def _refuse_codes(known: Any) -> None:
    """A code that a person types holds once, and a run is many processes that none sits before."""
    profile = known.get_scoped_config()
    if profile.get("mfa_serial") and not os.environ.get("AWS_ACCESS_KEY_ID"):
        raise UserError(
            "AWS: this profile wants a code for each process (mfa_serial): type it once, with"
            ' eval "$(aws configure export-credentials --format env)"'
        )


HOW_TO_SIGN_IN = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE to a profile that has some"
    " (after `aws sso login`, where it signs in that way)"
)


@contextlib.contextmanager
def plain_errors(where: str) -> Iterator[None]:
    """botocore's exceptions as ours.

    Args:
        where: named in messages.

    Raises:
        ObjectChanged, Unsupported: of conditional requests.
        FileNotFoundError: there is no such object.
        UserError: no other try would help (keys, rights, names).
        ConnectionError: another try may go well.
    """
    from botocore import exceptions as boto

    transient = (
        boto.ConnectionError,
        boto.HTTPClientError,
        boto.IncompleteReadError,
        boto.ChecksumError,
        boto.FlexibleChecksumError,
    )
    where = redact(where)
    try:
        yield
    except boto.ClientError as error:
        raise _answered(where, error) from error
    except transient as error:
        raise ConnectionError(f"{where}: {_reason(error)}") from error
    except boto.BotoCoreError as error:
        about_keys = not isinstance(error, boto.ParamValidationError | boto.InvalidRegionError)
        hint = f": {HOW_TO_SIGN_IN}" if about_keys else ""
        raise UserError(f"{where}: {_reason(error).rstrip('.')}{hint}") from error


@contextlib.contextmanager
def _key_errors(where: str) -> Iterator[None]:
    """What goes wrong with others' files, programs and services that give out keys, in one line."""
    where = f"{where}: AWS credentials"
    try:
        with plain_errors(where):
            yield
    except (UserError, ConnectionError):
        raise
    except Exception as error:  # whatever a program may print, or a file lack
        reason = _reason(error).removeprefix(f"{where}: ").rstrip(".")
        raise UserError(f"{where}: {reason}: {HOW_TO_SIGN_IN}") from error


def _reason(error: Exception) -> str:
    text = redact(" ".join(str(error).split()) or type(error).__name__)
    if len(text) > MOST_REASON:  # a program's traceback says what it is about in its last words
        text = f"{text[: MOST_REASON // 3]} … {text[-MOST_REASON // 2 :]}"
    return text


def _answered(where: str, error: Any) -> Exception:
    """What a refusal of the store becomes."""
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    said = error.response.get("Error", {})
    code, text = str(said.get("Code", "")), " ".join(str(said.get("Message", "")).split())
    message = redact(f"{where}: {code} {text}".strip())
    if code == "NoSuchBucket":
        return UserError(f"{message}: create the bucket first")
    if status in MISSING:
        return FileNotFoundError(message)
    if status in CHANGED:
        return ObjectChanged(message)
    if status in UNSUPPORTED or code == "NotImplemented":
        return Unsupported(message)
    if status in DENIED or code.startswith("Expired"):
        return UserError(f"{message}: not for these credentials, or they have expired")
    if status >= 500 or code in TRANSIENT:
        return ConnectionError(message)
    return OSError(message)
