"""Where a crawl is fetched from, and at what rate: the settings of every request.

Common Crawl's own servers by default; a mirror by `base_url` or CRAWL2CHAT_CRAWL_URL (https://,
http:// or s3://). Nothing here changes what a page becomes, so nothing here enters a digest.
"""

import dataclasses
import hashlib
import os
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from pipeline import ranges
from storage.cache import cache_root
from storage.errors import UserError
from storage.redaction import foreign, hide, redact

COMMON_CRAWL = "https://data.commoncrawl.org"
COMMON_CRAWL_BUCKET = "s3://commoncrawl"
COMMON_CRAWL_INDEX = "https://index.commoncrawl.org"
SCHEMES = ("https", "http", "s3")
SIGNATURES = ("awsaccesskeyid", "googleaccessid", "signature", "expires")
INDEXES = ("auto", "cdx", "api", "columnar")


@dataclasses.dataclass(frozen=True)
class DownloadConfig:
    """Of a dump: from where, how gently, and where the files stay."""

    # "" = CRAWL2CHAT_CRAWL_URL, else Common Crawl over HTTPS
    base_url: str = ""
    # collinfo.json and the CDX API; "" = CRAWL2CHAT_INDEX_URL, else Common Crawl's or the mirror's
    index_url: str = ""
    # how pages are found by host, language or pattern: the sorted CDX files, their API, or the
    # columnar index; auto = cdx for hosts, else columnar
    index: str = "auto"
    # at a time, of all processes of this user on this machine; above ten Common Crawl answers 403
    connections: int = 4
    # without a single new byte, until a transfer is given up
    tries: int = 8
    # the first pause; doubles with each try, half to one and a half times as long at random.
    # Common Crawl asks for no more than one try a second
    backoff_seconds: float = 1.0
    max_backoff_seconds: float = 120.0
    # longest Retry-After that is waited for
    max_retry_after_seconds: float = 900.0
    # to connect, and between two bytes
    timeout_seconds: float = 30.0
    # slower than this over `timeout_seconds` counts as a stall
    min_bytes_per_second: float = 1000.0
    # s3:// requests signed with AWS credentials (variables, a profile, single sign-on, a role):
    # Common Crawl's bucket has asked for that since April 2022; mirrors may not
    sign: bool = False
    # hosts (or buckets) besides those of the addresses above and of the input that a redirect or a
    # listing may lead to; *.example.com for all below it
    allowed_hosts: tuple[str, ...] = ()
    # folder; "" = CRAWL2CHAT_CACHE, else ~/.cache/crawl2chat
    cache: str = ""
    # beyond it the files that were not used for longest go; a running flow's own never
    max_cache_bytes: int = 200_000_000_000
    # whole files fetched before the pass has got to them
    files_ahead: int = 4
    # WARC-Block-Digest of every record; gzip's own checksums are always checked
    check_digests: bool = True
    # a file whose gzip members are unsound twice over: refuse it, or keep it (its broken records
    # become error rows of the ledger)
    refuse_damaged: bool = True
    # of records fetched one by one, in one .warc.gz
    pages_per_file: int = 10_000

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero="connections tries timeout_seconds files_ahead pages_per_file",
            one_of={"index": INDEXES},
        )


def while_someone_waits(config: DownloadConfig) -> DownloadConfig:
    """The same settings for a person who waits: without a network it fails in seconds."""
    return dataclasses.replace(
        config,
        tries=min(config.tries, 3),
        max_backoff_seconds=min(config.max_backoff_seconds, 5.0),
        max_retry_after_seconds=min(config.max_retry_after_seconds, 20.0),
        timeout_seconds=min(config.timeout_seconds, 10.0),
    )


def base_url(config: DownloadConfig) -> str:
    """The address of the crawl's files, without a slash at the end."""
    url = config.base_url or os.environ.get("CRAWL2CHAT_CRAWL_URL") or COMMON_CRAWL
    return checked(hide(url))


def index_url(config: DownloadConfig) -> str:
    """The address of collinfo.json and of the CDX API."""
    url = config.index_url or os.environ.get("CRAWL2CHAT_INDEX_URL") or ""
    if not url:
        base = base_url(config)
        url = COMMON_CRAWL_INDEX if base in (COMMON_CRAWL, COMMON_CRAWL_BUCKET) else base
    return checked(hide(url))


def checked(url: str) -> str:
    """The address without its last slash; UserError if nothing can be fetched from it."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not parts.netloc:
        where = redact(url)
        raise UserError(f"{where}: write the crawl's address as https://HOST or s3://BUCKET")
    return url.rstrip("/")


def join(base: str, path: str, config: DownloadConfig) -> str:
    """The address of a file that a listing names; UserError if it is on a host not allowed.

    Others write the listing: it must not make this machine fetch from its own private network.
    """
    if "://" in path:
        if urlsplit(path).scheme not in SCHEMES or not is_allowed(path, base, config):
            raise UserError(f"{redact(path)}: named by a listing, but {NOT_ALLOWED}")
        return str(hide(foreign(path)))
    return f"{base}/{quote(path.lstrip('/'), safe='/=~:+@,%')}"


NOT_ALLOWED = "not on an allowed host: add it to download.allowed_hosts if that is meant"


def is_allowed(url: str, asked: str, config: DownloadConfig) -> bool:
    """Whether a redirect or a listing's address may be followed.

    Args:
        url: the address.
        asked: the address that was requested.
        config: names hosts that are allowed besides its own.
    """
    host = host_of(url)
    if host in map(host_of, (asked, base_url(config), index_url(config))):
        # never from https to unencrypted http
        return not (url.startswith("http://") and asked.startswith("https://"))
    return any(
        host == wanted.lower() or (wanted.startswith("*.") and host.endswith(wanted[1:].lower()))
        for wanted in config.allowed_hosts
    )


def host_of(url: str) -> str:
    """Host and port (of s3:// the bucket), without user and password."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def cache_folder(config: DownloadConfig) -> Path:
    """Where fetched files stay."""
    chosen = Path(config.cache).expanduser().absolute() if config.cache else cache_root()
    return chosen / "crawl"


def place_of(url: str) -> str:
    """The file's place in the cache: host and path, as on the server.

    Another query is another file, so its hash is part of the name, before the ending; parameters
    that only sign a request don't count.
    """
    parts = urlsplit(url)
    names = [name for name in unquote(parts.path).split("/") if name]
    if not names or any(name in (".", "..") or "\0" in name for name in names):
        raise UserError(f"{url}: no file's address")
    if query := "&".join(sorted(p for p in parts.query.split("&") if p and not _signs(p))):
        stem, dot, ending = names[-1].partition(".")
        names[-1] = f"{stem}-{hashlib.sha256(query.encode()).hexdigest()[:12]}{dot}{ending}"
    return "/".join([parts.netloc.rpartition("@")[2], *names])


def _signs(parameter: str) -> bool:
    """Whether a parameter signs a presigned address (of S3 and the like): it differs each time."""
    name = parameter.partition("=")[0].lower()
    return name.startswith(("x-amz-", "x-goog-")) or name in SIGNATURES
