"""Settings of the tokenizer and of the token shards."""

import dataclasses

from pipeline import ranges

SMALLEST_VOCABULARY = 257  # all bytes and the document token


@dataclasses.dataclass(frozen=True)
class TokenizerConfig:
    """How the vocabulary is learned."""

    vocab_size: int = 4_096  # rows in the vocabulary, 256 bytes and <|endoftext|> among them
    min_frequency: int = 2  # occurrences a pair needs before it may be merged
    max_bytes: int = 2_000_000_000  # UTF-8 bytes of training text; more is sampled evenly by id

    def __post_init__(self) -> None:
        ranges.check(self)
        ranges.refuse(
            self,
            (
                self.vocab_size < SMALLEST_VOCABULARY,
                f"vocab_size: at least {SMALLEST_VOCABULARY} (256 bytes and the document token)",
            ),
        )


@dataclasses.dataclass(frozen=True)
class TokensConfig:
    """How token files are cut."""

    max_tokens_per_shard: int = 100_000_000  # 200 MB in uint16; a document is never cut
    batch_documents: int = 1_000  # documents encoded in one call: bounds memory, not the output

    def __post_init__(self) -> None:
        ranges.check(self, above_zero="max_tokens_per_shard batch_documents")


@dataclasses.dataclass(frozen=True)
class TokenizerReportConfig:
    """What is measured of a vocabulary."""

    max_bytes: int = 4_000_000  # UTF-8 bytes of validation text, about; whole documents
    max_hosts: int = 12  # the largest of them get a row each
    bootstrap_samples: int = 500
    seed: int = 0

    def __post_init__(self) -> None:
        ranges.check(self, above_zero="bootstrap_samples")
