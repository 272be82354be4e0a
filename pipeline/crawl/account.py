"""The byte account of a web archive: every byte belongs to a record or to padding, and to one only.

Counting records can't show that a reader left one out. So each record says which stretch of the
file it takes, and an account follows the stretches, one after another, from the first byte to the
last: a record left out, read twice or out of order breaks the chain, at once or at the file's end.
In a member that holds several records the account follows the inflated bytes in the same way.
"""

import dataclasses
from collections.abc import Iterable
from typing import Literal, NamedTuple, Protocol, TypedDict


class Stretch(NamedTuple):
    """The bytes that a record, with the line ends after it, or padding takes of a file."""

    offset: int  # of the member in the file; in a plain file, of the record itself
    end: int  # one past the member's last byte
    start: int  # of the record in what the member inflates to
    stop: int
    size: int  # of what the member inflates to


NOWHERE = Stretch(0, 0, 0, 0, 0)


def plain(offset: int, end: int) -> Stretch:
    """The stretch of bytes that are not compressed."""
    return Stretch(offset, end, 0, end - offset, end - offset)


class Item(Protocol):
    """What the reader returns for a stretch: a record or padding."""

    @property
    def stretch(self) -> Stretch: ...
    @property
    def index(self) -> int:
        """Its number among the records of its member."""

    @property
    def problem(self) -> str: ...


@dataclasses.dataclass(frozen=True)
class Padding:
    """Bytes between records without content: line ends, empty members, a dictionary's frame."""

    stretch: Stretch
    index: int = 0
    problem: str = "padding"


class ByteCounts(TypedDict):
    """The bytes of a file by kind; together they are its size."""

    record_bytes: int
    unreadable_bytes: int
    padding_bytes: int


KINDS: tuple[Literal["record_bytes", "unreadable_bytes", "padding_bytes"], ...] = (
    "record_bytes",
    "unreadable_bytes",
    "padding_bytes",
)


class BrokenAccount(RuntimeError):
    """The reader returned a stretch that does not follow the last one: a fault in our code."""


@dataclasses.dataclass
class Account:
    """How much of a file is accounted for, and as what; `index` and `inner` are inside a member."""

    offset: int = 0  # every byte of the file before it is accounted for
    index: int = 0  # records accounted for, of the member at `offset`
    inner: int = 0  # inflated bytes accounted for, of that member
    # of the file, since this account was opened; a member of several records counts at its last
    record_bytes: int = 0
    unreadable_bytes: int = 0
    padding_bytes: int = 0

    def add(self, item: Item) -> None:
        """Add the next stretch.

        Raises:
            BrokenAccount: it does not begin where the last one ended.
        """
        offset, end, start, stop, size = item.stretch
        if offset != self.offset or start != self.inner or item.index != self.index:
            raise BrokenAccount(
                f"conservation law: the reader is at byte {offset:,} of the file (record"
                f" {item.index}, byte {start:,} of its member), but what it gave before ends at"
                f" {self.offset:,} (record {self.index}, byte {self.inner:,})"
            )
        if not (offset < end and start <= stop <= size):
            raise BrokenAccount(f"conservation law: no stretch of a file: {item.stretch}")
        if stop < size:
            self.index, self.inner = self.index + 1, stop
            return
        if not item.problem:
            self.record_bytes += end - offset
        elif isinstance(item, Padding):
            self.padding_bytes += end - offset
        else:
            self.unreadable_bytes += end - offset
        self.offset, self.index, self.inner = end, 0, 0

    def counted(self) -> ByteCounts:
        """The bytes by kind, as batches and read.json store them."""
        return {
            "record_bytes": self.record_bytes,
            "unreadable_bytes": self.unreadable_bytes,
            "padding_bytes": self.padding_bytes,
        }


def add_up(counts: Iterable[ByteCounts]) -> ByteCounts:
    """The sum of several files' bytes, or of a file's pieces."""
    found = list(counts)
    return {
        "record_bytes": sum(one["record_bytes"] for one in found),
        "unreadable_bytes": sum(one["unreadable_bytes"] for one in found),
        "padding_bytes": sum(one["padding_bytes"] for one in found),
    }


def check_bytes(name: str, size: int, counted: ByteCounts) -> None:
    """Raise `BrokenAccount` if the stretches of a file don't add up to its size.

    Args:
        name: of the file, for the message.
        size: of the file, in bytes.
        counted: from `Account.counted`, or `add_up`.
    """
    total = sum(counted[kind] for kind in KINDS)
    if total != size:
        told = " + ".join(f"{counted[kind]:,} {kind.replace('_', ' ')}" for kind in KINDS)
        raise BrokenAccount(
            f"conservation law: {name} has {size:,} bytes, but the reader accounts for {told}"
            f" = {total:,}"
        )
