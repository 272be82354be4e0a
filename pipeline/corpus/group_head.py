"""group.json of a corpus's group: what the figures of the whole corpus are added up from."""

import dataclasses
import json
from pathlib import Path
from typing import TypedDict

from pipeline.crawl.account import ByteCounts
from pipeline.decision import Outcome
from storage.places import GROUP_HEAD


class WarcFigures(ByteCounts):
    """Of one WARC file."""

    warc: str  # its name
    bytes: int  # its size
    records: int


@dataclasses.dataclass
class GroupSums:
    """What is added up over a group's documents, and over all groups."""

    documents: int = 0
    validation: int = 0  # documents of that split
    bytes: int = 0  # UTF-8, of their texts
    words: int = 0
    passages: int = 0  # lines and paragraphs taken out
    passage_characters: int = 0
    contaminated_documents: int = 0
    places: int = 0  # keys by which a page is found

    def add(self, other: "GroupSums") -> None:
        """Add another group's."""
        for name in (field.name for field in dataclasses.fields(self)):
            setattr(self, name, getattr(self, name) + getattr(other, name))


class GroupHead(TypedDict):
    """All of it."""

    warcs: list[WarcFigures]
    # stage, rule, outcome, then records and their words
    counts: list[tuple[str, str, Outcome, int, int]]
    sums: dict[str, int]  # fields of GroupSums
    languages: dict[str, int]  # documents
    pii: dict[str, int]  # replaced, by kind


def write_group_head(group: Path, head: GroupHead) -> None:
    """Leave it in the folder of a group."""
    (group / GROUP_HEAD).write_text(json.dumps(head, sort_keys=True) + "\n")


def read_group_head(group: Path) -> GroupHead:
    """That of a group."""
    head: GroupHead = json.loads((group / GROUP_HEAD).read_text())
    return head
