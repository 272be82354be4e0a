"""What the stages say that they read of their inputs is enough: the same bytes come out.

From a lake in an object store nothing else is fetched, so here nothing else is there.
"""

import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from toy_parts import CONFIG, make_part

from pipeline.config import to_dict
from pipeline.corpus import assemble, duplicate_bands, duplicates, score, select
from pipeline.corpus.config import AssembleConfig, SelectConfig
from pipeline.corpus.duplicate_bands import BandConfig, KeysConfig
from pipeline.dedup.config import DedupConfig, PassageConfig
from pipeline.dedup.index import band_names
from pipeline.stage import SILENT, Stage
from storage.manifest import Manifest, measure
from storage.reads import wanted

DEDUP = DedupConfig(passages=PassageConfig(max_documents_per_line=2))


def pruned(stage: Stage, config: Any, key: str, given: Any, artifact: Path, target: Path) -> Path:
    """A copy of an artifact with just what the stage reads of it."""
    files, rows, _ = measure(artifact)
    manifest = Manifest("kind", "0" * 64, 1, {}, {}, files, rows, {}, {})
    for name, columns in wanted(manifest, stage.read_of(key, config, given)).items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if columns:
            pq.write_table(pq.read_table(artifact / name, columns=list(columns)), target / name)
        else:
            shutil.copyfile(artifact / name, target / name)
    return target


class Maker:
    """Builds each stage twice: from all there is, and from what it says it reads."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.seen = folder, []

    def __call__(self, stage: Stage, name: str, config: Any, **inputs: list[Path]) -> Path:
        less = {
            key: [
                pruned(stage, config, key, inputs, path, self.folder / name / key / str(number))
                for number, path in enumerate(paths)
            ]
            for key, paths in inputs.items()
        }
        found = []
        for kind, given in (("all", inputs), ("less", less)):
            out, scratch = self.folder / f"{name}.{kind}", self.folder / f"{name}.{kind}.scratch"
            out.mkdir()
            scratch.mkdir()
            stage.build(out, given, config, SILENT, scratch)
            found.append(
                {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()}
            )
        assert found[0] == found[1], name
        assert found[0], name
        self.seen += [(name, key, files(path)) for key, paths in less.items() for path in paths[:1]]
        return self.folder / f"{name}.all"

    def read(self, name: str, key: str) -> set[str]:
        return next(found for who, what, found in self.seen if (who, what) == (name, key))


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def parts(tmp_path_factory, prose) -> list[Path]:
    folder = tmp_path_factory.mktemp("parts")
    texts = [
        prose(f"page {n}", 20) + "\nEvery page of this site ends so, as sites do." for n in range(8)
    ]
    copies = [texts[0], texts[1].upper(), texts[2] + "\nA line more than before stands here."]
    pages = [
        {
            "url": f"http://host{n}.example/",
            "host": f"host{n}.example",
            "text": text,
            "language_score": 0.9,
            "word_count": 200,
        }
        for n, text in enumerate([*texts, *copies])
    ]
    return [make_part(folder / name, name, pages[n::2]) for n, name in enumerate("ab")]


def test_from_the_parts_to_the_corpus(parts, tmp_path):
    make = Maker(tmp_path)
    selection = [make(select.STAGE, "selection", SelectConfig(filters=()), parts=parts)]
    copies = make(duplicates.STAGE, "duplicates", DEDUP, parts=parts, selection=selection)
    make(
        assemble.STAGE,
        "corpus",
        AssembleConfig(),
        parts=parts,
        selection=selection,
        duplicates=[copies],
    )
    assert make.read("selection", "parts") == {"pages.parquet"}
    assert make.read("corpus", "parts") == {"ledger.parquet", "pages.parquet", "read.json"}
    assert "index/minhash-00.keys" in files(copies)
    assert not [name for name in make.read("corpus", "duplicates") if "minhash" in name]


def test_on_a_cluster_and_against_an_earlier_dump(parts, tmp_path):
    make = Maker(tmp_path)
    first, second = parts[:1], parts[1:]
    chosen = [
        make(select.STAGE, f"selection{n}", SelectConfig(filters=()), parts=some)
        for n, some in enumerate((first, second))
    ]
    earlier = [make(duplicates.STAGE, "earlier", DEDUP, parts=first, selection=chosen[:1])]
    given = {"selection": chosen[1:], "parts": second}
    numbers = [make(duplicate_bands.NUMBERS, "numbers", DEDUP, previous=earlier, **given)]
    keys = [make(duplicate_bands.KEYS, "keys", KeysConfig(0, DEDUP), numbers=numbers, **given)]
    bands = [
        make(
            duplicate_bands.BAND,
            name,
            BandConfig(name, DEDUP),
            keys=keys,
            numbers=numbers,
            previous=earlier,
        )
        for name in band_names(CONFIG, DEDUP.exact, DEDUP.minhash)
    ]
    make(
        duplicates.STAGE,
        "duplicates",
        DEDUP,
        previous=earlier,
        numbers=numbers,
        bands=bands,
        **given,
    )
    assert make.read("duplicates", "parts") == {"read.json", "pages.parquet"}, "no signatures"
    of_band = make.read("minhash-00", "keys")
    assert of_band
    assert all(name.startswith("minhash-00-") for name in of_band)


def test_scores_need_texts_alone(parts):
    reads = score.STAGE.read_of("part", score.ScoreConfig(), ["part", "model"])
    assert [(read.name, read.columns) for read in reads] == [("pages*", ("id", "text"))]
    assert score.STAGE.read_of("model", score.ScoreConfig(), ["part", "model"])[0].name == "*"


def test_selection_reads_what_its_filters_need():
    def columns(*filters: str) -> set[str]:
        config = SelectConfig(filters=filters)
        return set(select.STAGE.read_of("parts", config, ["parts"])[0].columns)

    assert "text" not in columns(*SelectConfig().filters)
    assert columns() < columns(*SelectConfig().filters)
    assert to_dict(SelectConfig())["filters"]
