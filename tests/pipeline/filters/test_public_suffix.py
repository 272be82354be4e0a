"""The same hosts and registered domains as tldextract, whose list it is."""

import random

import pytest
import tldextract
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.filters.public_suffix import split_host, suffixes, top_level_domains

LABELS = [
    "",
    "a",
    "www",
    "WWW",
    "xn--p1ai",
    "xn--85x722f",
    "xn--x",
    "xn--",
    "*",
    "!www",
    "ck",
    "uk",
]
LABELS += [
    "co",
    "com",
    "jp",
    "kawasaki",
    "city",
    "中国",
    "公司",
    "İ",
    "ß",
    "127",
    "0",
    "1",
    "256",
    "er",
]
DOTS = ["."] * 6 + ["\u3002", "\uff0e", "\uff61", ".."]
AROUND = ["", "http://", "//", "HTTPS://", "a b://", ":", "u@", "u:p@", "@", "[", "[::1]", "]", " "]
AROUND += [":80", "/", "/p//q", "?q=//a.com", "#f", "://", "x://y://", "\t", "."]
urls = st.lists(st.sampled_from(LABELS + DOTS + AROUND), max_size=9).map("".join)


class Theirs:
    """tldextract with the list that it comes with."""

    def __init__(self):
        self.extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
        self.tlds = self.extract.tlds

    def __call__(self, url):
        parts = self.extract(url)
        return parts.fqdn.lower(), parts.top_domain_under_public_suffix.lower()


@pytest.fixture(scope="module")
def theirs():
    return Theirs()


def ours(url):
    parts = split_host(url)
    return parts.host, parts.registered


def test_what_they_are():
    assert ours("https://User@Forums.BBC.co.uk:80/x") == ("forums.bbc.co.uk", "bbc.co.uk")
    assert ours("http://blog.a.blogspot.com/") == ("blog.a.blogspot.com", "blogspot.com")
    assert ours("http://www.ck/") == ("www.ck", "www.ck")  # an exception to "*.ck"
    assert ours("http://b.a.ck/") == ("b.a.ck", "b.a.ck")
    for none in ("http://a.ck/", "http://localhost/", "http://127.0.0.1/", "http://[::1]/", ""):
        assert ours(none) == ("", "")


def test_every_rule_as_tldextract(theirs):
    assert suffixes().rules == frozenset(theirs.tlds)
    assert top_level_domains() == {rule.rpartition(".")[2] for rule in theirs.tlds}
    for rule in suffixes().rules:
        plain = rule.removeprefix("!").replace("*", "any")
        above = plain.partition(".")[2]
        for host in (above, plain, f"b.{plain}", f"c.b.{plain}", plain.encode("idna").decode()):
            assert ours(f"http://{host}/") == theirs(f"http://{host}/"), host


@given(urls)
@example("http://a.com.:80/")
@example("http://a.com\u3002/")
@example("://a.com")
@example("http://a..com/")
@example("http://.com/")
@example("a.com//b")
@example("http:///a.com")
@example("http://u@[a.com/x")
@example("http://[a.com]:80/")
def test_odd_urls_as_tldextract(theirs, url):
    assert ours(url) == theirs(url)


def test_urls_of_a_crawl_as_tldextract(theirs, shared_dir):
    from pipeline.crawl.limits import LimitsConfig
    from pipeline.crawl.warc import read_records

    path = sorted((shared_dir / "crawl").glob("*.warc.gz"))[-1]
    found = [record.url for record in read_records(path, LimitsConfig())]
    assert [ours(url) for url in found] == [theirs(url) for url in found]


def test_random_text_as_tldextract(theirs):
    draw = random.Random("text")
    signs = "ab.cd:/@[]?#-\\ \n.xn\u3002é中İ\ud800%20"
    for _ in range(5000):
        url = "".join(draw.choices(signs, k=draw.randint(0, 15))) + draw.choice(["", ".com", ".uk"])
        assert ours(url) == theirs(url), repr(url)
