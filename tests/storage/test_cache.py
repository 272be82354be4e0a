"""Where copies lie on this machine, and how much room they may take."""

from pathlib import Path

import pytest

from storage import cache
from storage.errors import UserError


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ("", 200_000_000_000),
        ("0", 0),
        ("0.5", 500_000_000),
        ("1", 1_000_000_000),
        ("1e3", 1_000_000_000_000),
    ],
)
def test_gigabytes(monkeypatch: pytest.MonkeyPatch, given: str, size: int) -> None:
    monkeypatch.setenv("CRAWL2CHAT_LAKE_CACHE_GB", given)
    assert cache.lake_bytes() == size


@pytest.mark.parametrize("given", ["-0.1", "-1", "inf", "-inf", "nan", "many", "1 GB"])
def test_what_is_no_number_of_gigabytes_is_said(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("CRAWL2CHAT_LAKE_CACHE_GB", given)
    with pytest.raises(UserError, match=f"CRAWL2CHAT_LAKE_CACHE_GB: '{given}' is no number"):
        cache.lake_bytes()


def test_its_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CRAWL2CHAT_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache.cache_root() == tmp_path / "home" / ".cache" / "crawl2chat"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.cache_root() == tmp_path / "xdg" / "crawl2chat"
    monkeypatch.setenv("CRAWL2CHAT_CACHE", "~/mine")
    assert cache.cache_root() == tmp_path / "home" / "mine"
    assert not (tmp_path / "home").exists()
