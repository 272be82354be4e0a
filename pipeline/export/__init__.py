"""Models for other programs, and back: Hugging Face folders and GGUF files."""

from pipeline.export.export import Report, export
from pipeline.export.gguf_read import load, load_tokenizer, to_folder

__all__ = ["Report", "export", "load", "load_tokenizer", "to_folder"]
