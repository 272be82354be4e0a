"""Downloads a whole file into the cache, over an unreliable network.

It grows as `.NAME.part` beside a note of its version (the server's ETag and length). A new try asks
for the rest of exactly that version (Range, If-Range); if the server ignores the range, or the file
has changed or has no version, the download starts again. A file is complete when it has the
announced length and its gzip members are sound to the end; only then is it renamed into its place.
"""

import dataclasses
import itertools
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.crawl.client import Client
from pipeline.crawl.file_cache import Cache, Stored
from pipeline.crawl.frames import compression_of
from pipeline.crawl.source import place_of
from pipeline.crawl.transport import Body, Refused, TransferError
from pipeline.crawl.verify import Check, check_archive
from storage import durable
from storage.digest import file_sha256

GZIP_MAGIC = b"\x1f\x8b"
FRESH_TRIES = 3  # of a file that is received completely but is damaged

Tell = Callable[[int, int | None], None]  # bytes on disk, of how many


@dataclasses.dataclass(frozen=True)
class Version:
    """The version of the file that a part is the beginning of."""

    url: str
    validator: str
    total: int | None


def download(
    client: Client, cache: Cache, url: str, tell: Tell = lambda done, total: None
) -> Stored:
    """Download `url` into the cache, without a request if it is there already.

    Args:
        client: fetches it.
        cache: where it is stored.
        url: the file's address.
        tell: called with the bytes on disk and the total.

    Raises:
        TransferError: the transfer failed, or the file is damaged and damaged ones are refused.
        Missing: the server has no such file.
    """
    place = place_of(url)

    def bring() -> Stored:
        path, part = cache.path(place), cache.part(place)
        if path.is_file() and not part.exists():
            path.replace(part)  # a kill between the rename and the record
        growing = _Growing(client, cache, url, part, tell)
        check, sha256 = _sound(client, growing)
        size = part.stat().st_size
        stored = Stored(url, size, sha256, growing.version.validator, _warning(check))
        cache.store(place, stored)
        growing.note.unlink(missing_ok=True)
        return stored

    return cache.once(place, bring)


def _sound(client: Client, growing: "_Growing") -> tuple[Check, str]:
    """Fetch until the file is complete and sound; returns the result of the check and the hash."""
    hashes: list[str] = []
    while True:
        client.retry(growing.attempt, growing.reached)
        check = check_archive(growing.part, client.config.check_digests)
        hashes.append(file_sha256(growing.part))
        if not check.problem:
            return check, hashes[-1]
        same_again = len(hashes) > 1 and hashes[-1] == hashes[-2]
        if same_again and not client.config.refuse_damaged:
            return check, hashes[-1]
        growing.forget()
        if same_again or len(hashes) == FRESH_TRIES:
            raise TransferError(
                f"{growing.url}: what the server sends is damaged ({check.problem});"
                " download.refuse_damaged=false takes it if it stays the same"
            )


def _warning(check: Check) -> str:
    if check.problem:
        return f"damaged: {check.problem}"
    if check.wrong_digests:
        return (
            f"{check.wrong_digests} of {check.digests:,} records don't match their own digest,"
            f" the first {check.first_wrong}"
        )
    return ""


class _Growing:
    """The part of one file, and the tries to complete it."""

    def __init__(self, client: Client, cache: Cache, url: str, part: Path, tell: Tell) -> None:
        self.client, self.cache, self.url, self.part, self.tell = client, cache, url, part, tell
        self.path = urlsplit(url).path
        self.note = part.with_name(part.name + ".json")
        self.version = self._noted()

    def reached(self) -> int:
        """Bytes on disk."""
        try:
            return self.part.stat().st_size
        except FileNotFoundError:
            return 0

    def forget(self) -> None:
        """Remove the part, so that the download starts again."""
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)
        self.version = Version(self.url, "", None)

    def attempt(self) -> None:
        """One request for the missing bytes; TransferError if the file is not complete after it."""
        size = self.reached()
        if size and not self.version.validator and self.version.total != size:
            self.forget()  # its version is not known
            size = 0
        if self.version.total is not None and size > self.version.total:
            self.forget()
            size = 0
        if self.version.total is None or size < self.version.total:
            try:
                with self.client.get(self.url, size, None, self.version.validator) as body:
                    self._take(body, size)
            except Refused as error:
                if error.status == 416:
                    self.forget()  # the file ends before our bytes do: they are another version's
                raise
        size = self.reached()
        if self.version.total is not None and size != self.version.total:
            raise TransferError(f"{self.url}: {size:,} of {self.version.total:,} bytes")

    def _take(self, body: Body, size: int) -> None:
        version = Version(self.url, body.validator, body.total)
        same = version.validator == self.version.validator != ""
        goes_on = size > 0 and same and self.version.total in (None, version.total)
        if body.start > 0 and not (goes_on and body.start == size):
            self.forget()
            raise TransferError(f"{self.url}: sent another version from byte {body.start:,}")
        blocks = iter(body.blocks)
        first = next(blocks, b"")
        if body.start == 0 and not self._begins_well(first):  # what we have stays
            kind = body.content_type or "no type"
            wanted = "a gzip file" if self.path.endswith(".gz") else "the file"
            raise TransferError(f"{self.url}: sent {kind} instead of {wanted}")
        if not goes_on:
            self.forget()
            size = 0
        if version != self.version:
            self.version = version
            durable.write_atomic(self.note, json.dumps(dataclasses.asdict(version)).encode())
            if version.total is not None:
                self.cache.make_room(version.total - size)
        # A server that ignores ranges also sends the bytes that are here already.
        self._append(itertools.chain((first,), blocks), size, skip=size - body.start)

    def _append(self, blocks: Iterable[bytes], size: int, skip: int) -> None:
        with durable.appended(self.part) as append:
            for block in blocks:
                self.client.count(len(block))
                new = block[skip:]
                skip = max(0, skip - len(block))
                append(new)
                size += len(new)
                self.tell(size, self.version.total)

    def _begins_well(self, block: bytes) -> bool:
        """Whether it is the file and not an error page, which proxies may send with status 200."""
        if self.path.endswith(".gz"):
            return block[:2] == GZIP_MAGIC[: len(block)]
        if self.path.endswith(".zst"):  # a frame, or one with a dictionary
            return len(block) < 4 or compression_of(block) is not None
        return block.lstrip()[:1] != b"<"

    def _noted(self) -> Version:
        try:
            noted = Version(**json.loads(self.note.read_text()))
        except (OSError, ValueError, TypeError):
            return Version(self.url, "", None)
        return noted if noted.url == self.url else Version(self.url, "", None)
