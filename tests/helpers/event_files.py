"""Reads TensorBoard's event files, every record of them, orphaned or not, its checksums held."""

import struct
from pathlib import Path

from tensorboardX.proto.event_pb2 import Event
from tensorboardX.record_writer import masked_crc32c


def events(folder: Path) -> list[Event]:
    """All events of all files, in the order in which they are read."""
    found = []
    for path in sorted(folder.glob("*tfevents*")):
        data, at = path.read_bytes(), 0
        while at < len(data):
            (length,) = struct.unpack_from("<Q", data, at)
            assert struct.unpack_from("<I", data, at + 8)[0] == masked_crc32c(data[at : at + 8])
            record = data[at + 12 : at + 12 + length]
            assert struct.unpack_from("<I", data, at + 12 + length)[0] == masked_crc32c(record)
            found.append(Event.FromString(record))
            at += length + 16
    return found


def scalars(folder: Path) -> list[tuple[int, dict[str, float]]]:
    """(step, figures) of every event that holds some, in order."""
    found = []
    for event in events(folder):
        values = [v for v in event.summary.value if v.WhichOneof("value") == "simple_value"]
        if values:
            found.append((event.step, {v.tag: v.simple_value for v in values}))
    return found
