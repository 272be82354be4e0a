"""Results are worked out once for a key, and the oldest make room."""

import threading

import pytest
from patience import PATIENCE_SECONDS

from pipeline.serve.pages.kept_results import MOST_KEPT, KeptResults


def test_a_result_is_worked_out_once_until_others_took_its_room() -> None:
    kept, made = KeptResults(), list[object]()

    def make(key: object) -> object:
        made.append(key)
        return None if key == "nothing" else [key]

    def get(key: str | int) -> object:
        return kept.get(key, lambda: make(key))

    assert get("a") is get("a")
    assert get("nothing") is get("nothing") is None
    assert made == ["a", "nothing"]
    for number in range(MOST_KEPT - 1):
        get(number)
        get("a")  # asked for again and again: it stays
    assert made.count("a") == 1
    get("nothing")
    assert made.count("nothing") == 2


def test_who_wants_another_result_does_not_wait_for_a_long_one() -> None:
    kept, begun, may_end = KeptResults(), threading.Event(), threading.Event()
    made, got = list[str](), list[str]()

    def long() -> str:
        made.append("long")
        begun.set()
        assert may_end.wait(PATIENCE_SECONDS)
        return "long"

    threads = [
        threading.Thread(target=lambda: got.append(kept.get("long", long))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    assert begun.wait(PATIENCE_SECONDS)
    short = threading.Thread(target=lambda: got.append(kept.get("short", lambda: "short")))
    short.start()
    short.join(PATIENCE_SECONDS)
    assert got == ["short"]
    may_end.set()
    for thread in threads:
        thread.join()
    assert (got, made) == (["short", "long", "long"], ["long"])


def test_a_failure_is_not_kept() -> None:
    kept = KeptResults()
    with pytest.raises(ZeroDivisionError):
        kept.get("a", lambda: 1 // 0)
    assert kept.get("a", lambda: 7) == 7
