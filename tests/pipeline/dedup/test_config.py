"""Settings that can't be are refused with one line."""

from typing import Any

import pytest

from pipeline.dedup.config import DedupConfig, MinhashConfig, PassageConfig
from storage.errors import UserError


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(UserError, match=r"MinhashConfig\.buckets: 0 must be above 0"):
        MinhashConfig(buckets=0)
    with pytest.raises(UserError, match="max_documents_per_line: -1 is negative"):
        PassageConfig(max_documents_per_line=-1)
    with pytest.raises(UserError, match="sort_memory_bytes"):
        DedupConfig(sort_memory_bytes=0)


def test_the_least_values_themselves_are_allowed() -> None:
    MinhashConfig(ngram_words=1, buckets=1, hashes_per_bucket=1)
    PassageConfig(max_documents_per_line=0, max_documents_per_paragraph=0, min_words=0)
    assert DedupConfig(sort_memory_bytes=1).sort_memory_bytes == 1
    for wrong in ({"ngram_words": 0}, {"hashes_per_bucket": 0}):
        with pytest.raises(UserError, match="must be above 0"):
            MinhashConfig(**wrong)
    negative: list[dict[str, Any]] = [{"max_documents_per_paragraph": -1}, {"min_words": -1}]
    for below in negative:
        with pytest.raises(UserError, match="is negative"):
            PassageConfig(**below)
