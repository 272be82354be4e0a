"""HTML to main text."""

from pipeline.extract.extract import extract_text

__all__ = ["extract_text"]
