"""Small corpora, and search indexes of them."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.stage import SILENT
from pipeline.tools import search_index
from pipeline.tools.config import SearchIndexConfig
from storage.schemas import CORPUS
from storage.tables import table, write_table

Text = str | tuple[str, str]  # with its split, which else is train


def write_corpus(folder: Path, texts: Sequence[Text], first: int = 0, name: str = "en") -> Path:
    """A corpus in a folder: document 00…1, 00…2, …, counted from `first`."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, given in enumerate(texts, start=first + 1):
        text, split = (given, "train") if isinstance(given, str) else given
        row = dict.fromkeys(CORPUS.names)
        url = f"https://example.org/{number}"
        row |= {"id": f"{number:032x}", "url": url, "text": text, "split": split}
        rows.append(row)
    write_table(table(rows, CORPUS), folder / f"corpus-{name}.parquet")
    return folder


def write_index(
    folder: Path,
    corpus: Path,
    config: SearchIndexConfig | None = None,
    scratch: Path | None = None,
) -> search_index.SearchIndexStatistics:
    """The index of a corpus, in a new folder."""
    scratch = scratch or folder.with_name(f"{folder.name}-scratch")
    folder.mkdir(parents=True)
    scratch.mkdir(exist_ok=True)
    config = config or SearchIndexConfig()
    return search_index.build(folder, {"corpus": [corpus]}, config, SILENT, scratch)
