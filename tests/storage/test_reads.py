"""What a stage reads of an artifact, by names and columns."""

import pytest

from storage.manifest import FileEntry, Manifest
from storage.reads import WHOLE, Read, wanted

FILE: FileEntry = {"bytes": 1, "sha256": "0" * 64}
NAMES = ("ledger-00000.parquet", "ledger-00001.parquet", "pages.parquet", "read.json")
MADE = Manifest(
    kind="scan",
    digest="ab" * 32,
    version=1,
    recipe={},
    inputs={},
    files=dict.fromkeys(NAMES, FILE),
    rows={},
    statistics={},
    provenance={"files": {"provenance/timing.parquet": FILE}},
)


@pytest.mark.parametrize(
    ("reads", "expected"),
    [
        ([], {}),
        ([Read("read.json")], {"read.json": ()}),
        ([Read("absent")], {}),
        ([Read("ledger*")], {NAMES[0]: (), NAMES[1]: ()}),
        ([Read("pages*", ("e", "b", "d", "a", "c"))], {"pages.parquet": ("a", "b", "c", "d", "e")}),
        # of several that fit, all columns of all, and the whole file where one asks for it
        ([Read("pages*", ("id",)), Read("pag*", ("url", "id"))], {"pages.parquet": ("id", "url")}),
        ([Read("pages*", ("id",)), Read("pages*")], {"pages.parquet": ()}),
        ([Read("provenance/*")], {"provenance/timing.parquet": ()}),
        ([Read("Read.json")], {}),
    ],
)
def test_the_files_and_columns_that_are_named(
    reads: list[Read], expected: dict[str, tuple[str, ...]]
) -> None:
    assert wanted(MADE, reads) == expected


def test_without_a_word_all_is_read() -> None:
    assert wanted(MADE, WHOLE) == dict.fromkeys([*NAMES, "provenance/timing.parquet"], ())
