"""What a corpus's group says of itself is read as it was written, and adds up."""

import dataclasses
from pathlib import Path

from pipeline.corpus.group_head import GroupHead, GroupSums, read_group_head, write_group_head


def test_every_field_of_the_sums_adds_up() -> None:
    names = [field.name for field in dataclasses.fields(GroupSums)]
    whole = GroupSums(*range(len(names)))
    whole.add(GroupSums(*range(100, 100 + len(names))))
    assert dataclasses.asdict(whole) == {name: 100 + 2 * i for i, name in enumerate(names)}


def test_a_head_is_read_as_it_was_written(tmp_path: Path) -> None:
    head: GroupHead = {
        "warcs": [],
        "counts": [("url", "domain", "dropped", 3, 0)],
        "sums": dataclasses.asdict(GroupSums(documents=2)),
        "languages": {"en": 2},
        "pii": {"email": 1},
    }
    write_group_head(tmp_path, head)
    found = read_group_head(tmp_path)
    assert found == {**head, "counts": [["url", "domain", "dropped", 3, 0]]}
    assert GroupSums(**found["sums"]) == GroupSums(documents=2)
