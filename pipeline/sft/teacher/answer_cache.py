"""Answers that were paid for, kept for good: one file a request, in this user's cache folder.

The name is a hash of the endpoint's address and of the request's bytes, so it does not matter which
run asks, in which order, or how often it is killed. A file has its name when all of it is on disk.
`CRAWL2CHAT_CACHE`/teacher may be deleted; then it all costs again.
"""

import dataclasses
import hashlib
import json
from pathlib import Path

from pipeline.sft.teacher.chat_endpoint import ChatAnswer
from storage.cache import cache_root
from storage.durable import full_disk_is_clear, write_atomic

FOLDER = "teacher"


class AnswerCache:
    """The answers of one endpoint; threads and processes may share it.

    Args:
        url: of the endpoint.
        folder: of all answers; None: in the user's cache.
    """

    def __init__(self, url: str, folder: Path | None = None) -> None:
        self.url = url
        self.folder = folder or cache_root() / FOLDER

    def name(self, body: bytes) -> str:
        """Of a request: 64 hex digits."""
        return hashlib.sha256(self.url.encode() + b"\n" + body).hexdigest()

    def get(self, name: str) -> ChatAnswer | None:
        """The answer to a request; None where there is none that can be read."""
        try:
            return ChatAnswer(**json.loads(self._path(name).read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):  # a damaged one is asked for again
            return None

    def put(self, name: str, answer: ChatAnswer) -> None:
        """Keep an answer; it is on disk when this returns."""
        # Escaped: a model may write half of a surrogate pair, which UTF-8 has no bytes for.
        data = json.dumps(dataclasses.asdict(answer)).encode()
        with full_disk_is_clear(self.folder):
            write_atomic(self._path(name), data)

    def _path(self, name: str) -> Path:
        return self.folder / name[:2] / f"{name}.json"
