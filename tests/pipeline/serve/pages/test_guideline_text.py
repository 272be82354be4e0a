"""The guideline as blocks: nothing of it is lost, and its signs are gone."""

from pipeline.labels import guideline
from pipeline.serve.pages.guideline_text import TextRun, blocks_of


def words(text: str) -> list[str]:
    return text.replace("**", "").replace("\n- ", "\n").split()


def test_nothing_of_the_guideline_is_lost() -> None:
    found = blocks_of(guideline())
    texts = ["".join(run.text for run in item) for block in found for item in block.items]
    assert " ".join(texts).split() == words(guideline())
    assert sum(block.is_list for block in found) == 3
    assert all(len(block.items) >= 4 for block in found if block.is_list)
    strong = [run.text for block in found for item in block.items for run in item if run.strong]
    assert strong[:3] == ["Helpful.", "Truthful.", "Harmless."]


def test_paragraphs_lists_and_what_is_strong() -> None:
    paragraph, listed = blocks_of("a **b\nc** - d\ne\n\n- one\n  more\n- **two**")
    assert paragraph.items == [
        [TextRun("a ", False), TextRun("b c", True), TextRun(" - d e", False)]
    ]
    assert not paragraph.is_list
    assert listed.is_list
    assert listed.items == [[TextRun("one more", False)], [TextRun("two", True)]]
