"""Answers are kept for good, by endpoint and request; a damaged one counts as absent."""

import threading
from pathlib import Path

import pytest

from pipeline.sft.teacher.answer_cache import AnswerCache
from pipeline.sft.teacher.chat_endpoint import ChatAnswer

# Half a surrogate pair, as "\ud800" in JSON gives it.
ANSWER = ChatAnswer("héllo \ud800", "cut", "why", 12, 3)


@pytest.fixture
def cache(tmp_path: Path) -> AnswerCache:
    return AnswerCache("https://host/v1", tmp_path / "teacher")


def test_what_is_put_is_got(cache: AnswerCache) -> None:
    name = cache.name(b"body")
    assert cache.get(name) is None
    cache.put(name, ANSWER)
    assert cache.get(name) == ANSWER
    assert AnswerCache("https://host/v1", cache.folder).get(name) == ANSWER


def test_another_request_or_endpoint_is_another_name(cache: AnswerCache) -> None:
    other = AnswerCache("https://other/v1", cache.folder)
    assert len({cache.name(b"a"), cache.name(b"b"), other.name(b"a")}) == 3


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"answer": 1}', b"\xff\xfe", b"null"])
def test_a_damaged_answer_is_none(cache: AnswerCache, data: bytes) -> None:
    name = cache.name(b"body")
    cache.put(name, ANSWER)
    (path,) = (path for path in cache.folder.rglob("*") if path.is_file())
    path.write_bytes(data)
    assert cache.get(name) is None
    cache.put(name, ANSWER)
    assert cache.get(name) == ANSWER


def test_it_lies_in_the_user_s_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CRAWL2CHAT_CACHE", str(tmp_path))
    cache = AnswerCache("https://host/v1")
    cache.put(cache.name(b"body"), ANSWER)
    assert list((tmp_path / "teacher").rglob("*.json"))


def test_many_write_at_once(cache: AnswerCache) -> None:
    def put(number: int) -> None:
        cache.put(cache.name(b"body"), ANSWER)
        cache.put(cache.name(str(number).encode()), ChatAnswer(str(number)))

    threads = [threading.Thread(target=put, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.get(cache.name(b"body")) == ANSWER
    assert [cache.get(cache.name(str(n).encode())) for n in range(16)] == [
        ChatAnswer(str(n)) for n in range(16)
    ]
    assert not list(cache.folder.rglob("*.part"))
