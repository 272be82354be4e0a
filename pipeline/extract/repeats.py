"""Second copies among the kept blocks: a page's rendering for print or for small screens.

A long block that repeats an earlier one's words is a copy, and so are its neighbours that repeat
the earlier one's neighbours, however short they are. Short blocks that repeat by themselves are
kept (a refrain, a table's cells), and so is code.
"""

import numpy as np

from pipeline.extract.segment import FLAG

LONG_CHARACTERS = 100  # shorter blocks repeat by chance
PRE = np.uint64(FLAG["pre"])


def without_repeats(table: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The rows (of blocks, in order) without those that are second copies of others."""
    long = (table["characters"][rows] >= LONG_CHARACTERS) & (table["flags"][rows] & PRE == 0)
    candidates = long.nonzero()[0]
    hashes = table["text_hash"][rows]
    if len(set(hashes[candidates].tolist())) == len(candidates):  # most pages
        return rows
    _, first, back = np.unique(hashes[candidates], return_index=True, return_inverse=True)
    earlier = candidates[first[back]]  # of each candidate, the first that has its words
    copies = np.zeros(len(rows), bool)
    words, tables = hashes.tolist(), table["table"][rows].tolist()
    for at, original in zip(candidates.tolist(), earlier.tolist()):
        if at == original:
            continue
        copies[at] = True
        for step in (1, -1):
            one, other = original + step, at + step
            # the original's neighbours end where the copies begin
            while one >= 0 and other < len(words) and one < at and other > original:
                if words[one] != words[other] or copies[other] or copies[one]:
                    break
                if tables[one] >= 0 and tables[one] == tables[other]:
                    break  # columns have their values
                copies[other] = True
                one, other = one + step, other + step
    return rows[~copies]
