"""A stream of server-sent events, taken apart: blocks of bytes in, the data of each event out.

After the WHATWG standard, in the part that APIs use: fields other than `data` and comments are
passed over, lines end with CR, LF or both, an event's lines of data are one text.
"""

from collections.abc import Iterable, Iterator

MOST_EVENT_BYTES = 8 << 20  # longer than any API's events: who sends more sends no events


class OversizedEvent(ValueError):
    """An event has more than `MOST_EVENT_BYTES`."""


def data_of(blocks: Iterable[bytes]) -> Iterator[str]:
    """The data of each event; an event that the stream's end cuts off is none.

    Raises:
        OversizedEvent: there is no end of it.
    """
    data: list[bytes] = []
    held = 0
    for line in _lines(blocks):
        if not line:
            if data:
                yield b"\n".join(data).decode("utf-8", "replace")
            data, held = [], 0
            continue
        name, _, value = line.partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))
            held += len(line)
            if held > MOST_EVENT_BYTES:
                raise OversizedEvent(f"an event of more than {MOST_EVENT_BYTES:,} bytes")


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines without their ends."""
    rest = b""
    after_return = False  # a LF that comes now belongs to it
    for block in blocks:
        if after_return and block:
            block = block.removeprefix(b"\n")
            after_return = False
        # CR LF, a CR of its own, and LF all end a line, and bytes.splitlines knows no others
        lines = (rest + block).splitlines(keepends=True)
        rest = b""
        if lines and not lines[-1].endswith((b"\r", b"\n")):
            rest = lines.pop()
            if len(rest) > MOST_EVENT_BYTES:
                raise OversizedEvent(f"a line of more than {MOST_EVENT_BYTES:,} bytes")
        after_return = bool(lines) and not rest and lines[-1].endswith(b"\r")
        for line in lines:
            yield line.rstrip(b"\r\n")
