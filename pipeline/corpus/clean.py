"""What a text goes through once it is selected and no duplicate: passages, benchmarks, PII.

In: batches of documents. Out, in the order of the batches: the texts as they go into the corpus,
and those that drop out, with the reason. A document's result depends on nothing but its own text,
so batches are spread over processes and their number changes nothing.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.cores import cores
from pipeline.corpus.config import CorpusConfig
from pipeline.decision import Decision, dropped
from pipeline.dedup.hash_index import open_index
from pipeline.dedup.passages import Remover, limits
from pipeline.filters import decontamination
from pipeline.filters.contamination_report import ContaminationRow, report_rows
from pipeline.filters.pii import replace
from pipeline.in_order import in_order
from pipeline.unspaced import count_words
from storage.schemas import PII_KINDS

WORTH_PROCESSES = 1_000  # documents; starting a process takes as long as some hundred of them


@dataclasses.dataclass(frozen=True)
class Setting:
    """What a process needs to know before its first batch."""

    config: CorpusConfig
    duplicates: Path  # artifact, for its frequent passages
    benchmarks: tuple[Path, ...] = ()


@dataclasses.dataclass(frozen=True)
class Cleaned:
    """A batch's outcome. `texts` are those of the rows that are left, in order."""

    texts: list[str]
    pii: np.ndarray  # rows x kinds, of the same rows
    drops: dict[int, Decision]  # by row of the batch, of those that are not left
    words: int
    bytes: int
    passages: int  # lines and paragraphs taken out
    passage_characters: int
    contaminated: list[ContaminationRow]


class Cleaner:
    """Holds what cleaning needs in memory; one in each process."""

    def __init__(self, setting: Setting) -> None:
        self.config = setting.config
        index = open_index(setting.duplicates)
        self.passages = index.passages
        self.remover = Remover(index, index.passages) if limits(index.passages) else None
        self.benchmarks = None
        if setting.benchmarks:
            self.benchmarks = decontamination.build_index(
                setting.benchmarks, self.config.decontamination
            )

    def clean(self, batch: pa.Table) -> Cleaned:
        """The outcome of a batch.

        Args:
            batch: columns id, url and text of some documents.
        """
        texts: list[str] = []
        pii: list[list[int]] = []
        drops: dict[int, Decision] = {}
        contaminated: list[ContaminationRow] = []
        words = size = passages = characters = 0
        columns = (batch[name].to_pylist() for name in ("id", "url", "text"))
        for row, (id_, url, text) in enumerate(zip(*columns)):
            if self.remover is not None:
                removed = self.remover.remove(bytes.fromhex(id_), text)
                passages += removed.passages
                characters += removed.characters
                text = removed.text
                least = max(1, self.passages.min_words_left)  # of nothing no document is left
                if removed.passages and removed.words_left < least:
                    drops[row] = dropped("dedup", "passages", removed.words_left, least)
                    continue
            if self.benchmarks is not None:
                found = self.benchmarks.scan(text)
                if found is not None:
                    left = decontamination.cleaned(text, found, self.config.decontamination)
                    action = self.config.decontamination.action
                    action = "drop" if left is None else action
                    contaminated += report_rows(id_, url, text, found, action, self.config.pii)
                    if left is None:
                        first = found.matches[0]
                        detail = f"{first.benchmark}:{first.example}"
                        drops[row] = dropped(
                            "decontamination", "ngrams", first.ngrams, None, detail
                        )
                        continue
                    text = left
            text, counts = replace(text, self.config.pii)
            texts.append(text)
            pii.append([counts.get(kind, 0) for kind in PII_KINDS])
            words += count_words(text)
            size += len(text.encode("utf-8", "surrogatepass"))
        table = np.array(pii, dtype=np.int64).reshape(-1, len(PII_KINDS))
        return Cleaned(texts, table, drops, words, size, passages, characters, contaminated)


def clean_all(
    batches: Iterable[tuple[Any, pa.Table]], setting: Setting, documents: int, processes: int = 0
) -> Iterator[tuple[Any, Cleaned]]:
    """Each batch's outcome with what came with it, in their order.

    Args:
        batches: columns id, url and text of documents, each with a tag that comes back.
        setting: what is done to them.
        documents: how many there are in all: a few are not worth another process.
        processes: 0: one for each core.
    """
    if documents < WORTH_PROCESSES:
        processes = 1
    yield from in_order(batches, _cleaner, (setting,), processes or cores())


def _cleaner(setting: Setting) -> Callable[[pa.Table], Cleaned]:
    return Cleaner(setting).clean
