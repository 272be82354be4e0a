"""Moved to pipeline.intervals."""

from pipeline.intervals import Z, bootstrap_ratio, wilson

__all__ = ["Z", "bootstrap_ratio", "wilson"]
