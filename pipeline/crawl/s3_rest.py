"""S3 as plain HTTP: the address of an object, and AWS signature version 4 for a GET of it.

`s3://BUCKET/KEY` becomes the bucket's REST address, or a path below AWS_ENDPOINT_URL. Credentials
come from the usual AWS variables or a profile in ~/.aws/credentials; tests hold the signature
against botocore's.
"""

import configparser
import dataclasses
import datetime
import hashlib
import hmac
import os
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from pipeline.crawl.source import DEFAULT_REGION
from storage.errors import UserError

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


@dataclasses.dataclass(frozen=True)
class Credentials:
    """An access key; `token` only with temporary ones."""

    key_id: str
    secret: str
    token: str = ""


def address(url: str) -> str:
    """The object's address over HTTP."""
    parts = urlsplit(url)
    bucket, key = parts.netloc, parts.path.lstrip("/")
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    path = quote(unquote(key), safe="/~")
    if endpoint:
        return f"{endpoint.rstrip('/')}/{bucket}/{path}"
    if "." in bucket:  # its name would not fit the certificate
        return f"https://s3.{region()}.amazonaws.com/{bucket}/{path}"
    return f"https://{bucket}.s3.{region()}.amazonaws.com/{path}"


def region() -> str:
    """The bucket's region."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION


def signature(url: str, now: datetime.datetime) -> dict[str, str]:
    """The headers that sign a GET without query."""
    who = credentials()
    parts = urlsplit(url)
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{region()}/s3/aws4_request"
    headers = {"host": parts.netloc, "x-amz-content-sha256": EMPTY_SHA256, "x-amz-date": stamp}
    if who.token:
        headers["x-amz-security-token"] = who.token
    names = sorted(headers)
    lines = [f"{name}:{headers[name]}\n" for name in names]
    request = ["GET", parts.path, parts.query, "".join(lines), ";".join(names), EMPTY_SHA256]
    digest = hashlib.sha256("\n".join(request).encode()).hexdigest()
    key = f"AWS4{who.secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    signed = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    del headers["host"]  # the client sends its own
    headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={who.key_id}/{scope},"
        f" SignedHeaders={';'.join(names)}, Signature={signed}"
    )
    return headers


def credentials() -> Credentials:
    """From the environment, else from the profile; UserError where there are none."""
    given = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if given[0] and given[1]:
        return Credentials(given[0], given[1], os.environ.get("AWS_SESSION_TOKEN", ""))
    place = os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials"
    profile = os.environ.get("AWS_PROFILE") or "default"
    known = configparser.ConfigParser(interpolation=None)
    known.read(Path(place).expanduser())
    if known.has_option(profile, "aws_access_key_id"):
        section = known[profile]
        return Credentials(
            section["aws_access_key_id"],
            section.get("aws_secret_access_key", ""),
            section.get("aws_session_token", ""),
        )
    raise UserError(
        "download.sign: no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        f" or a profile in {place}"
    )
