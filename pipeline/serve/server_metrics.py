"""What the server counts, for Prometheus.

Counters and histograms are told what happens; what can be read off the models' threads is read when
it is asked for.
"""

from collections.abc import Iterator

import psutil
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from pipeline.serve.histogram_counts import HistogramCounts
from pipeline.serve.loaded_models import LoadedModels

PREFIX = "crawl2chat"
# Seconds: vLLM's buckets of the same two, from a millisecond on.
FIRST = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
BETWEEN = (0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)
WHOLE = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

# name, what it is, whether it only grows, and its value of a model's loop
READ = (
    ("active_rows", "completions under way", False, lambda loop: len(loop.rows)),
    ("queued", "prompts and readings that wait", False, lambda loop: loop.queued),
    ("steps", "steps of the model", True, lambda loop: loop.rows.steps),
    ("sampled_tokens", "tokens sampled", True, lambda loop: loop.rows.sampled_tokens),
    ("prompt_tokens_read", "prompts' tokens read", True, lambda loop: loop.rows.read_tokens),
    (
        "prompt_tokens_cached",
        "prompts' tokens found in the prefix cache",
        True,
        lambda loop: loop.rows.found_tokens,
    ),
)


class ServerMetrics:
    """Of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            f"{PREFIX}_requests", "answered", ("route", "status"), registry=self.registry
        )
        self.request_seconds = Histogram(
            f"{PREFIX}_request_seconds",
            "from a request's first byte to its answer's last",
            ("route",),
            buckets=WHOLE,
            registry=self.registry,
        )
        self.first_token = HistogramCounts(
            f"{PREFIX}_time_to_first_token_seconds",
            "from the request to a sample's first token",
            FIRST,
        )
        self.inter_token = HistogramCounts(
            f"{PREFIX}_inter_token_seconds",
            "of a sample's later tokens: the mean of those that came together",
            BETWEEN,
        )
        for counts in (self.first_token, self.inter_token):
            self.registry.register(counts)

    def observe(self, first_seconds: float, tokens: int, token_seconds: float) -> None:
        """What a client waited: for a first token, else for each of some that came together."""
        if first_seconds:
            self.first_token.observe(first_seconds)
        else:
            self.inter_token.observe(token_seconds)

    def watch(self, models: LoadedModels) -> None:
        """Read off these models' threads what they are doing."""
        self.registry.register(_Reader(models))

    def page(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self.registry)


class _Reader(Collector):
    def __init__(self, models: LoadedModels) -> None:
        self.models = models

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        loaded = list(self.models.loaded.values())
        for name, text, grows, value in READ:
            family = CounterMetricFamily if grows else GaugeMetricFamily
            found = family(f"{PREFIX}_{name}", text, labels=("model",))
            for model in loaded:
                found.add_metric((model.id,), value(model.loop))
            yield found
        weights = GaugeMetricFamily(
            f"{PREFIX}_model_bytes", "of weights, keys and values, at most", labels=("model",)
        )
        for model in loaded:
            weights.add_metric((model.id,), model.bytes)
        yield weights
        memory = psutil.Process().memory_info().rss
        yield GaugeMetricFamily(f"{PREFIX}_resident_bytes", "of the process", value=memory)
