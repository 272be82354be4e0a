"""Words letter by letter, in questions that hold the word."""

from pipeline.curriculum import spelling
from pipeline.curriculum.held_out import word_split


def test_spelling() -> None:
    assert spelling.spelled("harbour") == "h-a-r-b-o-u-r"
    assert len(set(spelling.SPELLING_WORDS)) == len(spelling.SPELLING_WORDS) >= 200
    for wording in range(len(spelling.SPELLING_QUESTIONS)):
        assert "harbour" in spelling.spelling_question("harbour", wording)


def test_frequent_words_are_whole_lower_case_words_of_3_to_10_letters() -> None:
    texts = (
        "the owl and the strawberry: the owl, an Owl",  # 10 letters; `an`: 2; `Owl`: a capital
        "and a waterfalls-like lighthouse, newspaperman, don't, plants2",  # 12 letters, and parts
        "lighthouses",  # 11 letters
    )
    # the: 3 times; and, owl: 2, in order of the alphabet; lighthouse, strawberry: once
    assert spelling.frequent_words(texts, 9) == ["the", "and", "owl", "lighthouse", "strawberry"]
    assert spelling.frequent_words(texts, 2) == ["the", "and"]
    assert spelling.frequent_words([], 3) == []


def test_words_of_a_split_are_the_candidates_in_their_order_and_once() -> None:
    splits = {word: word_split(word) for word in ("harbour", "owl", "paper", "zebra", "milk")}
    for split in set(splits.values()):
        expected = [word for word, its in splits.items() if its == split]
        assert spelling.words_of(split, [*splits, "owl", "milk"]) == expected
