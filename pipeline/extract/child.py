"""The process that extracts main text: frames of pages in on stdin, frames of text out on stdout.

It is a process of its own because a hostile page can hang or crash the C libraries below
trafilatura, and neither can be stopped from within: its parent kills it and starts another. It
dies with its parent, and its address space is limited.
"""

import ctypes
import json
import logging
import os
import resource
import signal
import struct
import sys
from typing import IO, Any

from pipeline.config import from_dict
from pipeline.extract.config import ExtractConfig

LENGTHS = struct.Struct("<II")  # bytes of the JSON head, bytes of the body
PR_SET_PDEATHSIG = 1


def write_frame(stream: IO[bytes], head: dict[str, Any], body: bytes) -> None:
    """One message: a JSON head and a body of bytes."""
    encoded = json.dumps(head).encode()
    stream.write(LENGTHS.pack(len(encoded), len(body)) + encoded + body)
    stream.flush()


def read_frame(stream: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """The next message; None if the other side has ended."""
    lengths = stream.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    head_bytes, body_bytes = LENGTHS.unpack(lengths)
    head, body = stream.read(head_bytes), stream.read(body_bytes)
    if len(head) < head_bytes or len(body) < body_bytes:
        return None
    return json.loads(head), body


def extract_one(head: dict[str, Any], html: bytes, config: ExtractConfig) -> tuple[str, str, str]:
    """Text, problem and detail of one page; whatever goes wrong with a page ends here."""
    from pipeline.extract.decode import decode
    from pipeline.extract.extract import main_text

    try:
        text, _ = decode(html, head["charset"])
        return main_text(text, head["url"], config), "", ""
    except MemoryError:
        return "", "memory", f"more than {config.max_memory_bytes} bytes of address space"
    except Exception as error:  # of whichever library below: the page's row says which
        return "", "extractor_error", f"{type(error).__name__}: {error}"[:200]


def main() -> None:
    config = from_dict(ExtractConfig, json.loads(sys.argv[1]))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_AS, (config.max_memory_bytes, config.max_memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A library's stray print must not land among the frames.
    frames = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    logging.disable(logging.CRITICAL)  # trafilatura logs every odd page
    extract_one({"charset": "", "url": None}, b"<html><body><p>a</p></body></html>", config)
    write_frame(frames, {"ready": True}, b"")
    while (frame := read_frame(sys.stdin.buffer)) is not None:
        head, html = frame
        text, problem, detail = extract_one(head, html, config)
        body = text.encode("utf-8", "replace")
        write_frame(frames, {"problem": problem, "detail": detail}, body)


if __name__ == "__main__":
    main()
