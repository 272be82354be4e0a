"""Addresses of APIs: what is one, and what is said of the others."""

import pytest

from storage.api_address import api_address
from storage.errors import UserError


def address(url: str) -> str:
    return api_address(url, "--url", "http://HOST/v1", "keys go elsewhere")


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (" https://host/v1/ ", "https://host/v1"),
        ("http://[::1]:8000//", "http://[::1]:8000"),
        ("http://bücher.example", "http://bücher.example"),
    ],
)
def test_addresses(url: str, found: str) -> None:
    assert address(url) == found


@pytest.mark.parametrize(
    "url",
    [
        *("", "host", "host:80", "ftp://host", "http://", "http://host:0", "http://host:99999"),
        *("http://host/?a=1", "http://host/#a", "http://ho st", f"http://{'a' * 64}.example"),
    ],
)
def test_what_is_none_is_shown_with_how_it_should_look(url: str) -> None:
    with pytest.raises(UserError, match=r"^--url: .*: write it as http://HOST/v1$"):
        address(url)


def test_a_password_is_not_repeated() -> None:
    with pytest.raises(UserError, match="keys go elsewhere") as error:
        address("https://me:planted@host/v1")
    assert "planted" not in str(error.value)
