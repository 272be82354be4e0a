"""Human labelers: tasks, the queue that hands them out, and how far raters can be trusted."""

from pathlib import Path


def guideline() -> str:
    """What raters are asked to do, as Markdown; docs/labeling.md holds the same text."""
    return Path(__file__).with_name("guideline.md").read_text(encoding="utf-8")
