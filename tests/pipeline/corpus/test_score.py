"""A part's scores stand in the order of its pages, whichever form the model has."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.corpus.score import SCORES, STAGE, ScoreConfig, build, load_model
from pipeline.filters.quality_model import QualityModelConfig, train
from pipeline.stage import SILENT
from storage.errors import UserError


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    lines = ["__label__hq a good clear answer\n", "__label__cc buy click login now\n"] * 100
    (folder / "train.txt").write_text("".join(lines))
    config = QualityModelConfig(dimensions=4, buckets=100, min_word_count=1)
    train(folder / "train.txt", folder / "model.bin", config, lambda text: None)
    (folder / "report.json").write_text(json.dumps({"max_characters": 13}))
    return folder


@pytest.fixture
def part(tmp_path):
    texts = ["a good clear answer", "buy click login now", "", "a good clear buy click login now"]
    rows = {"id": [f"id{i}" for i in range(4)], "text": texts, "url": ["u"] * 4}
    folder = tmp_path / "part"
    folder.mkdir()
    pq.write_table(pa.table(rows), folder / "pages.parquet")
    return folder


def scored(part, model, out):
    out.mkdir()
    statistics = build(out, {"part": [part], "model": [model]}, ScoreConfig(), SILENT, out)
    table = pq.read_table(out / "scores.parquet")
    assert table.schema.equals(SCORES)
    return statistics, table.to_pylist()


def test_scores(part, model, tmp_path):
    statistics, rows = scored(part, model, tmp_path / "scores")
    assert [row["id"] for row in rows] == ["id0", "id1", "id2", "id3"]
    assert rows[0]["quality_score"] > 0.6 > 0.4 > rows[1]["quality_score"]
    assert rows[3] == {"id": "id3", "quality_score": rows[0]["quality_score"]} or (
        rows[3]["quality_score"] > 0.6
    )  # the model looks at 13 characters alone
    assert statistics["pages"] == 4
    again = scored(part, model, tmp_path / "again")
    assert again == (statistics, rows)


def test_a_file_as_model_looks_at_more(part, model, tmp_path):
    _, rows = scored(part, model / "model.bin", tmp_path / "scores")
    assert rows[3]["quality_score"] < 0.5


def test_a_part_that_lost_its_text_meanwhile_is_not_scored(part, model, tmp_path):
    rows = pq.read_table(part / "pages.parquet").to_pylist()
    rows[2]["text"] = None
    pq.write_table(pa.Table.from_pylist(rows), part / "pages.parquet")
    with pytest.raises(UserError, match=f"{part}: its text was dropped meanwhile"):
        scored(part, model, tmp_path / "scores")


def test_what_is_no_model(tmp_path):
    with pytest.raises(UserError, match="neither"):
        load_model(tmp_path, ScoreConfig())
    with pytest.raises(UserError, match="neither"):
        load_model(tmp_path / "none", ScoreConfig())


def test_stage():
    assert (STAGE.kind, STAGE.config) == ("quality_scores", ScoreConfig)
