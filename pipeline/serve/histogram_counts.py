"""A histogram that is told of every event of every stream.

In: values, from one thread. Out: what Prometheus asks for. The client library's own takes a lock
for each of its counters: 6 microseconds a value, a twentieth of what an event costs the server.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class HistogramCounts(Collector):
    """How many values were how large.

    Args:
        name: of the metric.
        text: what it is.
        bounds: the largest value of each bucket, rising; what is larger has one of its own.
    """

    def __init__(self, name: str, text: str, bounds: Sequence[float]) -> None:
        self.name, self.text = name, text
        self.bounds = (*bounds, float("inf"))
        self.counts = [0] * len(self.bounds)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Each bucket with all that are smaller, as Prometheus has them."""
        names = map(floatToGoString, self.bounds)
        buckets = [(name, float(count)) for name, count in zip(names, accumulate(self.counts))]
        yield HistogramMetricFamily(self.name, self.text, buckets, self.sum)
