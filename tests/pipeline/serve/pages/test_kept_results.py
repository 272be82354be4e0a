"""Results are worked out once for a key, and the oldest make room."""

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
