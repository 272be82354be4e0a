"""The flow quality-model: files of good and other texts to the lake's newest model."""

import json
import random
from pathlib import Path

import pytest

from flows.config import load
from flows.quality_model import quality_model
from storage import Lake, UserError

pytestmark = pytest.mark.usefixtures("prefect")


def lines(path: Path, words: str, seed: int) -> Path:
    rng = random.Random(seed)
    texts = [" ".join(rng.choices(words.split(), k=20)) for _ in range(150)]
    path.write_text("\n".join(texts))
    return path


@pytest.fixture
def sets(tmp_path):
    return {
        "positive": [str(lines(tmp_path / "good.txt", "why because example answer reason", 1))],
        "negative": [str(lines(tmp_path / "other.txt", "login cart click banner cookie menu", 2))],
    }


SMALL = {"dimensions": 4, "buckets": 200, "min_word_count": 1}


def test_a_model_is_made_once_and_becomes_the_newest(sets, tmp_path):
    lake = Lake(tmp_path / "lake")
    config = load("ci", input=sets, quality_model=SMALL)
    made = quality_model(config, lake.url)["quality_model"]
    assert lake.heads()["quality_model"] == made["digest"]
    folder = lake.local("quality_model", made["digest"])
    report = json.loads((folder / "report.json").read_text())
    assert report["auc"]["value"] > 0.99
    written = (folder / "model.bin").stat().st_mtime_ns
    assert quality_model(config, lake.url)["quality_model"] == made
    assert (folder / "model.bin").stat().st_mtime_ns == written
    # the lake's corpus may be named, once there is one
    wanting = load("ci", input={**sets, "negative": ["corpus"]}, quality_model=SMALL)
    with pytest.raises(UserError, match=r"input\.negative: no corpus in lake"):
        quality_model(wanting, lake.url)


def test_good_texts_must_be_named_and_be_there(sets, tmp_path):
    with pytest.raises(UserError, match=r"input\.positive: name files"):
        quality_model(load("ci"), str(tmp_path / "lake"))
    gone = load("ci", input={**sets, "positive": [str(tmp_path / "gone.txt")]})
    with pytest.raises(UserError, match=r"input\.positive: no such file"):
        quality_model(gone, str(tmp_path / "lake"))
