"""Addresses at a text's borders and beside each other, and what is an account, not a mailbox."""

import pytest

from pipeline.filters.emails import find_emails


def found(text: str) -> list[str]:
    return [text[start:end] for start, end in find_emails(text)]


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("ann@example.org", ["ann@example.org"]),
        ("ann@example.org, bob@example.com", ["ann@example.org", "bob@example.com"]),
        ("Ask ann@example.org or bob@example.com.", ["ann@example.org", "bob@example.com"]),
        ('"anna maria"@example.com', ['"anna maria"@example.com']),
        # RFC 5321, 4.5.3.1.1: a local part has at most 64 octets.
        ("x" * 64 + "@example.org", ["x" * 64 + "@example.org"]),
        ("x" * 65 + "@example.org", []),
        # No top-level domain of that name.
        ("tensor@y.shape", []),
        # An account that serves everybody's code, a copy to a host, an account of a host.
        ("git@example.org", []),
        ("hg@example.org", []),
        ("scp file ann@example.org:notes.txt", []),
        ("ssh -p 22 ann@example.org", []),
        ("git@example.org:team/project.git", []),
        ("Message-ID: <20010914.12@example.org>", []),
        # A package's version and a retina image.
        ("lib@1.0.0.dev", []),
        ("icon@2x.png", []),
        ("postgres://ann@example.org/table", []),
        ("mailto://ann@example.org", ["ann@example.org"]),
        ("name=ann@example.org", ["ann@example.org"]),
        ("请写信给ann@example.org谢谢", ["ann@example.org"]),
        ("@example.org", []),
        ("no address", []),
    ],
)
def test_addresses(text: str, addresses: list[str]) -> None:
    assert found(text) == addresses
