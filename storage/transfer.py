"""Objects larger than one request: up in parts of a size that fits, down in ranges of one version.

S3 takes 10,000 parts of at most 5 GiB, so the part's size follows from the file's. Several parts
are under way at once; each is tried again by itself.
"""

import contextlib
import dataclasses
import io
import os
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from storage import aws
from storage.errors import UserError

MIB = 1 << 20
PART_BYTES = 16 * MIB  # what fits into one is sent in one request
MOST_PARTS = 10_000
MOST_PART_BYTES = 5 << 30
STREAMS = 4  # parts under way at once
TRIES = 4  # of one range whose body breaks off: botocore repeats only what has no answer yet


@dataclasses.dataclass(frozen=True)
class ObjectAddress:
    """An object: by whom, in which bucket, under which key; `where` is for messages."""

    client: Any
    bucket: str
    key: str

    @property
    def where(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def named(self) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self.key}


def part_bytes(size: int, where: str) -> int:
    """How large the parts of a file are; UserError if S3 takes no file of that size."""
    fits = -(-size // MOST_PARTS)
    chosen = max(PART_BYTES, -(-fits // MIB) * MIB)
    if chosen > MOST_PART_BYTES:
        most = MOST_PARTS * MOST_PART_BYTES
        raise UserError(f"{where}: {size:,} bytes, but an object of S3 has {most:,} at most")
    return chosen


def upload(source: Path, place: ObjectAddress, metadata: dict[str, str]) -> None:
    """Send a file; the object appears when all of it is there."""
    size = source.stat().st_size
    step = part_bytes(size, place.where)
    client, named = place.client, place.named
    if size <= step:
        with aws.plain_errors(place.where), source.open("rb") as file:
            client.put_object(**named, Body=file, Metadata=metadata)
        return
    with aws.plain_errors(place.where):
        begun = {**named, "UploadId": _begin(place, metadata)}
        try:

            def send(number: int) -> dict[str, Any]:
                start = (number - 1) * step
                with source.open("rb") as file:
                    body = _Section(file, start, min(step, size - start))
                    answer = client.upload_part(**begun, PartNumber=number, Body=body)
                return {"PartNumber": number, "ETag": answer["ETag"]}

            parts = _all(send, range(1, -(-size // step) + 1))
            client.complete_multipart_upload(**begun, MultipartUpload={"Parts": parts})
        except BaseException:
            with contextlib.suppress(Exception):  # parts that are kept cost money
                client.abort_multipart_upload(**begun)
            raise


def download(place: ObjectAddress, target: Path) -> None:
    """Fetch an object into a file, all of it of one version."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with aws.plain_errors(place.where):
        head = place.client.head_object(**place.named)
        size, etag = int(head["ContentLength"]), str(head["ETag"])
        with target.open("wb") as file:
            file.truncate(size)

            def fetch(start: int) -> None:
                data = read_range(place, start, min(start + PART_BYTES, size), etag)
                position = start
                while position < start + len(data):
                    rest = memoryview(data)[position - start :]
                    position += os.pwrite(file.fileno(), rest, position)

            _all(fetch, range(0, size, PART_BYTES))


def read_range(place: ObjectAddress, start: int, stop: int, etag: str) -> bytes:
    """These bytes of this version; ConnectionError if there is another by now."""
    for left in reversed(range(TRIES)):
        try:
            with aws.plain_errors(place.where):
                return _read_once(place, start, stop, etag)
        except aws.ObjectChanged as error:
            raise ConnectionError(f"{place.where}: changed while it was read") from error
        except ConnectionError:
            if not left:
                raise
    raise AssertionError("not reached")


def _read_once(place: ObjectAddress, start: int, stop: int, etag: str) -> bytes:
    span = f"bytes={start}-{stop - 1}"
    answer = place.client.get_object(**place.named, Range=span, IfMatch=etag)
    with contextlib.closing(answer["Body"]) as body:
        data = bytes(body.read())
    if len(data) != stop - start:  # a store that ignores ranges
        raise OSError(f"{place.where}: sent {len(data):,} bytes for {stop - start:,}")
    return data


def _begin(place: ObjectAddress, metadata: dict[str, str]) -> str:
    answer = place.client.create_multipart_upload(**place.named, Metadata=metadata)
    return str(answer["UploadId"])


def _all(work: Callable[[int], Any], numbers: Iterable[int]) -> list[Any]:
    """Done for each, a few at once; after the first failure nothing new is begun."""
    with ThreadPoolExecutor(STREAMS) as pool:
        futures = [pool.submit(work, number) for number in numbers]
        wait(futures, return_when=FIRST_EXCEPTION)
        for future in futures:
            future.cancel()
        failed = [f for f in futures if f.done() and not f.cancelled() and f.exception()]
    return [future.result() for future in failed or futures]


class _Section(io.RawIOBase):
    """Some bytes of an open file, as a file of their own."""

    def __init__(self, file: Any, start: int, length: int) -> None:
        super().__init__()
        self._file, self._start, self._length, self._at = file, start, length, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        self._file.seek(self._start + self._at)
        wanted = max(0, min(len(buffer), self._length - self._at))
        count: int = self._file.readinto(memoryview(buffer)[:wanted])
        self._at += count
        return count
