"""Text to token ids and back: byte-level BPE in Qwen2's convention, and token shards."""

from pipeline.tokenizer.tokenizer import Tokenizer

__all__ = ["Tokenizer"]
