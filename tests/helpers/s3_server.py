"""An S3 server for tests: moto's, over real HTTP, one request at a time, and it can be told how.

moto looks at a condition and then writes; a lock around each request makes that one step, as a
true store does. `conditions` says what becomes of If-Match and If-None-Match of a PUT: kept,
ignored (as stores do that never heard of them) or refused with 501. `before` is called before each
request, with its method and path, outside the lock: tests let others write there. It begins empty:
moto's stores are the process's, so that another test's bucket would be there.
"""

import contextlib
import io
import threading
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
from moto.moto_server import threaded_moto_server
from moto.server import ThreadedMotoServer

CONDITIONS = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH")
KEYS = {"aws_access_key_id": "testing-key-id", "aws_secret_access_key": "testing-secret-key"}
NOT_IMPLEMENTED = b"<Error><Code>NotImplemented</Code><Message>no such header</Message></Error>"


class S3Server:
    """Start with `with s3_server() as server:`."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.conditions = "kept"
        self.before: Callable[[str, str], None] = lambda method, path: None
        self.requests: list[tuple[str, str, str]] = []  # method, path with query, Range
        self.url = ""

    def client(self) -> Any:
        """boto3's, for what a test does by itself."""
        return boto3.client("s3", endpoint_url=self.url, region_name="us-east-1", **KEYS)

    def environment(self, cache: Path | None = None) -> dict[str, str]:
        """What a process needs to find it, with a folder for what it fetches."""
        found = {name.upper(): value for name, value in KEYS.items()}
        found |= {"AWS_ENDPOINT_URL": self.url, "AWS_EC2_METADATA_DISABLED": "true"}
        return found | ({} if cache is None else {"CRAWL2CHAT_CACHE": str(cache)})

    def wrap(self, app: Any) -> Any:
        """The same WSGI application, with a lock and without what it should not know."""

        def answer(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
            method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
            query = environ.get("QUERY_STRING", "")
            asked = f"{path}?{query}" if query else path
            self.requests.append((method, asked, environ.get("HTTP_RANGE", "")))
            self.before(method, path)
            if method == "PUT" and self.conditions != "kept":
                found = [environ.pop(name) for name in CONDITIONS if name in environ]
                if found and self.conditions == "refused":
                    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                    head = [("Content-Length", str(len(NOT_IMPLEMENTED)))]
                    start("501 Not Implemented", head)
                    return [NOT_IMPLEMENTED]
            length = int(environ.get("CONTENT_LENGTH") or 0)
            if length:  # what is slow to come holds up nobody else
                environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(length))
            with self.lock:
                return [b"".join(app(environ, start))]

        return answer


@contextlib.contextmanager
def s3_server() -> Iterator[S3Server]:
    server = S3Server()
    made = threaded_moto_server.DomainDispatcherApplication
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    name = "DomainDispatcherApplication"
    with mock.patch.object(threaded_moto_server, name, lambda *a: server.wrap(made(*a))):
        moto.start()
    host, port = moto.get_host_and_port()
    server.url = f"http://{host}:{port}"
    reset = urllib.request.Request(f"{server.url}/moto-api/reset", method="POST")
    urllib.request.urlopen(reset, timeout=60).close()
    server.requests.clear()
    try:
        yield server
    finally:
        moto.stop()
