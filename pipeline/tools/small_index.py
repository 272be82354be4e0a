"""A search index of texts that are no corpus of the lake: for training and evaluation with search.

In: texts. Out: an index whose documents are numbered from 1 in their order.
"""

from collections.abc import Sequence
from pathlib import Path

from pipeline.stage import SILENT
from pipeline.tools import search_index
from pipeline.tools.config import SearchIndexConfig
from pipeline.tools.retrieval import SearchIndex
from storage.schemas import CORPUS
from storage.tables import table, write_table


def index_of(texts: Sequence[str], passage_characters: int, scratch: Path) -> SearchIndex:
    """An open index; its files lie in `scratch` and must outlive it.

    Args:
        texts: of the documents.
        passage_characters: of a passage, at most.
        scratch: an empty folder.
    """
    corpus, work, out = (scratch / name for name in ("corpus", "work", "index"))
    for folder in (corpus, work, out):
        folder.mkdir()
    rows = [
        {**dict.fromkeys(CORPUS.names), "id": str(n), "url": "", "text": text, "split": "train"}
        for n, text in enumerate(texts, start=1)
    ]
    write_table(table(rows, CORPUS), corpus / "corpus-und.parquet")
    config = SearchIndexConfig(passage_characters=passage_characters)
    search_index.build(out, {"corpus": [corpus]}, config, SILENT, work)
    return SearchIndex(out)
