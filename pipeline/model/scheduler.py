"""Who runs next: rows join and leave a batch at any step, within its rows, pages and tokens a step.

Pure bookkeeping over `GenerationRow` and `PagePool`; a decoder does what a `Step` says and reports.
Rows begin in the order in which they came, those of a lower class after those of a higher one until
they have waited `MAX_WAITED` plans. Nobody begins whose prompt another row is reading just now: it
would read the same again. Prompts are read in pieces beside the rows that sample, `tokens_per_step`
together. Where pages run out, the row that came last loses its place and reads its tokens again
later, which changes none that follow.

Source: continuous batching is Orca's (Yu et al. 2022), reading in pieces Sarathi's (Agrawal et al.
2023), losing a place and reading again PagedAttention's recomputation (Kwon et al. 2023).
"""

import dataclasses
from bisect import insort
from collections.abc import Iterator

from pipeline.model.page_pool import PagePool
from pipeline.model.rows import READING, UNDER_WAY, WAITING, GenerationRow

MAX_WAITED = 64  # plans after which a row of whatever class is among the first


@dataclasses.dataclass(frozen=True)
class Reading:
    """Tokens of a row that are to be read, and whether they are its last."""

    row: GenerationRow
    start: int
    end: int
    last: bool


@dataclasses.dataclass(frozen=True)
class Step:
    """What a decoder is to do, in this order."""

    copies: list[tuple[int, int]]  # pages: what the first holds, the second holds as well
    forks: list[tuple[int, int]]  # slots: the second continues where the first stands
    reading: list[Reading]
    sampling: list[GenerationRow]  # under way before anything is read
    steps: int  # tokens for each row under way; those that have been read join in

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.reading and not self.sampling


class Scheduler:
    """Rows that wait and rows that run.

    Args:
        pool: pages, at least as many as one row may need.
        max_rows: that run at a time.
        tokens_per_step: read and sampled together in a step, at least one of a prompt.
    """

    def __init__(self, pool: PagePool, max_rows: int, tokens_per_step: int) -> None:
        self.pool, self.max_rows, self.tokens_per_step = pool, max_rows, tokens_per_step
        self.waiting: list[GenerationRow] = []  # by class and id
        self.running: dict[int, GenerationRow] = {}  # by id, in the order in which they began
        self._slots = list(range(max_rows - 1, -1, -1))
        # So far, of prompts and of what was appended: what was found in pages that others have
        # read, and what had to be read.
        self.found_tokens = self.read_tokens = 0

    def add(self, row: GenerationRow) -> None:
        """Let a new row wait for its turn."""
        if not row.done:
            insort(self.waiting, row, key=_order)

    def drop(self, row: GenerationRow) -> None:
        """Let go of a row, wherever it is: its place and its pages are free at once."""
        if self.running.pop(row.id, None) is not None:
            self._leave(row)
        elif row in self.waiting:
            self.waiting.remove(row)

    def resume(self, row: GenerationRow) -> None:
        """Go on with a row that was paused: what was appended is read first."""
        if row.id in self.running:
            row.state = READING
        else:
            row.state = WAITING
            insort(self.waiting, row, key=_order)

    def plan(self, most_steps: int) -> Step:
        """What to do next.

        Args:
            most_steps: the most tokens that rows may sample before the next plan.
        """
        self._make_way(most_steps)
        running = list(self.running.values())
        sampling = [row for row in running if row.state == UNDER_WAY]
        copies: list[tuple[int, int]] = []
        forks: list[tuple[int, int]] = []
        reading: list[Reading] = []
        budget = max(1, self.tokens_per_step - len(sampling))
        for row in running:
            if row.state == READING:
                budget -= self._read(row, budget, reading)
        for row in self._turns():
            if not self._slots or budget <= 0:
                break
            leader = row.leader
            if leader is not None and not leader.done and leader.made == 0 and row.made == 0:
                if leader.state != UNDER_WAY:
                    continue  # its prompt is not read yet
                if not self._forked(row, leader, copies, forks, most_steps):
                    break
                sampling.append(row)
                budget -= 1
                continue
            begun = self._begun(row, copies, most_steps)
            if begun is None:
                continue
            if not begun:
                break
            budget -= self._read(row, budget, reading)
        for row in self.waiting:
            row.waited += 1
        alone = not self.waiting and all(piece.last for piece in reading)
        return Step(copies, forks, reading, sampling, most_steps if alone or not reading else 1)

    def has_read(self, step: Step) -> None:
        """What a step was to read has been read: others may find it."""
        for piece in step.reading:
            self.pool.insert(piece.row.tokens[: piece.end], piece.row.pages, piece.end)

    def leave(self, row: GenerationRow) -> None:
        """A row has ended: others may find what it has read."""
        self.pool.insert(row.tokens[: row.position], row.pages, row.position)
        self.drop(row)

    def _turns(self) -> Iterator[GenerationRow]:
        """Waiting rows, those that have waited too long first."""
        late = [row for row in self.waiting if row.waited >= MAX_WAITED]
        early = [row for row in self.waiting if row.waited < MAX_WAITED] if late else self.waiting
        yield from sorted(late, key=lambda row: row.id)
        yield from list(early)

    def _make_way(self, steps: int) -> None:
        """Give every running row the pages that it needs; the last that came lose their places."""
        for row in sorted(self.running.values(), key=_order):
            while row.slot >= 0 and (short := self._short_of(row, steps)):
                if short <= self.pool.available:
                    row.pages += self.pool.take(short)
                    break
                last = max(self.running.values(), key=_order)
                self._lose_place(last)

    def _short_of(self, row: GenerationRow, steps: int) -> int:
        """Pages that a row lacks for its tokens and `steps` more."""
        room = len(row.pages) * self.pool.page_tokens
        if row.paused or len(row.tokens) + steps <= room:
            return 0
        left = min(steps, max(0, row.limit - row.made))
        most = min(row.room, len(row.tokens) + left)
        return max(0, self.pool.pages_for(most) - len(row.pages))

    def _lose_place(self, row: GenerationRow) -> None:
        del self.running[row.id]
        self.pool.insert(row.tokens[: row.position], row.pages, row.position)
        self._leave(row)
        row.state = WAITING
        if not row.paused:
            insort(self.waiting, row, key=_order)

    def _leave(self, row: GenerationRow) -> None:
        self.pool.release(row.pages)
        self._slots.append(row.slot)
        row.pages, row.slot, row.position = [], -1, 0

    def _read(self, row: GenerationRow, budget: int, reading: list[Reading]) -> int:
        """Add what of a row is read in this step; returns how many tokens."""
        end = min(len(row.tokens), row.position + budget)
        if end > row.position:
            reading.append(Reading(row, row.position, end, end == len(row.tokens)))
            self.read_tokens += end - row.position
        return end - row.position

    def _begun(self, row: GenerationRow, copies: list[tuple[int, int]], steps: int) -> bool | None:
        """Give a row a place and pages. False: there are too few; None: it had better wait."""
        found = self.pool.match(row.tokens)
        if found.pending:
            return None
        self.pool.share(found.pages)
        row.pages = list(found.pages)
        short = self._short_of(row, steps)
        if short > self.pool.available:
            self.pool.release(row.pages)
            row.pages = []
            return False
        row.pages += self.pool.take(short)
        if found.copied >= 0:
            copies.append((found.copied, row.pages[len(found.pages)]))
        row.position = found.tokens
        self.found_tokens += found.tokens
        self.pool.insert(row.tokens, row.pages, row.position)
        self._enter(row, READING)
        return True

    def _forked(
        self,
        row: GenerationRow,
        leader: GenerationRow,
        copies: list[tuple[int, int]],
        forks: list[tuple[int, int]],
        steps: int,
    ) -> bool:
        """Let a row go on from where the first sample of its prompt stands; False: no pages."""
        whole = leader.position // self.pool.page_tokens
        row.pages = list(leader.pages[:whole])
        short = self._short_of(row, steps)
        if short > self.pool.available:
            row.pages = []
            return False
        self.pool.share(row.pages)
        row.pages += self.pool.take(short)
        if leader.position % self.pool.page_tokens:
            copies.append((leader.pages[whole], row.pages[whole]))
        row.position = leader.position
        self._enter(row, UNDER_WAY)
        forks.append((leader.slot, row.slot))
        return True

    def _enter(self, row: GenerationRow, state: int) -> None:
        self.waiting.remove(row)
        row.state, row.slot, row.waited = state, self._slots.pop(), 0
        self.running[row.id] = row


def _order(row: GenerationRow) -> tuple[int, int]:
    return row.priority, row.id
