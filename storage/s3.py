"""A tree of artifacts in an object store, `s3://bucket/prefix/<kind>/<digest16>/…`.

Object stores have no rename, but each object appears whole: the files are uploaded first and
manifest.json last, and a folder without its manifest is no artifact. Where two may write the same
object, a write says what it replaces (If-Match, If-None-Match), and the one that comes too late
looks again; a store that doesn't know such requests gets a lock made of objects instead. Keys and
region come from wherever botocore finds them; another endpoint from AWS_ENDPOINT_URL or
`?endpoint_override=`.
"""

import contextlib
import functools
import hashlib
import itertools
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from storage import aws, object_lock, transfer
from storage.aws import ObjectChanged, Unsupported
from storage.backoff import pause_seconds
from storage.errors import UserError
from storage.local import Entries
from storage.manifest import MANIFEST, file_names, parse
from storage.redaction import redact, reveal
from storage.remote_file import RemoteFile
from storage.transfer import ObjectAddress

LOCKS = ".locks"
PROBE = ".probe"
ABSENT = ""  # the ETag of an object that is not there
# Stands in a damaged manifest's place while its files are replaced: no reader takes the mixture
# for whole. All who rebuild write the same, so that none undoes the work of another.
REBUILDING = b'{"rebuilding": "the next commit replaces this"}\n'
SHA256 = "sha256"  # of a file's bytes, in its object's metadata
PAUSE_SECONDS = 0.05  # before the next try after a lost race; twice as long after each
MOST_PAUSE_SECONDS = 2.0
PAGE = 1000  # objects, at most, of a listing's answer
LISTINGS = 16  # at a time
HEX = "0123456789abcdef"
DIGITS = 16  # of a digest, in the name of an artifact's folder
RACES = 50  # lost one after another: no longer chance
T = TypeVar("T")
log = logging.getLogger("crawl2chat")


class ObjectTree:
    """Reads and publishes artifact folders below an s3:// URL."""

    def __init__(self, url: str, sleep: Callable[[float], None] = time.sleep) -> None:
        parts = urlsplit(url)
        options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        for key in sorted(options.keys() - {"endpoint_override", "region", "scheme"}):
            raise UserError(
                f"lake {redact(url)}: unknown option {key!r}"
                " (known: endpoint_override, region, scheme)"
            )
        if not parts.netloc:
            raise UserError(f"lake {url}: no bucket: write s3://BUCKET/PREFIX")
        if "@" in parts.netloc:
            raise UserError(f"lake {redact(url)}: no keys in an address: {aws.HOW_TO_SIGN_IN}")
        self.bucket, self.prefix = parts.netloc, unquote(parts.path).strip("/")
        self.url = f"s3://{self.bucket}/{self.prefix}".rstrip("/")
        self.endpoint = options.get("endpoint_override", "") or aws.endpoint()
        address = reveal(self.endpoint)
        if address and "://" not in address:
            address = f"{options.get('scheme', 'https')}://{address}"
        self.client = aws.client(address, options.get("region", ""))
        self._sleep = sleep
        self._check_bucket()

    def read(self, name: str) -> bytes | None:
        """A small object's bytes, None where there is none."""
        return self.tagged(name)[0]

    def tagged(self, name: str) -> tuple[bytes | None, str]:
        """A small object's bytes and the ETag that names them; None and "" where there is none."""
        place = self.place(name)
        with contextlib.suppress(FileNotFoundError), aws.plain_errors(place.where):
            answer = self.client.get_object(**place.named)
            with contextlib.closing(answer["Body"]) as body:
                return bytes(body.read()), str(answer["ETag"])
        return None, ABSENT

    def write(self, name: str, data: bytes) -> None:
        """Replace a small object, whatever is there; the store shows the old or the new one."""
        place = self.place(name)
        with aws.plain_errors(place.where):
            self.client.put_object(**place.named, Body=data)

    def replace(self, name: str, data: bytes, old: str) -> str:
        """Write a small object if what is there has this ETag; the new one's or `ObjectChanged`."""
        if self.is_conditional:
            with _missing_is_changed():
                return self._put_if(name, data, old)
        with object_lock.held(self, f"{LOCKS}/{name}", self._sleep):
            if self._etag(name) != old:
                raise ObjectChanged(self.place(name).where)
            self.write(name, data)
            return self._etag(name)

    def update(self, name: str, change: Callable[[bytes | None], bytes]) -> None:
        """Read, change and replace a small object; two that do it at once don't lose each other's.

        `change` may be called several times.
        """
        for attempt in self._races(name):
            old, etag = self.tagged(name)
            with attempt:
                self.replace(name, change(old), etag)
                return

    def remove(self, name: str) -> None:
        """Remove an object; one that is gone is fine."""
        place = self.place(name)
        with aws.plain_errors(place.where):
            self.client.delete_object(**place.named)

    def sizes(self, folder: str) -> dict[str, int]:
        """Size of each object below a folder, by name; empty where there is none."""
        return {name: int(found["Size"]) for name, found in self._listed(f"{folder}/")}

    def times(self, folder: str) -> dict[str, datetime]:
        """When each object below a folder was written, by the store's clock."""
        return {name: found["LastModified"] for name, found in self._listed(f"{folder}/")}

    def entries(self, kind: str | None = None, start: str = "") -> dict[str, Entries]:
        """Size and time of change of the objects of artifact folders, by `<kind>/<digest16>`.

        Of one kind if it is given, and of those alone whose digest starts so.
        """
        found: dict[str, Entries] = {}
        for one in [kind] if kind else self._kinds():
            for name, size, changed in _by_digits(self._objects, one, start[:DIGITS]):
                above, _, rest = name.removeprefix(f"{one}/").partition("/")
                if rest:
                    found.setdefault(f"{one}/{above}", {})[rest] = size, changed
        return found

    def entries_of(self, folder: str, changed: int | None = None) -> Entries:
        """Of one artifact folder, which has no time of change."""
        found = self._objects(f"{folder}/")
        return {name.removeprefix(f"{folder}/"): (size, when) for name, size, when in found}

    def folders(self) -> dict[str, int | None]:
        """All artifact folders, `<kind>/<digest16>`: a thousand a request, whatever is in them.

        None stands for their time of change.
        """
        names = (name for kind in self._kinds() for name in _by_digits(self._below, kind, ""))
        return dict.fromkeys(names)

    def open(self, name: str) -> RemoteFile:
        """A file to read ranges of, of one version."""
        return RemoteFile(self.place(name))

    def publish(self, staging: Path, folder: str, is_whole: Callable[[], bool]) -> bool:
        """Upload a finished staging folder; False if a whole artifact is there.

        Of two that commit the same digest at once the first manifest stays. Files are the same
        bytes by either, and one that is there already is not sent again.
        """
        manifest = f"{folder}/{MANIFEST}"
        names = [name for name in file_names(staging) if name != MANIFEST]
        for name in names:  # before hours are spent on the others
            transfer.part_bytes((staging / name).stat().st_size, f"{self.url}/{folder}/{name}")
        for attempt in self._races(manifest):
            found, etag = self.tagged(manifest)
            if is_whole():
                return False
            with attempt:
                if found not in (None, REBUILDING):  # damaged
                    etag = self.replace(manifest, REBUILDING, etag)
                self._upload_files(staging, folder, names)
                self.replace(manifest, (staging / MANIFEST).read_bytes(), etag)
                return True
        raise AssertionError("not reached")

    def download(self, name: str, target: Path) -> None:
        """Copy an object to a local file."""
        transfer.download(self.place(name), target)

    def sha256(self, name: str) -> str:
        """Hash of an object's bytes, read once."""
        sha, place = hashlib.sha256(), self.place(name)
        with aws.plain_errors(place.where):
            answer = self.client.get_object(**place.named)
            with contextlib.closing(answer["Body"]) as body:
                for block in body.iter_chunks(transfer.PART_BYTES):
                    sha.update(block)
        return sha.hexdigest()

    def place(self, name: str) -> ObjectAddress:
        """The object of this name."""
        return ObjectAddress(self.client, self.bucket, f"{self.prefix}/{name}".lstrip("/"))

    @functools.cached_property
    def is_conditional(self) -> bool:
        """Whether the store keeps its word where a write names what it replaces.

        Some answer that they don't know such requests; some don't even look at the condition.
        """
        name = f"{PROBE}/{secrets.token_hex(8)}"
        try:
            etag = self._put_if(name, b"1", ABSENT)
            known = self._refuses(name, ABSENT) and self._refuses(name, f'"{"0" * 32}"')
            if known:
                self._put_if(name, b"2", etag)
        except (Unsupported, ObjectChanged):  # the last: what is refused although it holds
            known = False
        finally:
            with contextlib.suppress(UserError):  # some may write, and not delete
                self.remove(name)
        if not known:
            log.warning(
                "lake %s: this store knows no conditional writes (If-Match, If-None-Match): locks"
                " made of objects take their place, so commits are slower",
                self.url,
            )
        return known

    def _refuses(self, name: str, wrong: str) -> bool:
        try:
            self._put_if(name, b"0", wrong)
        except ObjectChanged:
            return True
        return False

    def _put_if(self, name: str, data: bytes, old: str) -> str:
        place = self.place(name)
        condition = {"IfMatch": old} if old else {"IfNoneMatch": "*"}
        with aws.plain_errors(place.where):
            answer = self.client.put_object(**place.named, Body=data, **condition)
        return str(answer["ETag"])

    def _etag(self, name: str) -> str:
        place = self.place(name)
        with contextlib.suppress(FileNotFoundError), aws.plain_errors(place.where):
            return str(self.client.head_object(**place.named)["ETag"])
        return ABSENT

    def _upload_files(self, staging: Path, folder: str, names: list[str]) -> None:
        manifest = parse((staging / MANIFEST).read_bytes(), folder)
        files = {**manifest.files, **manifest.provenance.get("files", {})}
        there = self.sizes(folder)
        for name in names:
            sha256 = files[name]["sha256"]
            if (
                there.get(name) != files[name]["bytes"]
                or self._sha256_noted(f"{folder}/{name}") != sha256
            ):
                self._upload(staging / name, f"{folder}/{name}", sha256)

    def _upload(self, source: Path, name: str, sha256: str) -> None:
        transfer.upload(source, self.place(name), {SHA256: sha256})

    def _sha256_noted(self, name: str) -> str:
        place = self.place(name)
        with contextlib.suppress(FileNotFoundError), aws.plain_errors(place.where):
            noted = self.client.head_object(**place.named)["Metadata"]
            return str(noted.get(SHA256, ""))
        return ""

    def _races(self, name: str) -> Iterator[contextlib.AbstractContextManager[None]]:
        """Tries, each of which may end in `ObjectChanged`; after each a longer pause."""
        for lost in range(1, RACES + 1):
            yield contextlib.suppress(ObjectChanged)
            self._sleep(pause_seconds(lost, PAUSE_SECONDS, MOST_PAUSE_SECONDS))
        raise ConnectionError(f"{self.place(name).where}: {RACES} times others were faster")

    def _kinds(self) -> list[str]:
        return [name for name in self._below("") if not name.startswith(".")]

    def _below(self, place: str) -> Iterator[str]:
        """The folders whose names begin so, and not what is in them."""
        prefix = f"{self.prefix}/{place}".lstrip("/")
        above = len(prefix) - len(place)
        for page in self._pages(prefix, Delimiter="/"):
            yield from (one["Prefix"][above:-1] for one in page.get("CommonPrefixes", ()))

    def _objects(self, place: str) -> Iterator[tuple[str, int, int]]:
        """Name, size and time of change (ns) of the objects whose names begin so."""
        for rest, found in self._listed(place):
            changed = int(found["LastModified"].timestamp() * 1e9)
            yield f"{place}{rest}", int(found["Size"]), changed

    def _listed(self, folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """What is below a folder, in order: its name from there on, and what the store says."""
        prefix = f"{self.prefix}/{folder}".lstrip("/")
        for page in self._pages(prefix):
            for found in page.get("Contents", ()):
                if not found["Key"].endswith("/"):  # some tools make objects for folders
                    yield found["Key"].removeprefix(prefix), found

    def _pages(self, prefix: str, **how: str) -> Iterator[dict[str, Any]]:
        with aws.plain_errors(f"s3://{self.bucket}/{prefix}"):
            pages = self.client.get_paginator("list_objects_v2")
            yield from pages.paginate(Bucket=self.bucket, Prefix=prefix, **how)

    def _check_bucket(self) -> None:
        """A wrong bucket, endpoint or key is found here, in one line, not deep inside a run."""
        try:
            with aws.plain_errors(self.url):
                self.client.head_bucket(Bucket=self.bucket)
        except FileNotFoundError as error:
            raise UserError(
                f"lake {self.url}: no bucket {self.bucket!r}: create it first"
            ) from error
        except OSError as error:
            raise UserError(f"lake {self.url}: can't be reached: {error}") from error


def _by_digits(ask: Callable[[str], Iterator[T]], kind: str, start: str) -> list[T]:
    """All that is asked for of a kind's folders whose digests start so.

    A listing comes a thousand at a time, each page after the one before; so what takes more than
    one is asked for by the digests' next digit, several at a time.
    """
    if len(start) == DIGITS:
        return [*ask(f"{kind}/{start}")]
    found = [*itertools.islice(ask(f"{kind}/{start}"), PAGE)]
    if len(found) < PAGE:
        return found
    with ThreadPoolExecutor(LISTINGS) as pool:
        parts = pool.map(lambda digit: [*ask(f"{kind}/{start}{digit}")], HEX)
        return [one for part in parts for one in part]


@contextlib.contextmanager
def _missing_is_changed() -> Iterator[None]:
    """If-Match on an object that is gone is answered with 404."""
    try:
        yield
    except FileNotFoundError as error:
        raise ObjectChanged(str(error)) from error
