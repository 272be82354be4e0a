"""Decoding by the C kernels: reading, sampling, stopping and the passes of many steps in one call.

Each result is the same to the bit, whatever the batch, the threads and the sharing of pages.
"""

import numpy as np

from pipeline.model import native
from pipeline.model.rows import READING, UNDER_WAY, WAITING, Array, GenerationRow
from pipeline.model.scheduler import Step

_FIELDS = "state position made limit temperature top_p min_p top_k key stop_tokens stops tokens"
_FIELDS += " logprobs untruncated top top_tokens top_logprobs bias"
_TYPES = {"temperature": "f8", "top_p": "f8", "min_p": "f8", "key": "u8"}
ROW = np.dtype([(name, _TYPES.get(name, "i8")) for name in _FIELDS.split()])


class NativeDecoder:
    """Does what steps say, over pages of its own.

    Args:
        packed: the model's weights.
        pages: how many.
        max_rows: that run at a time.
        context: the most positions of a row.
    """

    def __init__(
        self, packed: native.PackedWeights, pages: int, max_rows: int, context: int
    ) -> None:
        self.packed = packed
        self.memory = native.PageMemory(packed, pages)
        stride = -(-context // native.page_tokens(packed))
        self.tables = np.zeros((max_rows, stride), np.int64)
        self.records = np.zeros(max_rows, ROW)
        self.records["state"] = WAITING
        self.hidden = np.zeros((max_rows, packed.width), np.float32)
        self.held: list[GenerationRow | None] = [None] * max_rows
        self.pages: list[list[int]] = [[] for _ in range(max_rows)]  # in the tables: each row's own
        self.written = [0] * max_rows  # … and how many of them
        self.limits = [0] * max_rows  # as the records say
        self.stops: list[Array | None] = [None] * max_rows

    def run(self, step: Step) -> None:
        """Do a step; rows get what they sampled.

        Raises:
            FloatingPointError: the model's logits are not finite.
        """
        for source, target in step.copies:
            self.memory.copy(source, target)
        for source, target in step.forks:
            self.hidden[target] = self.hidden[source]
        rows = [*step.sampling, *(piece.row for piece in step.reading)]
        for row in rows:
            self._place(row)
        states = self.records["state"]
        states[:] = WAITING
        states[[row.slot for row in step.sampling]] = UNDER_WAY
        whole = [piece.row.slot for piece in step.reading if piece.last]
        states[whole] = READING
        tokens: list[int] = []
        for piece in step.reading:
            tokens += piece.row.tokens[piece.start : piece.end]
        counts = [piece.end - piece.start for piece in step.reading]
        outputs = np.full(len(tokens), -1, np.int32)
        ends = np.cumsum(counts) if counts else np.zeros(0, np.int64)
        for piece, end in zip(step.reading, ends):
            if piece.last:
                outputs[end - 1] = piece.row.slot
        positions = [np.arange(piece.start, piece.end) for piece in step.reading]
        entries = native.Entries(
            tokens=np.array(tokens, np.int32),
            of=np.repeat(np.array([p.row.slot for p in step.reading], np.int32), counts),
            positions=np.concatenate([*positions, np.zeros(0)]).astype(np.int32),
            outputs=outputs,
        )
        for piece in step.reading:
            piece.row.position = piece.end
            self.records["position"][piece.row.slot] = piece.end
        native.run(self.packed, self.tables, self.hidden, entries, self.records, step.steps)
        made, positions_now = self.records["made"].tolist(), self.records["position"].tolist()
        found = self.records["state"].tolist()
        for row in step.sampling:
            row.position, row.state = positions_now[row.slot], found[row.slot]
        for piece in step.reading:
            if piece.last:
                row, state = piece.row, found[piece.row.slot]
                row.state = UNDER_WAY if state == READING else state
                row.position = positions_now[row.slot]
        self.made = made

    def made_of(self, row: GenerationRow) -> int:
        """How many tokens a row that ran has sampled in all."""
        count: int = self.made[row.slot]
        return count

    def _place(self, row: GenerationRow) -> None:
        """Write a row's record where another was, and the pages that it has got since."""
        slot, limit = row.slot, row.limit
        if self.held[slot] is not row or self.limits[slot] != limit:
            self.held[slot], self.limits[slot] = row, limit
            s = row.sampling
            self.stops[slot] = stops = np.array([*s.stop_tokens, *s.pause_tokens], np.int64)
            self.records[slot] = (
                *(WAITING, row.position, row.made, limit, s.temperature, s.top_p, s.min_p),
                *(s.top_k, row.key, stops.ctypes.data, len(stops)),
                *map(_address, (row.made_tokens, row.made_logprobs, row.untruncated)),
                *(s.top_logprobs, _address(row.top_tokens), _address(row.top_logprobs)),
                _address(row.bias),
            )
        if self.pages[slot] is not row.pages:  # it had lost its place
            self.pages[slot], self.written[slot] = row.pages, 0
            self.records["position"][slot] = row.position
        if self.written[slot] != len(row.pages):
            new = row.pages[self.written[slot] :]
            self.tables[slot, self.written[slot] : len(row.pages)] = self.memory.addresses(new)
            self.written[slot] = len(row.pages)


def _address(array: Array | None) -> int:
    return 0 if array is None else array.ctypes.data
