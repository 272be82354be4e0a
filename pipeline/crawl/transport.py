"""One GET of a byte range, over HTTP or from S3, and how it can fail.

In: an address, a first byte and the validator (ETag) of what is on disk. Out: a `Body` with the
position where it begins and the total length, whatever was asked for: servers ignore ranges and
give wrong lengths, so the caller decides by what was sent. S3 is plain REST, unsigned or signed, so
that one code path has all retries and checks. Redirects are followed to allowed hosts only, and a
signature is sent only to the host that it is for.
"""

import contextlib
import dataclasses
import re
import threading
import time
from collections.abc import Iterator
from urllib.parse import urljoin

import requests
import urllib3

from pipeline.crawl import s3_rest
from pipeline.crawl.source import NOT_ALLOWED, DownloadConfig, host_of, is_allowed
from storage import aws
from storage.backoff import asked_seconds
from storage.errors import UserError
from storage.redaction import foreign, redact, reveal

BLOCK_BYTES = 1 << 20
REDIRECTS = (301, 302, 303, 307, 308)
MOST_REDIRECTS = 5
USER_AGENT = "crawl2chat"
CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)$")
SLOW_DOWN = (403, 429, 503)  # Common Crawl's answers to clients that are too fast
TRANSIENT = (*SLOW_DOWN, 408, 416, 425)  # and every 5xx
_sessions = threading.local()


class TransferError(ConnectionError):
    """A transfer that failed and may succeed a moment later."""


class Refused(TransferError):
    """The server answered without the file; a retry may help."""

    def __init__(self, message: str, status: int, retry_after: float | None) -> None:
        super().__init__(message)
        self.status, self.retry_after = status, retry_after


class Missing(UserError):
    """No such file (404, 410)."""


@dataclasses.dataclass(frozen=True)
class Body:
    """A response that is being received."""

    start: int  # position of its first byte in the file
    total: int | None  # bytes of the whole file; None if the server doesn't say
    stop: int | None  # position after its last byte, if the server says so
    validator: str  # names this version of the file: a strong ETag, else Last-Modified
    content_type: str
    blocks: Iterator[bytes]


@contextlib.contextmanager
def get(
    url: str, config: DownloadConfig, start: int = 0, stop: int | None = None, validator: str = ""
) -> Iterator[Body]:
    """Begin to fetch a byte range.

    Args:
        url: of the file.
        config: timeouts, credentials and allowed hosts.
        start: the first byte.
        stop: the byte after the last; None: to the end.
        validator: of the version that the range is wanted of; of another version the server is to
            send the whole file.

    Raises:
        TransferError: it failed and may succeed later; also while the blocks are read.
        Missing: there is no such file.
        UserError: the server refuses for good, or redirects to a host that is not allowed.
    """
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
    if start or stop is not None:
        headers["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
        if validator:
            headers["If-Range"] = validator
    signs = {}
    address = s3_rest.address(url) if url.startswith("s3://") else url
    if url.startswith("s3://") and config.sign:
        try:
            signs = aws.signed(address)
        except ConnectionError as error:  # whoever gives out keys has a bad moment
            raise TransferError(str(error)) from error
    url = redact(url)  # from here on it is only for messages
    with contextlib.closing(_followed(url, address, headers, signs, config)) as response:
        if response.status_code not in (200, 206):
            raise _refusal(url, response, config)
        yield _body(url, response, config)


def _followed(
    url: str, address: str, headers: dict[str, str], signs: dict[str, str], config: DownloadConfig
) -> requests.Response:
    """The answer, after redirects."""
    asked = address
    for _ in range(MOST_REDIRECTS + 1):
        response = _answer(url, address, {**headers, **signs}, config)
        target = response.headers.get("Location", "")
        if response.status_code not in REDIRECTS or not target:
            return response
        response.close()
        if signs:
            place = response.headers.get("x-amz-bucket-region", "another region")
            raise UserError(f"{url}: this bucket lies in {place}: set AWS_REGION to that")
        target = foreign(urljoin(reveal(address), target))
        if not is_allowed(target, asked, config):
            raise UserError(f"{url}: redirected to {host_of(target)}, {NOT_ALLOWED}")
        address = target
    raise TransferError(f"{url}: more than {MOST_REDIRECTS} redirects")


def _answer(
    url: str, address: str, headers: dict[str, str], config: DownloadConfig
) -> requests.Response:
    try:
        return _session().get(
            reveal(address),
            headers=headers,
            stream=True,
            timeout=config.timeout_seconds,
            allow_redirects=False,
        )
    except requests.exceptions.InvalidURL as error:
        raise UserError(f"{url}: no address that can be fetched: {redact(str(error))}") from error
    except requests.RequestException as error:
        raise TransferError(f"{url}: {redact(_reason(error))}") from error


def _session() -> requests.Session:
    # A session keeps connections open; requests doesn't guarantee that threads can share one.
    if not hasattr(_sessions, "session"):
        _sessions.session = requests.Session()
    session: requests.Session = _sessions.session
    return session


def _body(url: str, response: requests.Response, config: DownloadConfig) -> Body:
    headers = response.headers
    text = headers.get("Content-Length", "")
    length = int(text) if re.fullmatch(r"\d{1,18}", text) else None
    coding = headers.get("Content-Encoding", "").lower()
    # Web servers call a .gz file's own bytes gzip-encoded, and a .zst file's zstd-encoded: the raw
    # bytes are read.
    own = ("gzip" in coding and url.endswith(".gz")) or (coding == "zstd" and url.endswith(".zst"))
    if coding not in ("", "identity") and not own:
        raise TransferError(f"{url}: sent with Content-Encoding {coding}, which was not asked for")
    start, total = 0, length
    stop = length
    if response.status_code == 206:
        match = CONTENT_RANGE.match(headers.get("Content-Range", ""))
        if match is None:
            raise TransferError(f"{url}: a partial answer without a sound Content-Range")
        start, stop = int(match.group(1)), int(match.group(2)) + 1
        total = None if match.group(3) == "*" else int(match.group(3))
        if length is not None and length != stop - start:
            raise TransferError(f"{url}: Content-Length {length} for bytes {start} to {stop - 1}")
    etag = headers.get("ETag", "")
    validator = "" if etag.startswith("W/") else etag  # a weak one doesn't guarantee equal bytes
    validator = validator or headers.get("Last-Modified", "")
    content_type = headers.get("Content-Type", "").lower()
    expected = None if stop is None else stop - start
    blocks = _blocks(url, response, expected, config)
    return Body(start, total, stop, validator, content_type, blocks)


def _blocks(
    url: str, response: requests.Response, expected: int | None, config: DownloadConfig
) -> Iterator[bytes]:
    """The body as it is received; TransferError if it ends early, stalls or is too slow."""
    received = window_bytes = 0
    window_start = time.monotonic()
    while True:
        try:
            block = response.raw.read1(BLOCK_BYTES, decode_content=False)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise TransferError(f"{url}: after {received:,} bytes: {_reason(error)}") from error
        if not block:
            break
        received += len(block)
        window_bytes += len(block)
        yield block
        seconds = time.monotonic() - window_start
        if seconds > config.timeout_seconds:
            if window_bytes < config.min_bytes_per_second * seconds:
                raise TransferError(f"{url}: only {window_bytes:,} bytes in {seconds:.0f} s")
            window_start, window_bytes = time.monotonic(), 0
    if expected is not None and received != expected:
        raise TransferError(f"{url}: cut off after {received:,} of {expected:,} bytes")


def _refusal(url: str, response: requests.Response, config: DownloadConfig) -> Exception:
    status = response.status_code
    message = f"{url}: {status} {response.reason or ''}".rstrip()
    if status in (404, 410):
        return Missing(f"{message}: no such file")
    if status in TRANSIENT or status >= 500:
        if status == 403:
            hint = " (too many requests, or not for everybody"
            unsigned = url.startswith("s3://") and not config.sign
            message += hint + (": try download.sign=true)" if unsigned else ")")
        return Refused(message, status, asked_seconds(response.headers.get("Retry-After", "")))
    return UserError(f"{message}: the server does not give this file")


def _reason(error: BaseException) -> str:
    """The innermost message of a chain of wrapped errors, in one line."""
    while error.args and isinstance(error.args[-1], BaseException):
        error = error.args[-1]
    inner = getattr(error, "reason", None)
    if isinstance(inner, BaseException):
        return _reason(inner)
    text = " ".join(str(error).split())
    return re.sub(r"<[^>]*object at 0x[0-9a-f]+>:?\s*", "", text) or type(error).__name__
