"""What a row has got since a client last heard of it, and whether it is time to say so.

In: events of a batch's steps. Out: `Delta`s: the first token of a row at once, its end at once,
what is between in pieces of at least some milliseconds, or with its end where nobody looks before.
"""

from pipeline.model.batch import Event, GenerationBatch
from pipeline.serve.generation import Delta
from pipeline.serve.generation_stream import GenerationStream

# For all streams together. An event takes a server and its client some 50 microseconds each: so
# many take a fifth of a core. Ours.
MOST_EVENTS_PER_SECOND = 4_000


def wait_between(flush_seconds: float, rows: int) -> float:
    """Seconds between two events of a row: what was asked for, or longer where many rows run."""
    return max(flush_seconds, rows / MOST_EVENTS_PER_SECOND)


class UnsentTokens:
    """Of one row.

    Args:
        stream: whose it is.
        prompt: which of the stream's.
        sample: which of the prompt's.
        row: its number in the batch.
    """

    def __init__(self, stream: GenerationStream, prompt: int, sample: int, row: int) -> None:
        self.stream, self.prompt, self.sample, self.row = stream, prompt, sample, row
        settings = stream.wanted[prompt].sampling
        self.stop_strings = bool(settings.stop_strings)
        self.wants_top = bool(settings.top_logprobs)
        self.plain = not (settings.untruncated_logprobs or self.wants_top)
        self.begun = False  # whether it has got a token, or ended
        self._sent_at = 0.0
        self._at_once = False
        self._clear()

    def _clear(self) -> None:
        self._tokens: list[int] = []
        self._logprobs: list[float] = []
        self._top: list[dict[int, float]] | None = [] if self.wants_top else None
        self._ended: Event | None = None

    def add(self, event: Event, batch: GenerationBatch) -> None:
        """Take what a step brought; the row is still known to its batch."""
        self._tokens += event.tokens
        if self.plain:
            self._logprobs += event.logprobs
        else:
            untruncated, top = batch.asked_beside(event.row, len(event.tokens))
            self._logprobs += event.logprobs if untruncated is None else untruncated
            if top is not None and self._top is not None:
                self._top += top
        if event.ended:
            self._ended = event
        if event.ended or not self.begun:
            self._at_once = True
        self.begun = True

    def is_due(self, now: float, least_wait: float) -> bool:
        """Whether it is to be sent now (seconds of a monotonic clock)."""
        waited = now - self._sent_at >= least_wait and not self.stream.whole
        return self._at_once or waited

    def take(self, now: float) -> Delta:
        """What there is to send; it counts as sent."""
        delta = Delta(
            self.sample,
            self._tokens,
            self._logprobs,
            self._top,
            self._ended.ended if self._ended is not None else "",
            self.prompt,
        )
        self._sent_at, self._at_once = now, False
        self._clear()
        return delta
