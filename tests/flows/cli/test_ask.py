"""A lake of many artifacts in few lines, and many questions for one look at it."""

import json
import shutil
from pathlib import Path
from typing import Any, Unpack

import pytest

from flows.cli.ask import LISTED
from flows.cli.browse import write_report
from storage import Lake, catalog
from storage.digest import artifact_digest
from storage.manifest import Provenance


def commit(lake: Lake, kind: str, number: int, **provenance: Unpack[Provenance]) -> str:
    recipe = {"number": number}
    digest = artifact_digest(kind, 1, recipe, {})
    staging = lake.staging(kind, digest)
    (staging / "a.json").write_text(json.dumps(number))
    lake.commit(staging, kind, digest, 1, recipe, {}, {}, {"seconds": 2.0, **provenance})
    return digest


def test_artifacts_of_a_kind_are_one_line_where_there_are_many(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    for number in range(15):
        commit(lake, "scan", number)
    few = [commit(lake, "selection", number)[:16] for number in range(12)]
    lake.set_heads({"scan": commit(lake, "scan", 99)})
    rows = catalog.query(lake, f"FROM ({LISTED}) ORDER BY created").to_pylist()
    assert [row["artifact"] for row in rows if row["kind"] == "selection"] == few
    (many, newest) = (row for row in rows if row["kind"] == "scan")
    assert (many["artifact"], many["seconds"], many["current"]) == ("15 artifacts", 30.0, False)
    assert many["bytes"] == sum(len(str(number)) for number in range(15))
    assert newest["current"]


def test_a_report_lists_the_lake_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake(tmp_path / "lake")
    lake.set_heads({"base": commit(lake, "base", 1, energy_kwh=0.25)})
    lake.set_heads({"sft": commit(lake, "sft", 1, energy_kwh=0.5)})
    shutil.rmtree(lake.folder("sft", lake.heads()["sft"]))  # a head that leads nowhere is no harm
    looks = []
    glance = Lake.glance

    def noting(*given: Any) -> Any:
        looks.append(given)
        return glance(*given)

    monkeypatch.setattr(Lake, "glance", noting)
    text = write_report(lake, str(tmp_path / "report.html")).read_text()
    assert len(looks) == 1
    assert "0.2500" in text
    assert lake.heads()["base"][:16] in text
