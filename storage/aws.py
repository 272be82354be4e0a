"""What botocore knows of AWS: credentials wherever they come from, signatures, and its exceptions.

Environment, profiles, single sign-on, assumed roles, the roles of machines and containers: the lake
and the crawl both ask here. botocore is imported with the first s3:// address, not before.
"""

import contextlib
import functools
import os
import threading
from collections.abc import Iterator
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
# The variables that say which credentials are meant.
_DECIDE = (
    "AWS_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
)
_one_at_a_time = threading.Lock()


class Changed(Exception):
    """The object is not, or no longer, what the request said that it must be."""


class Unsupported(Exception):
    """The store does not know this kind of request."""


def endpoint() -> str:
    """Of another store than Amazon's, from the usual variables; "" for Amazon's."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""


def region() -> str:
    """As the user set it; "" where nothing says one."""
    # botocore itself knows AWS_DEFAULT_REGION and the profile's, not AWS_REGION
    return os.environ.get("AWS_REGION") or session().get_config_variable("region") or ""


def session() -> Any:
    """botocore's, one for each profile and process: it keeps and renews temporary credentials."""
    with _one_at_a_time:
        return _session(tuple(os.environ.get(name, "") for name in _DECIDE))


@functools.lru_cache(maxsize=4)
def _session(settings: tuple[str, ...]) -> Any:
    import botocore.session

    return botocore.session.Session()


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
    with plain_errors("s3://"):
        chosen = place or region() or (DEFAULT_REGION if address else None)
        known = session()
        with _one_at_a_time:  # making one is not thread-safe, using one is
            return known.create_client(
                "s3", region_name=chosen, endpoint_url=address or None, config=config
            )


def signed(url: str) -> dict[str, str]:
    """The headers that sign a GET of an https:// address of S3; UserError without credentials."""
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest

    with plain_errors(url):
        credentials = session().get_credentials()
        if credentials is None:
            raise UserError(f"{redact(url)}: no AWS credentials: {HOW_TO_SIGN_IN}")
        request = AWSRequest("GET", url)
        frozen = credentials.get_frozen_credentials()
        S3SigV4Auth(frozen, "s3", region() or DEFAULT_REGION).add_auth(request)
    return dict(request.headers.items())


HOW_TO_SIGN_IN = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE to a profile that has some"
    " (after `aws sso login`, where it signs in that way)"
)


@contextlib.contextmanager
def plain_errors(where: str) -> Iterator[None]:
    """botocore's exceptions as ours.

    `Changed` and `Unsupported` of conditional requests, FileNotFoundError, UserError where no
    second try would help (keys, rights, names), ConnectionError for what may pass.
    """
    from botocore import exceptions as boto

    users = (
        boto.NoCredentialsError,
        boto.PartialCredentialsError,
        boto.CredentialRetrievalError,
        boto.TokenRetrievalError,
        boto.ProfileNotFound,
        boto.ConfigParseError,
        boto.SSOError,
        boto.ParamValidationError,
        boto.InvalidRegionError,
    )
    where = redact(where)
    try:
        yield
    except boto.ClientError as error:
        raise _answered(where, error) from error
    except users as error:
        reason = " ".join(str(error).split()).rstrip(".")
        about_keys = not isinstance(error, boto.ParamValidationError | boto.InvalidRegionError)
        hint = f": {HOW_TO_SIGN_IN}" if about_keys else ""
        raise UserError(f"{where}: {redact(reason)}{hint}") from error
    except (boto.BotoCoreError, boto.HTTPClientError) as error:
        reason = " ".join(str(error).split())
        raise ConnectionError(f"{where}: {redact(reason)}") from error


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
        return Changed(message)
    if status in UNSUPPORTED or code == "NotImplemented":
        return Unsupported(message)
    if status in DENIED or code.startswith("Expired"):
        return UserError(f"{message}: not for these credentials, or they have expired")
    if status >= 500 or code in ("SlowDown", "RequestTimeout", "RequestTimeTooSkewed"):
        return ConnectionError(message)
    return OSError(message)
