"""Secrets in addresses, by their place and by their value."""

import pytest

from storage.errors import UserError
from storage.redaction import hide, redact, reveal

SECRET = "hunter2hunter2"


@pytest.fixture(autouse=True)
def memory(monkeypatch):
    """What `hide` remembers goes with the test."""
    monkeypatch.setattr("storage.redaction._names", {})
    monkeypatch.setattr("storage.redaction._secrets", {})


PLACES = [
    "https://user:{}@host/file.warc.gz",
    "https://{}@host/file.warc.gz",
    "http://user:{}@127.0.0.1:8080",
    "socks5h://user:{}@proxy:1080",
    "https://host/f?token={}",
    "https://host/f?a=1&access_token={}&b=2",
    "https://host/f?X-Amz-Credential={}",
    "https://host/f?X-Amz-Expires=60&X-Amz-Signature={}",
    "https://host/f?X-Amz-Security-Token={}#part",
    "https://host/f?X-Goog-Signature={}",
    "https://host/f?AWSAccessKeyId={}",
    "https://host/f?Signature={}",
    "https://account.blob/f?sv=2020&sig={}",
    "https://host/f?api_key={}",
    "https://host/f?apikey={}",
    "https://host/f?key={}",
    "https://host/f?client-secret={}",
    "https://host/f?PASSWORD={}",
    "https://cdn/f?Policy={}",
    "https://host/f;jwt={}",
]


@pytest.mark.parametrize("place", PLACES)
def test_each_place_is_hidden_and_comes_back(place):
    address = place.format(SECRET)
    hidden = hide(address)
    assert SECRET not in hidden
    assert "${CRAWL2CHAT_SECRET_1}" in hidden
    assert reveal(hidden) == address
    assert hide(hidden) == hidden
    assert redact(hidden) == hidden, "the variable's name is no secret"
    text = redact(f"GET {address}: 403 Forbidden ('{address}'), see <{address}>")
    assert SECRET not in text
    assert text.count("***") == 3
    assert "403 Forbidden" in text


@pytest.mark.parametrize(
    "plain",
    [
        "https://host/f?page=3&tokens=512&keyword=boat",
        "https://host/@name/f",
        "s3://bucket/prefix?region=eu-west-1",
        "/data/token=1/file?key",
        "write to jane@host.org",
        "pretrain.loop.steps=10",
    ],
)
def test_what_is_no_secret_stays(plain):
    assert redact(plain) == plain
    assert hide(plain) == plain


def test_settings_are_hidden_wherever_they_stand():
    tree = {"input": {"paths": (f"https://h/f?sig={SECRET}", "a.warc"), "files": 3}, "n": [1, True]}
    hidden = hide(tree)
    assert SECRET not in repr(hidden)
    assert hidden["input"]["paths"][1] == "a.warc"
    assert hidden["input"]["files"] == 3
    assert hidden["n"] == [1, True]
    assert isinstance(hidden["input"]["paths"], tuple)


def test_two_secrets_have_two_names_and_one_has_one():
    first, second = (
        hide(f"https://a:{SECRET}@h/?token=other-secret-1"),
        hide(f"http://b/?key={SECRET}"),
    )
    assert reveal(first) == f"https://a:{SECRET}@h/?token=other-secret-1"
    assert reveal(second) == f"http://b/?key={SECRET}"
    assert hide(f"http://c/?sig={SECRET}").endswith(second.rpartition("=")[2])


def test_a_variable_of_ones_own(monkeypatch):
    monkeypatch.setenv("MY_TOKEN", SECRET)
    assert hide("https://h/f?token=${MY_TOKEN}") == "https://h/f?token=${MY_TOKEN}"
    assert reveal("https://h/f?token=${MY_TOKEN}") == f"https://h/f?token={SECRET}"
    monkeypatch.delenv("MY_TOKEN")
    with pytest.raises(UserError, match="no environment variable MY_TOKEN here"):
        reveal("https://h/f?token=${MY_TOKEN}")


def test_known_values_go_wherever_they_stand(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "short")
    assert redact("signed with wJalrXUtnFEMI/K7MDENG, in short") == "signed with ***, in short"
    hide(f"https://h/f?token={SECRET}")
    assert redact(f"Max retries: /f?x={SECRET}-") == "Max retries: /f?x=***-"
