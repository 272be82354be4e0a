"""Counts of values, as the client library's own histogram tells them."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from pipeline.serve.histogram_counts import HistogramCounts

BOUNDS = (0.001, 0.25, 1.0, 2.5)


def told(registry: CollectorRegistry) -> dict[tuple[str, str], float]:
    """Each figure; the library's own also says when it was made."""
    return {
        (sample.name, sample.labels.get("le", "")): sample.value
        for family in registry.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


@given(st.lists(st.floats(0, 4) | st.sampled_from(BOUNDS)))
def test_they_are_the_librarys_own(values: list[float]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    counts = HistogramCounts("waits_seconds", "how long", BOUNDS)
    ours.register(counts)
    library = Histogram("waits_seconds", "how long", buckets=BOUNDS, registry=theirs)
    for value in values:
        counts.observe(value)
        library.observe(value)
    assert told(ours) == told(theirs)
    assert ("waits_seconds_bucket", "+Inf") in told(ours)
