"""An S3 server over a folder, for measuring: it counts requests and lists from a sorted index.

moto, which the tests use, sorts all keys for every page of a listing: with half a million objects
that alone takes an hour. This one knows what a lake asks for and no more: HEAD, GET (ranges), PUT
(conditions, chunked bodies), DELETE, multipart uploads, ListObjectsV2. It checks no signatures.
`python -m tests.benchmarks.scale_s3 FOLDER`: buckets are the folders in FOLDER; the port is the
first line on stdout; GET /?counts gives the requests so far by method as JSON.
"""

import argparse
import bisect
import email.utils
import json
import os
import threading
import time
import uuid
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

PAGE_KEYS = 1000
XML = '<?xml version="1.0" encoding="UTF-8"?>'


class Store:
    """Objects as files below a folder, their keys in order."""

    def __init__(self, folder: Path, latency_seconds: float) -> None:
        self.folder, self.latency_seconds = folder, latency_seconds
        self.lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.keys: list[str] = []
        for root, _, names in os.walk(folder):
            above = Path(root).relative_to(folder).as_posix()
            self.keys += [f"{above}/{name}" for name in names]
        self.keys.sort()

    def tag(self, key: str) -> str | None:
        """The ETag; None where there is no such object."""
        try:
            found = (self.folder / key).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return f'"{found.st_size:x}-{found.st_mtime_ns:x}"' if key in self else None

    def __contains__(self, key: str) -> bool:
        place = bisect.bisect_left(self.keys, key)
        return place < len(self.keys) and self.keys[place] == key

    def put(self, key: str, data: bytes) -> None:
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
        part.write_bytes(data)
        part.replace(path)
        if key not in self:
            bisect.insort(self.keys, key)

    def delete(self, key: str) -> None:
        if key in self:
            self.keys.remove(key)
            (self.folder / key).unlink(missing_ok=True)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    store: Store

    def handle_expect_100(self) -> bool:
        """Said at once: the client would wait a second for it."""
        going_on = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def do_HEAD(self) -> None:
        self._object(with_body=False)

    def do_GET(self) -> None:
        if self._query() == {"counts": [""]}:
            self._answer(200, json.dumps(self.store.counts).encode())
        elif "list-type" in self._query():
            self._list()
        else:
            self._object(with_body=True)

    def do_PUT(self) -> None:
        data, query = self._body(), self._query()
        self._count("PUT")
        if "uploadId" in query:
            with self.store.lock:
                self.store.uploads[query["uploadId"][0]][int(query["partNumber"][0])] = data
            self._answer(200, b"", {"ETag": '"part"'})
        else:
            self._write(data)

    def do_POST(self) -> None:
        self._body()
        self._count("POST")
        query, key = self._query(), escape(self._key())
        if "uploads" in query:
            name = uuid.uuid4().hex
            with self.store.lock:
                self.store.uploads[name] = {}
            answer = f"<Key>{key}</Key><UploadId>{name}</UploadId>"
            kind = "InitiateMultipartUploadResult"
            self._answer(200, f"{XML}<{kind}>{answer}</{kind}>".encode())
            return
        with self.store.lock:
            parts = self.store.uploads.pop(query["uploadId"][0])
        kind = "CompleteMultipartUploadResult"
        whole = b"".join(parts[number] for number in sorted(parts))
        self._write(whole, f"{XML}<{kind}><Key>{key}</Key></{kind}>".encode())

    def do_DELETE(self) -> None:
        self._count("DELETE")
        with self.store.lock:
            if upload := self._query().get("uploadId"):
                self.store.uploads.pop(upload[0], None)
            else:
                self.store.delete(self._key())
        self._answer(204, b"")

    def _write(self, data: bytes, answer: bytes = b"") -> None:
        key = self._key()
        with self.store.lock:
            tag = self.store.tag(key)
            wanted, unwanted = self.headers.get("If-Match"), self.headers.get("If-None-Match")
            if (unwanted == "*" and tag) or (wanted and wanted != tag):
                self._error(412, "PreconditionFailed")
                return
            self.store.put(key, data)
            tag = self.store.tag(key)
        self._answer(200, answer, {"ETag": tag or ""})

    def _object(self, with_body: bool) -> None:
        key = self._key()
        self._count("GET" if with_body else "HEAD")
        path, tag = self.store.folder / key, self.store.tag(key)
        if "/" not in key and path.is_dir():  # a bucket
            self._answer(200, b"")
            return
        if tag is None:
            self._error(404, "NoSuchKey")
            return
        found = path.stat()
        head = {"ETag": tag, "Last-Modified": email.utils.formatdate(found.st_mtime, usegmt=True)}
        first, last = 0, found.st_size - 1
        code = 200
        if (asked := self.headers.get("Range")) and with_body:
            start, _, end = asked.removeprefix("bytes=").partition("-")
            first, last = int(start), min(last, int(end) if end else last)
            code, head["Content-Range"] = 206, f"bytes {first}-{last}/{found.st_size}"
        if not with_body:
            self._answer(code, b"", {**head, "Content-Length": str(found.st_size)})
            return
        with path.open("rb") as file:
            file.seek(first)
            self._answer(code, file.read(last - first + 1), head)

    def _list(self) -> None:
        self._count("LIST")
        query = {name: values[-1] for name, values in self._query().items()}
        bucket, prefix = self._key().rstrip("/"), query.get("prefix", "")
        most = min(PAGE_KEYS, int(query.get("max-keys", PAGE_KEYS)))
        after = query.get("continuation-token") or query.get("start-after") or ""
        with self.store.lock:
            keys, common, rest = self._page(bucket, prefix, query.get("delimiter"), after, most)
            entries = [self._entry(bucket, key) for key in keys]
        body = [XML, "<ListBucketResult>", f"<Name>{bucket}</Name>"]
        body += [f"<IsTruncated>{'true' if rest else 'false'}</IsTruncated>"]
        body += [f"<KeyCount>{len(keys) + len(common)}</KeyCount><MaxKeys>{most}</MaxKeys>"]
        body += [f"<NextContinuationToken>{escape(rest)}</NextContinuationToken>"] if rest else []
        body += entries
        body += [f"<CommonPrefixes><Prefix>{escape(p)}</Prefix></CommonPrefixes>" for p in common]
        self._answer(200, "".join([*body, "</ListBucketResult>"]).encode())

    def _page(
        self, bucket: str, prefix: str, delimiter: str | None, after: str, most: int
    ) -> tuple[list[str], list[str], str]:
        """Keys, common prefixes, and the last of them if there are more."""
        all_keys, start = self.store.keys, f"{bucket}/{prefix}"
        place = bisect.bisect_left(all_keys, start)
        if after:
            place = max(place, bisect.bisect_right(all_keys, f"{bucket}/{after}"))
        keys: list[str] = []
        common: list[str] = []
        last = ""
        while place < len(all_keys) and all_keys[place].startswith(start):
            if len(keys) + len(common) == most:
                return keys, common, last
            key = all_keys[place][len(bucket) + 1 :]
            cut = key.find(delimiter, len(prefix)) if delimiter else -1
            if cut < 0:
                keys.append(key)
                last = key
                place += 1
                continue
            common.append(key[: cut + 1])
            last = key[: cut + 1] + "\U0010ffff"
            place = bisect.bisect_left(all_keys, f"{bucket}/{last}")
        return keys, common, ""

    def _entry(self, bucket: str, key: str) -> str:
        found = (self.store.folder / bucket / key).stat()
        when = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(found.st_mtime))
        tag = f"&quot;{found.st_size:x}-{found.st_mtime_ns:x}&quot;"
        facts = f"<LastModified>{when}</LastModified><ETag>{tag}</ETag><Size>{found.st_size}</Size>"
        return f"<Contents><Key>{escape(key)}</Key>{facts}</Contents>"

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            data = self._chunks()
        else:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        signed = self.headers.get("x-amz-content-sha256", "").startswith("STREAMING-")
        return _dechunked(data) if signed else data

    def _chunks(self) -> bytes:
        """HTTP's own chunks."""
        whole = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            whole.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(whole)

    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).lstrip("/")

    def _query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query, keep_blank_values=True)

    def _count(self, what: str) -> None:
        with self.store.lock:
            self.store.counts[what] += 1
        if self.store.latency_seconds:
            time.sleep(self.store.latency_seconds)

    def _error(self, code: int, name: str) -> None:
        text = (
            b"" if self.command == "HEAD" else f"{XML}<Error><Code>{name}</Code></Error>".encode()
        )
        self._answer(code, text)

    def _answer(self, code: int, body: bytes, head: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **(head or {})}.items():
            if code != 204 or name != "Content-Length":
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing."""


def _dechunked(data: bytes) -> bytes:
    """What aws-chunked wraps: chunks again, with checksums behind the last one."""
    whole: list[bytes] = []
    place = 0
    while True:
        end = data.index(b"\r\n", place)
        size = int(data[place:end].split(b";")[0], 16)
        if not size:
            return b"".join(whole)
        whole.append(data[end + 2 : end + 2 + size])
        place = end + 2 + size + 2


def serve(folder: Path, port: int, latency_seconds: float) -> None:
    """Until it is killed."""
    Handler.store = Store(folder, latency_seconds)
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    chosen = parser.parse_args()
    serve(chosen.folder, chosen.port, chosen.latency)
