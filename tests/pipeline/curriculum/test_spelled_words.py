"""Words letter by letter, in questions that hold the word."""

from pipeline.curriculum import spelled_words
from pipeline.curriculum.held_out import word_split


def test_spelling() -> None:
    assert spelled_words.spelled("harbour") == "h-a-r-b-o-u-r"
    assert len(set(spelled_words.SPELLING_WORDS)) == len(spelled_words.SPELLING_WORDS) >= 200
    for wording in range(len(spelled_words.SPELLING_QUESTIONS)):
        assert "harbour" in spelled_words.spelling_question("harbour", wording)


def test_frequent_words_are_whole_lower_case_words_of_3_to_10_letters() -> None:
    texts = (
        "the owl and the strawberry: the owl, an Owl",  # 10 letters; `an`: 2; `Owl`: a capital
        "and a waterfalls-like lighthouse, newspaperman, don't, plants2",  # 12 letters, and parts
        "lighthouses",  # 11 letters
    )
    # the: 3 times; and, owl: 2, in order of the alphabet; lighthouse, strawberry: once
    assert spelled_words.frequent_words(texts, 9) == [
        "the",
        "and",
        "owl",
        "lighthouse",
        "strawberry",
    ]
    assert spelled_words.frequent_words(texts, 2) == ["the", "and"]
    assert spelled_words.frequent_words([], 3) == []


def test_words_of_a_split_are_the_candidates_in_their_order_and_once() -> None:
    splits = {word: word_split(word) for word in ("harbour", "owl", "paper", "zebra", "milk")}
    for split in set(splits.values()):
        expected = [word for word, its in splits.items() if its == split]
        assert spelled_words.words_of(split, [*splits, "owl", "milk"]) == expected
