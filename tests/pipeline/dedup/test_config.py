"""Settings that can't be are refused with one line."""

import pytest

from pipeline.dedup.config import DedupConfig, MinhashConfig, PassageConfig
from storage.errors import UserError


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(UserError, match=r"MinhashConfig\.buckets: 0; at least 1"):
        MinhashConfig(buckets=0)
    with pytest.raises(UserError, match="max_documents_per_line: -1; at least 0"):
        PassageConfig(max_documents_per_line=-1)
    with pytest.raises(UserError, match="sort_memory_bytes"):
        DedupConfig(sort_memory_bytes=0)
