"""Decoding by the C kernels: sampling, stopping and the forward passes of many steps in one call.

A row's own tokens have a lane of their own that continues its prompt's lane, so samples of a prompt
share its keys, and dropping finished rows copies nothing. Each result is the same to the bit,
whatever the batch, the number of threads and the sharing.
"""

import numpy as np
import torch

from pipeline.model import native
from pipeline.model.rows import Rows

NAMES = "count steps stops top_k max_new temperature top_p min_p stop_tokens keys lanes limits"
NAMES += " starts made tokens logprobs done hidden"
FLOATS = ("temperature", "top_p", "min_p")
ROWS = np.dtype([(n, "f8" if n in FLOATS else "i8") for n in NAMES.split()])


class NativeDecoder:
    """Reads the prompts when it is made; `advance` generates tokens."""

    def __init__(self, packed: native.PackedWeights, prompts: list[list[int]], rows: Rows) -> None:
        self.packed, self.rows = packed, rows
        self.lanes = native.Lanes(packed)
        hidden, indices, parents = native.read(self.lanes, prompts, [1] * len(prompts))
        samples = rows.settings.samples
        own = [
            self.lanes.add(parent, len(prompt), int(limit))
            for parent, prompt, limit in zip(
                np.repeat(parents, samples),
                [p for p in prompts for _ in range(samples)],
                rows.limits,
            )
        ]
        self.lanes.allocate()
        self.own = np.array(own, np.int32)
        self.hidden = hidden[np.repeat([own[0] for own in indices], samples)]
        self.stops = np.array(rows.settings.stop_tokens, np.int64)
        self.positions = int((rows.starts + rows.limits).max())

    def advance(self, steps: int) -> None:
        """Generate up to `steps` more tokens of every row that is not done."""
        rows, s = self.rows, self.rows.settings
        record = np.zeros(1, ROWS)
        counts = (len(rows.made), steps, len(self.stops), s.top_k, rows.tokens.shape[1])
        arrays = (
            self.stops,
            rows.keys,
            self.own,
            rows.limits,
            rows.starts,
            rows.made,
            rows.tokens,
            rows.logprobs,
            rows.done,
            self.hidden,
        )
        record[0] = (
            *counts,
            s.temperature,
            s.top_p,
            s.min_p,
            *(array.ctypes.data for array in arrays),
        )
        threads = torch.get_num_threads()
        alone_from = native.ROWS_ALONE * threads
        self.packed.kernels.decode(
            self.packed.record, self.lanes.table, record, threads, self.positions, alone_from
        )
