"""What the stages say that they read of their inputs is enough: the same bytes come out.

From a lake in an object store nothing else is fetched, so here nothing else is there.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from toy_parts import CONFIG, make_part

from pipeline.config import to_dict
from pipeline.corpus import (
    assemble,
    assemble_group,
    duplicate_bands,
    duplicates,
    held_out_hosts,
    score,
    select,
)
from pipeline.corpus.config import CorpusConfig, SelectConfig
from pipeline.corpus.duplicate_bands import BandConfig, KeysConfig
from pipeline.dedup.config import DedupConfig, PassageConfig
from pipeline.dedup.hash_index import band_names
from pipeline.stage import SILENT, Stage
from storage.grouped import members, side_by_side
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
        self.folder = folder
        self.seen: list[tuple[str, str, set[str]]] = []  # stage, input, files

    def __call__(self, stage: Stage, name: str, config: Any, **inputs: list[Path]) -> Path:
        less = {
            key: [self.pruned(stage, config, name, key, inputs, path) for path in paths]
            for key, paths in inputs.items()
        }
        found = []
        for kind, given in (("all", inputs), ("less", less)):
            out = self.folder / kind / stage.kind / name
            scratch = self.folder / f"{name}.{kind}.scratch"
            out.mkdir(parents=True)
            scratch.mkdir()
            stage.build(out, given, config, SILENT, scratch)
            found.append(
                {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()}
            )
        assert found[0] == found[1], name
        assert found[0], name
        self.seen += [(name, key, files(path)) for key, paths in less.items() for path in paths[:1]]
        return self.folder / "all" / stage.kind / name

    def pruned(
        self, stage: Stage, config: Any, name: str, key: str, given: Any, artifact: Path
    ) -> Path:
        """A copy of an artifact, and of its groups, with just what the stage reads of them."""
        place = self.folder / "pruned" / name / key
        own, *groups = (
            pruned(stage, config, key, given, path, place / path.parent.name / path.name)
            for path in dict.fromkeys([artifact, *members(artifact)])
        )
        return side_by_side(self.folder / "joined", own, groups) if groups else own

    def read(self, name: str, key: str) -> set[str]:
        return next(found for who, what, found in self.seen if (who, what) == (name, key))


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory, prose: Callable[..., str]) -> list[Path]:
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
    make, config = Maker(tmp_path), SelectConfig(filters=())
    groups = [
        make(select.GROUP, f"selection{n}", config, parts=[part]) for n, part in enumerate(parts)
    ]
    whole = {"selection": [make(select.STAGE, "selection", config, groups=groups)]}
    copies = [make(duplicates.STAGE, "duplicates", DEDUP, parts=parts, **whole)]
    given = [
        {"parts": [part], "selection": [group], "duplicates": copies}
        for part, group in zip(parts, groups)
    ]
    counted = [
        make(held_out_hosts.GROUP, f"hosts{n}", held_out_hosts.HostsConfig(n), **some)
        for n, some in enumerate(given)
    ]
    split = [make(held_out_hosts.STAGE, "split", held_out_hosts.STAGE.config(), groups=counted)]
    joined = [
        make(
            assemble_group.STAGE,
            f"group{n}",
            assemble_group.GroupConfig(n),
            **some,
            split=split,
        )
        for n, some in enumerate(given)
    ]
    all_of = {**whole, "split": split, "duplicates": copies}
    make(assemble.STAGE, "corpus", CorpusConfig(), groups=joined, **all_of)
    assert make.read("selection0", "parts") == {"pages.parquet"}
    assert make.read("group1", "parts") == {"ledger.parquet", "pages.parquet", "read.json"}
    assert "index/minhash-00.keys" in files(copies[0])
    of_copies = make.read("group1", "duplicates")
    assert "dropped-00001.parquet" in of_copies
    assert not [name for name in of_copies if "minhash" in name or "clusters" in name]
    assert "dropped-00000.parquet" not in of_copies
    assert make.read("corpus", "groups") == {"group.json", "places.keys", "places.row_groups"}


def test_on_a_cluster_and_against_an_earlier_dump(parts, tmp_path):
    make, config = Maker(tmp_path), SelectConfig(filters=())
    first, second = parts[:1], parts[1:]
    groups = [
        make(select.GROUP, f"selection{n}", config, parts=some)
        for n, some in enumerate((first, second))
    ]
    chosen = [
        make(select.STAGE, f"all{n}", config, groups=[group]) for n, group in enumerate(groups)
    ]
    earlier = [make(duplicates.STAGE, "earlier", DEDUP, parts=first, selection=chosen[:1])]
    given = {"selection": chosen[1:], "parts": second}
    numbers = [make(duplicate_bands.NUMBERS, "numbers", DEDUP, previous=earlier, **given)]
    of_group = {"selection": groups[1:], "parts": second, "numbers": numbers}
    keys = [make(duplicate_bands.KEYS, "keys", KeysConfig(0, DEDUP), **of_group)]
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
        return set(select.GROUP.read_of("parts", config, ["parts"])[0].columns)

    assert "text" not in columns(*SelectConfig().filters)
    assert columns() < columns(*SelectConfig().filters)
    assert to_dict(SelectConfig())["filters"]
