"""Words letter by letter, in questions that hold the word."""

from pipeline.curriculum import spelling


def test_spelling() -> None:
    assert spelling.spelled("harbour") == "h-a-r-b-o-u-r"
    assert len(set(spelling.SPELLING_WORDS)) == len(spelling.SPELLING_WORDS) >= 200
    for wording in range(len(spelling.SPELLING_QUESTIONS)):
        assert "harbour" in spelling.spelling_question("harbour", wording)
