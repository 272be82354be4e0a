"""From WARC files to the parts of a lake that hold their pages."""

from explorer_lake import DUMPS

from flows.cli.served_lake import ServedLake
from pipeline.serve.pages.file_parts import parts_of, within
from storage import Lake


def test_the_parts_of_files_and_no_other(explorer_lake: Lake) -> None:
    shown = ServedLake(explorer_lake)
    asked = "SELECT DISTINCT warc, artifact FROM pages"
    true = {row["warc"]: row["artifact"] for row in shown.rows(asked).to_pylist()}
    names = [f"{dump.lower()}.warc.gz" for dump in DUMPS]
    assert sorted(true) == names
    assert parts_of(shown, [names[1], names[1]]) == [true[names[1]]]
    assert sorted(parts_of(shown, names)) == sorted(true.values())
    assert parts_of(shown, ["no-such.warc.gz", "warc.gz", ""]) == []
    counted = f"SELECT count(*) AS n, any_value(warc) AS warc FROM pages WHERE {within(['one'])}"
    (row,) = shown.rows(counted, [true[names[0]]]).to_pylist()
    assert (row["n"] > 0, row["warc"]) == (True, names[0])
    assert within([]) == "true"
    shown.close()
