"""Requests that are retried, and never too many at once.

A connection is a slot: a lock file in the cache folder, so that all threads and all processes of a
user share one limit, and a dead process frees its slots. After a failure there is a pause with
jittered exponential back-off; when the server asks to slow down (403, 429, 503, Retry-After) every
thread waits. Tries are counted from the last new byte, so a connection that often breaks still
makes progress.
"""

import contextlib
import fcntl
import os
import random
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from typing import TypeVar

from pipeline.crawl import transport
from pipeline.crawl.source import DownloadConfig, cache_folder, host_of
from pipeline.crawl.transport import SLOW_DOWN, Refused, TransferError
from pipeline.inflate import InflatedTooLarge, gunzip
from storage.backoff import pause_seconds

T = TypeVar("T")
SLOT_POLL_SECONDS = 0.05
MAX_LISTING_BYTES = 1 << 30  # of what is read into memory at once
MAX_SKIP_BYTES = 16 << 20  # read and thrown away, from a server that ignores ranges


class Client:
    """Fetches from one crawl's servers; threads may share it."""

    def __init__(self, config: DownloadConfig, sleep: Callable[[float], None] = time.sleep) -> None:
        self.config = config
        self.received = 0  # bytes, of all transfers
        self._sleep = sleep
        self._slots = cache_folder(config) / ".slots"
        self._lock = threading.Lock()
        self._not_before = 0.0  # on the monotonic clock

    def retry(self, attempt: Callable[[], T], reached: Callable[[], int] = lambda: 0) -> T:
        """Call `attempt` until it succeeds; when `reached` grows, the count of tries starts again.

        Raises the last TransferError after `tries` in a row without progress.
        """
        failures, best = 0, reached()
        while True:
            self._wait_for_all()
            try:
                return attempt()
            except TransferError as error:
                if reached() > best:
                    failures, best = 0, reached()
                failures += 1
                if failures >= self.config.tries:
                    raise type_of(error)(f"{error} ({failures} tries)") from error
                self._pause(error, failures)

    @contextlib.contextmanager
    def get(
        self, url: str, start: int = 0, stop: int | None = None, validator: str = ""
    ) -> Iterator[transport.Body]:
        """One request in a slot of its own."""
        with (
            self._slot(host_of(url)),
            transport.get(url, self.config, start, stop, validator) as body,
        ):
            yield body

    def read(self, url: str, start: int = 0, stop: int | None = None) -> bytes:
        """The bytes of a small file, or `start` to `stop` of any file."""
        return self.retry(lambda: self.read_once(url, start, stop)[0])

    def read_once(
        self, url: str, start: int = 0, stop: int | None = None
    ) -> tuple[bytes, transport.Body]:
        """One try of `read`; also the server's description of what it sent."""
        with self.get(url, start, stop) as body:
            skip = start - body.start
            if skip < 0 or skip > MAX_SKIP_BYTES:
                raise TransferError(f"{url}: sent from byte {body.start:,}, not from {start:,}")
            wanted = MAX_LISTING_BYTES if stop is None else stop - start
            data = bytearray()
            for block in body.blocks:
                self.count(len(block))
                data += block
                if len(data) - skip > wanted and stop is None:
                    raise TransferError(f"{url}: more than {MAX_LISTING_BYTES:,} bytes")
                if len(data) - skip >= wanted:
                    break
        found = bytes(data[skip : skip + wanted])
        if stop is not None:
            expected = min(stop, stop if body.total is None else body.total) - start
            if len(found) != expected:
                raise TransferError(f"{url}: {len(found):,} of {expected:,} bytes at {start:,}")
        return found, body

    def read_lines(self, url: str) -> list[str]:
        """The lines of a gzipped listing."""

        def attempt() -> list[str]:
            data = self.read_once(url)[0]
            try:
                return gunzip(data, MAX_LISTING_BYTES).decode("utf-8").split("\n")
            except (InflatedTooLarge, EOFError, zlib.error, UnicodeDecodeError) as error:
                raise TransferError(f"{url}: no sound gzip file ({error})") from error

        return [line for line in self.retry(attempt) if line]

    def count(self, size: int) -> None:
        """Count bytes that were received."""
        with self._lock:
            self.received += size

    @contextlib.contextmanager
    def _slot(self, host: str) -> Iterator[None]:
        self._slots.mkdir(parents=True, exist_ok=True)
        names = [f"{host}.{number}" for number in range(self.config.connections)]
        descriptor = -1
        while descriptor < 0:
            for name in random.sample(names, len(names)):
                path = self._slots / name
                candidate = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
                try:
                    fcntl.flock(candidate, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    os.close(candidate)
                    continue
                descriptor = candidate
                break
            else:
                time.sleep(SLOT_POLL_SECONDS)
        try:
            yield
        finally:
            os.close(descriptor)

    def _pause(self, error: TransferError, failures: int) -> None:
        config = self.config
        seconds = pause_seconds(failures, config.backoff_seconds, config.max_backoff_seconds)
        if isinstance(error, Refused):
            asked = min(error.retry_after or 0.0, config.max_retry_after_seconds)
            seconds = max(seconds, asked)
            if error.status in SLOW_DOWN:
                with self._lock:
                    self._not_before = max(self._not_before, time.monotonic() + seconds)
                return  # every thread waits for it before its next try
        self._sleep(seconds)

    def _wait_for_all(self) -> None:
        while True:
            with self._lock:
                seconds = self._not_before - time.monotonic()
            if seconds <= 0:
                return
            # jitter: not all threads at the same moment
            self._sleep(seconds + random.uniform(0, self.config.backoff_seconds))


def type_of(error: TransferError) -> Callable[[str], TransferError]:
    """The constructor of the same error with another message."""
    if isinstance(error, Refused):
        status, retry_after = error.status, error.retry_after
        return lambda text: Refused(text, status, retry_after)
    return TransferError
