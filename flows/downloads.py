"""Getting the crawl: a task for each file, ahead of the pass that reads them.

`warc_inputs` gives the files of a run as soon as each is there, so that the first is read while the
next are fetched; when downloads are far ahead they wait. A download is a cached task, whose hit
counts only while the file is whole in the cache. A file whose hash an earlier run knows and whose
part is made already is not fetched at all. Local files are hashed likewise: several at a time, not
long before they are read, and only if their hashes are not remembered.
"""

import contextlib
import dataclasses
import hashlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE, CacheKeyFnPolicy
from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from typing_extensions import TypedDict

from flows import inputs
from flows.config_tables import InputConfig
from flows.runner import terminal
from flows.runner.artifact import is_readable
from flows.runner.flow_run import Run
from flows.runner.progress import Relay
from flows.runner.references import InputFile
from flows.runner.retries import RETRIED, is_transient
from flows.runner.workers import NetworkError
from pipeline.cores import cores
from pipeline.crawl.client import Client
from pipeline.crawl.dumps import paths
from pipeline.crawl.file_cache import Cache, Lease
from pipeline.crawl.obtain import (
    Remote,
    cache_of,
    obtain,
    remote,
    selected_pages,
    whole_files,
)
from pipeline.crawl.source import DownloadConfig, cache_folder
from pipeline.crawl.transport import TransferError
from storage.errors import UserError
from storage.file_hashes import NAME, Hashes

MEGABYTE = 1_000_000
TELL_SECONDS = 0.5


class Stopped(RuntimeError):
    """The run has ended before this download."""


class Fetched(TypedDict):
    """What Prefect keeps of a download."""

    path: str
    sha256: str
    bytes: int
    url: str


@dataclasses.dataclass(frozen=True)
class DownloadJob:
    """One file to be fetched, and how."""

    file: Remote
    config: DownloadConfig
    title: str
    stop: threading.Event  # set when the run ends otherwise: nobody waits for this any more

    @property
    def cache(self) -> Cache:
        return cache_of(self.config)

    @property
    def key(self) -> str:
        where = self.cache.path(self.file.place)
        return f"download-{hashlib.sha256(str(where).encode()).hexdigest()[:32]}"


@task(
    name="download",
    persist_result=True,
    result_serializer="json",
    cache_policy=CacheKeyFnPolicy(cache_key_fn=lambda _, given: given["job"].key),
    **RETRIED,
)
def download(job: DownloadJob) -> Fetched:
    """Have one file in the cache, whole and verified."""
    relay = Relay("download", job.title)
    started = time.monotonic()
    # Records of a selection are counted, bytes of a whole file.
    scale, unit = (MEGABYTE, "MB") if job.file.url else (1, "pages")
    told = -TELL_SECONDS

    def tell(done: int, total: int | None) -> None:
        nonlocal told
        if job.stop.is_set():
            raise Stopped(job.file.name)
        now = time.monotonic()
        if now - told >= TELL_SECONDS or done == total:
            told = now
            of = None if total is None else total / scale
            relay.event({"event": "progress", "done": done / scale, "total": of, "unit": unit})

    def sleep(seconds: float) -> None:
        if job.stop.wait(seconds):
            raise Stopped(job.file.name)

    cache = job.cache
    try:
        with _one_line_errors():
            stored = obtain(Client(job.config, sleep), cache, job.file, tell)
    except BaseException as error:
        relay.failed(error, is_transient(error))
        raise
    if stored.warning:
        relay.event({"event": "note", "text": f"{job.file.name}: {stored.warning}"})
    relay.done(time.monotonic() - started)
    where = str(cache.path(job.file.place))
    return {"path": where, "sha256": stored.sha256, "bytes": stored.bytes, "url": job.file.url}


@task(name="select", cache_policy=NO_CACHE, **RETRIED)
def select(config: InputConfig, how: DownloadConfig, name: str) -> list[Remote]:
    """The files to fetch of a dump: its own, or such as hold just the pages asked for."""
    relay = Relay("select", f"{name}: what to fetch")
    started = time.monotonic()
    client = Client(how)
    with _one_line_errors():
        dump = inputs.dump_named(client, name)
        if not inputs.selects(config):
            kind = "wet" if config.wet else "warc"
            found = whole_files(client, dump, kind, max(0, config.files or 1))
        else:
            listed = paths(client, dump, "warc")[: config.files] if config.files > 0 else []
            chosen = inputs.chosen_pages(config, tuple(listed))

            def tell(done: int, total: int, pages: int) -> None:
                unit = f"index files ({pages:,} pages)" if total else "pages"
                relay.event({"event": "progress", "done": done, "total": total, "unit": unit})

            found = selected_pages(client, cache_of(how), dump, chosen, tell)
    relay.done(time.monotonic() - started)
    return found


class Hashing:
    """Local files on their way to their hashes, several at a time."""

    def __init__(self, hashes: Hashes, threads: int, waits: bool) -> None:
        self.hashes = hashes
        self.waits = waits  # for those who read the files, when it is far ahead of them
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="hash")
        self._ended = False

    def known(self, path: Path) -> InputFile | None:
        """The file, if its hash is remembered."""
        try:
            found = self.hashes.known(path)
        except OSError:
            return None  # whoever hashes it will say so
        return InputFile(path, *found) if found else None

    def submit(self, path: Path, title: str) -> Future[InputFile]:
        """Hash it, with a line that moves where that takes long."""
        return self._pool.submit(self._hash, path, title)

    def end(self) -> None:
        """No more, not even those that are under way."""
        self._ended = True
        self._pool.shutdown(cancel_futures=True)

    def _hash(self, path: Path, title: str) -> InputFile:
        bar = terminal.Bar(title)
        told = time.monotonic()  # a small file's line would come and go

        def tell(done: int, total: int) -> None:
            nonlocal told
            if self._ended:
                raise Stopped(path.name)
            if time.monotonic() - told >= TELL_SECONDS:
                told = time.monotonic()
                bar.update(done / MEGABYTE, total / MEGABYTE, "MB")

        try:
            return inputs.hashed(path, self.hashes, tell)
        finally:
            bar.close("")


class Incoming:
    """The files of a run: iterate for (number, file) as each is there; numbers follow the input."""

    def __init__(
        self,
        local: list[Path],
        jobs: list[DownloadJob],
        hashing: Hashing,
        runner: TaskRunner[Any],
        lease: Lease,
        ahead: int,
        made: Callable[[InputFile], bool] | None,
    ) -> None:
        self._local, self._jobs, self._runner, self._lease = local, jobs, runner, lease
        self._hashing, self._ahead, self._made = hashing, ahead, made
        self._events: queue.SimpleQueue[tuple[int, Callable[[], InputFile] | None]]
        self._events = queue.SimpleQueue()
        self._places = {str(job.cache.path(job.file.place)): job.file.place for job in jobs}
        self._under_way = 0  # files that are fetched, hashed or read

    def __len__(self) -> int:
        return len(self._local) + len(self._jobs)

    def __iter__(self) -> Iterator[tuple[int, InputFile]]:
        waiting: deque[tuple[int, Path | DownloadJob]]
        waiting = deque(enumerate((*self._local, *self._jobs), 1))
        missing = len(waiting)
        while missing:
            while waiting and self._under_way < self._ahead:
                number, what = waiting.popleft()
                known = (
                    self._known(what)
                    if isinstance(what, DownloadJob)
                    else self._hashing.known(what)
                )
                if known:
                    missing -= 1
                    yield number, known
                else:
                    self._begin(number, what)
            if not missing:
                break
            number, there = self._events.get()
            self._under_way -= 1
            if there is not None:
                missing -= 1
                yield number, there()  # raises what went wrong

    def done_with(self, file: InputFile, future: PrefectFuture[Any]) -> None:
        """When this is done nothing reads the file any more: it may leave the cache."""
        place = self._places.get(str(file.path))
        if place is None and not self._hashing.waits:
            return
        self._under_way += 1

        def release(_: object) -> None:
            if place is not None:
                self._lease.release(place)
            self._events.put((0, None))

        future.add_done_callback(release)

    def _begin(self, number: int, what: Path | DownloadJob) -> None:
        """Have a file hashed, or fetched."""
        self._under_way += 1
        if isinstance(what, Path):
            title = f"hash {number}/{len(self)} {what.name}"
            hashing = self._hashing.submit(what, title)
            hashing.add_done_callback(lambda done: self._events.put((number, done.result)))
            return
        job = what
        self._lease.hold(job.file.place)
        title = job.title.replace("{", "{{").replace("}", "}}")  # Prefect formats the name
        declared = download.with_options(task_run_name=title)
        whole = job.cache.stored(job.file.place) and is_readable(declared, job.key)
        declared = declared.with_options(refresh_cache=not whole)
        future = self._runner.submit(declared, parameters={"job": job})

        def there() -> InputFile:
            future.result()
            return self._there(job)

        future.add_done_callback(lambda _: self._events.put((number, there)))

    def _there(self, job: DownloadJob) -> InputFile:
        """The file by what the cache knows of it: Prefect's record may be of an earlier one."""
        stored = job.cache.known(job.file.place)
        assert stored is not None
        return InputFile(job.cache.path(job.file.place), stored.sha256)

    def _known(self, job: DownloadJob) -> InputFile | None:
        """The file, if its hash is known and nobody needs its bytes."""
        known = job.cache.known(job.file.place)
        if known is None or self._made is None:
            return None
        file = InputFile(job.cache.path(job.file.place), known.sha256)
        return file if self._made(file) else None


@contextlib.contextmanager
def warc_inputs(run: Run, made: Callable[[InputFile], bool] | None = None) -> Iterator[Incoming]:
    """The files of the run's input, for as long as this lasts; see the module's head.

    `made` tells whether what a file is needed for is there already.
    """
    config, how = run.config.input, run.config.download
    inputs.check(run.config, ask=False)
    local, addresses, dumps = inputs.sorted_out(config.paths)
    files = inputs.find(local)
    remotes = [remote(address) for address in addresses]
    for name in dumps:
        remotes += select(config, how, name)
    if dumps and not config.files and not inputs.selects(config):
        terminal.say(f"  {' '.join(dumps)}: its first file; --files N takes more")
    total = len(files) + len(remotes)
    stop = threading.Event()
    jobs = [
        DownloadJob(file, how, f"download {number}/{total} {file.name}", stop)
        for number, file in enumerate(remotes, len(files) + 1)
    ]
    if not total:
        raise UserError("input: no file to read")
    with contextlib.ExitStack() as stack:
        lease = stack.enter_context(cache_of(how).lease())
        for place in sorted({file.captures for file in remotes if file.captures}):
            lease.hold(place)
        pool: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=how.connections)
        runner = stack.enter_context(pool)
        stack.callback(stop.set)  # before the pool is waited for
        workers = config.workers or cores()
        # A cluster reads as many files as it has cores, all of its own accord.
        waits = config.runner != "ray"
        hashing = Hashing(Hashes(cache_folder(how).parent / NAME), workers, waits)
        stack.callback(hashing.end)
        yield Incoming(files, jobs, hashing, runner, lease, how.files_ahead + workers, made)


@contextlib.contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except TransferError as error:
        raise NetworkError(str(error)) from error
