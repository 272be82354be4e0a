"""An index of texts: numbered in their order, found by their words, in passages of a length."""

from pipeline.tools.small_index import index_of


def test_documents_are_the_texts_in_their_order(tmp_path):
    index = index_of(["Bralen was born in Hale.", "", "Stomis plays the harp."], 200, tmp_path)
    try:
        (found,) = index.search("Where was Bralen born?", 5, 1.0)
        assert (found.document, found.text) == (1, "Bralen was born in Hale.")
        (found,) = index.search("harp", 5, 1.0)
        assert found.document == 3
        assert index.passages == 2  # nothing of an empty text
    finally:
        index.close()


def test_long_texts_are_cut(tmp_path):
    index = index_of(["One sentence stands here and ends. " * 10], 80, tmp_path)
    try:
        found = index.search("sentence", 20, 1.0)
        assert len(found) > 4
        assert all(len(passage.text) <= 80 for passage in found)
        assert {passage.document for passage in found} == {1}
    finally:
        index.close()
