"""Every rule of the URL filter, and the same verdicts as datatrove's own filter."""

import random
import sys
import types
import urllib.parse

import pytest
import tldextract
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.filters.line_file import LineBlock
from pipeline.filters.public_suffix import split_host
from pipeline.filters.url import UrlConfig, UrlFilter, contains_line, host_of
from pipeline.filters.url_lists import ARCHIVE, DOMAINS, URLS, assets_folder, blocks

THEIR_RULE = {
    "domain": "domain",
    "host": "subdomain",
    "url": "url",
    "hard_word": "hard_blacklisted",
    "soft_words": "soft_blacklisted",
    "sub_word": "blacklisted_subword",
}


@pytest.fixture(scope="module")
def url_filter():
    return UrlFilter(UrlConfig(extra_domains=("bad.example.org",), extra_urls=("http://a.de/x",)))


def listed(block: bytes, count: int) -> list[str]:
    """Some lines of a list."""
    draw = random.Random("listed")
    found = []
    for _ in range(count):
        start = block.rfind(b"\n", 0, draw.randrange(len(block))) + 1
        found.append(block[start : block.index(b"\n", start)].decode())
    return found


@pytest.fixture(scope="module")
def archived():
    """The lists as they are in the archive."""
    return blocks(assets_folder() / ARCHIVE)


def test_the_shipped_domains_are_sorted_and_clean(archived):
    block = archived[DOMAINS]
    assert block.endswith(b"\n")
    assert len(block) > 100_000_000
    previous = b""
    for line in block.splitlines():
        assert previous < line
        assert not line.startswith(b"#")
        previous = line
    assert block.split(None, 1)[0] == block.split(b"\n", 1)[0]


def test_every_listed_name_is_found_and_others_are_not(archived, url_filter):
    lists = url_filter.lists
    for block, lines in ((archived[DOMAINS], lists.domains), (archived[URLS], lists.urls)):
        there = {*block[:20_000].split()[:-1], *block[-20_000:].split()[1:]}
        there |= {name.encode() for name in listed(block, 2000)}
        assert all(map(lines.contains, there))
        for name in listed(block, 500):
            for other in (f"{name}x", f"x{name}", name[:-1], f"{name}."):
                assert contains_line(lines, other) == contains_line(LineBlock(block), other)
    assert not contains_line(lists.domains, "")


def test_the_first_of_two_sub_words_is_named(url_filter):
    one, other = [word for word in url_filter.lists.sub_words if len(word) > 8][:2]
    for first, second in ((one, other), (other, one)):
        verdict = url_filter.check(f"http://fine.example.org/q{first}q{second}q")
        assert (verdict.rule, verdict.detail) == ("sub_word", first)


def test_rules(url_filter, archived):
    lists, names = url_filter.lists, archived[DOMAINS]
    domain = next(d for d in listed(names, 50) if split_host(d).registered == d)
    hosts = [d for d in listed(names, 4000) if split_host(d).registered != d]
    host = next(  # on the list by itself, its registered domain not
        h
        for h in hosts
        if split_host(h).host == h
        and not contains_line(lists.domains, split_host(h).registered)
        and url_filter.check(f"http://not-{h}/page") is None
    )
    hard = next(word for word in lists.hard_words if word.isalpha())
    soft = [word for word in lists.soft_words if word.isalpha()][:2]
    sub = next(word for word in lists.sub_words if len(word) > 8)
    cases = [
        (f"http://{domain}/page", "domain", domain),
        (f"http://www.{domain}/page", "domain", domain),
        (f"http://{host}/page", "host", host),
        (f"http://not-{host}/page", None, ""),
        ("http://bad.example.org/", "domain", "bad.example.org"),
        ("http://sub.BAD.example.org:80/", "domain", "bad.example.org"),
        ("http://notbad.example.org/", None, ""),
        ("http://a.de/x", "url", "http://a.de/x"),
        ("http://a.de/x/", None, ""),
        (f"http://fine.example.org/some-{hard}/page", "hard_word", hard),
        (f"http://fine.example.org/{soft[0]}/page", None, ""),
        (f"http://fine.example.org/{soft[0]}/{soft[1]}", "soft_words", " ".join(sorted(soft))),
        (f"http://fine.example.org/x{sub[:4]}-{sub[4:].upper()}y", "sub_word", sub),
        ("https://en.wikipedia.org/wiki/Essex", None, ""),
        ("http://[::1/broken", None, ""),
        ("http://192.168.1.1/page", None, ""),
        ("", None, ""),
    ]
    for url, rule, detail in cases:
        verdict = url_filter.check(url)
        assert (verdict.rule if verdict else None) == rule, url
        if verdict:
            assert verdict.detail == detail
    verdict = url_filter.check(f"http://fine.example.org/{soft[0]}/{soft[1]}")
    assert (verdict.value, verdict.threshold) == (2.0, 2.0)


def test_without_lists_only_the_extra_ones_count():
    own = UrlFilter(UrlConfig(use_lists=False, extra_domains=("spam.example",)))
    verdict = own.check("http://www.spam.example/")
    assert verdict is not None
    assert verdict.rule == "domain"
    assert own.check("http://fine.example/porn/sex/xxx") is None


def test_host_of():
    assert host_of("https://User@WWW.Example.org:8080/x") == "www.example.org"
    assert host_of("http://[::1]:80/") == "::1"
    assert host_of("http://[broken") == ""
    assert host_of("no url") == ""


PIECES = [
    "http://",
    "https://",
    "HTTP://",
    "//",
    "a",
    "B.c",
    "-x",
    "1",
    ".",
    "@",
    ":",
    ":80",
    ":x",
    "/",
    "?",
    "#",
    "[",
    "]",
    "é",
    "İ",
    "。",
    "_",
    "%41",
]


@given(st.lists(st.sampled_from([*PIECES, " ", "\t", "\n", "\0"]), max_size=8).map("".join))
@example("http://a.example:80@b.example/")
@example("http://a.example\n.b.example/")
@example("http://a.example:80")
def test_host_of_is_urllibs(url):
    try:
        expected = urllib.parse.urlsplit(url).hostname or ""
    except ValueError:
        expected = ""
    assert host_of(url) == expected


class Automaton:
    """The three methods of pyahocorasick that datatrove uses."""

    def __init__(self, *_):
        self.words = []

    def __len__(self):
        return len(self.words)

    def add_word(self, word, _):
        self.words.append(word)

    def make_automaton(self):
        pass

    def iter(self, text):
        return iter([word for word in self.words if word in text])


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lists")
    offline = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    automata = types.ModuleType("ahocorasick")  # pyahocorasick is not installed here
    vars(automata).update(Automaton=Automaton, STORE_INTS=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "ahocorasick", automata)
        from datatrove.data import Document
        from datatrove.pipeline.filters import url_filter as original

        patch.setattr(original.URLFilter, "_requires_dependencies", [])
        patch.setattr(original, "cached_assets_path", lambda **_: str(folder))
        patch.setattr(original, "safely_create_file", lambda _, make: make())
        patch.setattr(tldextract, "TLDExtract", lambda: offline)
        own = original.URLFilter()

        def rule(url):
            verdict = own.filter(Document(text="", id="0", metadata={"url": url}))
            return None if verdict is True else verdict[1]

        yield rule


@pytest.mark.filterwarnings("ignore:The 'registered_domain' property")
def test_the_same_verdicts_as_datatrove(theirs, url_filter, archived):
    lists = url_filter.lists
    draw = random.Random("parity")
    urls = [f"http://{domain}/a" for domain in listed(archived[DOMAINS], 60)]
    urls += [f"https://www.{domain}/a.html" for domain in listed(archived[DOMAINS], 20)]
    urls += [f"http://no{domain}/a" for domain in listed(archived[DOMAINS], 20)]
    urls += listed(archived[URLS], 30)
    words = [*lists.hard_words, *lists.soft_words, *lists.sub_words, "Page", "news", "Sussex"]
    for number in range(270):
        path = draw.choice("-/_.+").join(draw.sample(words, draw.choice([1, 2, 3])))
        if number % 3 == 0:
            path = path.upper()
        if number % 5 == 0:
            path = "a" + path + "b"
        urls.append(f"https://blog.site{number}.co.uk/{path}?q={draw.choice(words)}")
    urls += [f"https://blog.site{number}.co.uk/{draw.choice(words)}" for number in range(200)]
    rules = [theirs(url) for url in urls]
    ours = [url_filter.check(url) for url in urls]
    assert [THEIR_RULE[verdict.rule] if verdict else None for verdict in ours] == rules
    assert len(set(rules)) == 7  # every rule took part


@pytest.mark.filterwarnings("ignore:The 'registered_domain' property")
def test_parity_on_the_shared_crawl(theirs, url_filter, shared_dir):
    from pipeline.crawl.limits import LimitsConfig
    from pipeline.crawl.warc import read_records

    path = sorted((shared_dir / "crawl").glob("*.warc.gz"))[0]
    urls = [record.url for record in read_records(path, LimitsConfig()) if record.url][:400]
    ours = [url_filter.check(url) for url in urls]
    assert [THEIR_RULE[v.rule] if v else None for v in ours] == [theirs(url) for url in urls]
