"""An artifact that lies in groups: found, whole while they are, read in order."""

import json
import shutil

import pytest

from storage import UserError
from storage.grouped import members, shards


@pytest.fixture
def grouped(lake, make):
    groups = [
        make(lake, "corpus_group", {"t-00000.bin": bytes([n])}, recipe={"n": n}) for n in range(3)
    ]
    names = [f"corpus_group/{group.artifact}" for group in groups]
    files = {"groups.json": json.dumps(names).encode()}
    whole = make(lake, "corpus", files, inputs={"groups": [group.digest for group in groups]})
    return lake, groups, whole


def test_groups_are_found_in_their_order(grouped):
    lake, groups, whole = grouped
    folder = lake.local("corpus", whole.digest)
    assert members(folder) == [lake.local("corpus_group", group.digest) for group in groups]
    assert members(members(folder)[0]) == members(folder)[:1], "a group has its tables itself"
    assert shards(folder, "nothing") == []


def test_it_is_whole_while_its_groups_are(grouped):
    lake, groups, whole = grouped
    assert lake.is_whole("corpus", whole.digest, deep=True)
    changed = lake.local("corpus_group", groups[1].digest) / "t-00000.bin"
    changed.write_bytes(b"x")
    assert lake.is_whole("corpus", whole.digest)
    assert not lake.is_whole("corpus", whole.digest, deep=True)
    shutil.rmtree(changed.parent)
    assert not lake.is_whole("corpus", whole.digest)
    with pytest.raises(UserError, match=rf"its group corpus_group/{groups[1].artifact} is not in"):
        members(lake.local("corpus", whole.digest))
