"""Dedup as a cluster does it, group by group and band by band: the bytes of the single process."""

import dataclasses
import random
from pathlib import Path
from typing import Any

import pytest
from toy_parts import CONFIG, make_part, make_selection

from pipeline.config import from_dict, to_dict
from pipeline.corpus import duplicates
from pipeline.corpus.duplicate_bands import BAND, KEYS, NUMBERS, BandConfig, KeysConfig
from pipeline.dedup.config import DedupConfig, PassageConfig
from pipeline.dedup.hash_index import band_names
from pipeline.stage import SILENT, Stage
from storage.grouped import members, shards
from storage.tables import read_table

WORDS = [a + b + c for a in "bdfgklmnprst" for b in "aeiou" for c in ("r", "st", "nd", "ly", "m")]


def text_of(seed: object) -> str:
    return " ".join(random.Random(str(seed)).choices(WORDS, k=80))


def near(text: str) -> str:
    return text.replace(" ", " indeed ", 1)


def pages(dump: int, part: int) -> list[str]:
    """Copies and near-copies of pages of other parts, and of the dump before."""
    own = [text_of((dump, part, n)) for n in range(20)]
    common = [text_of(n) for n in range(part, part + 8)]
    return [*own, *common, *map(near, common[:3]), own[0].upper(), "too short", "too short"]


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[list[Path], Path]]:
    """Two dumps of five parts, with a page here and there not selected, and one part empty."""
    made = []
    for dump in range(2):
        folder = tmp_path_factory.mktemp(f"dump{dump}")
        parts = [
            make_part(folder / f"part{n}", f"w{dump}-{n}", [] if n == 2 else pages(dump, n))
            for n in range(5)
        ]
        ids = [read_table(p / "pages.parquet", ["id"])["id"].to_pylist() for p in parts]
        dropped = frozenset(id_ for some in ids for id_ in some[::7])
        made.append((parts, make_selection(folder / "selection", parts, dropped, group=2)))
    return made


def build(stage: Stage, folder: Path, config: Any, **inputs: list[Path]) -> Path:
    folder.mkdir(parents=True)
    scratch = folder.with_name(folder.name + ".scratch")
    same: Any = from_dict(stage.config, to_dict(config))  # as a worker gets it
    stage.build(out=folder, inputs=inputs, config=same, progress=SILENT, scratch=scratch)
    return folder


def on_a_cluster(
    folder: Path, config: DedupConfig, parts: list[Path], **inputs: list[Path]
) -> Path:
    numbers = [build(NUMBERS, folder / "numbers", config, parts=parts, **inputs)]
    keys = [
        build(
            KEYS,
            folder / f"keys{first}",
            KeysConfig(first, config),
            parts=parts[first : first + 2],
            selection=[members(inputs["selection"][0])[first // 2]],
            numbers=numbers,
        )
        for first in range(0, len(parts), 2)
    ]
    previous = {name: inputs[name] for name in ("previous",) if name in inputs}
    joined = [
        build(BAND, folder / name, BandConfig(name, config), keys=keys, numbers=numbers, **previous)
        for name in band_names(CONFIG, config.exact, config.minhash)
    ]
    made = {"numbers": numbers, "bands": joined}
    return build(duplicates.STAGE, folder / "out", config, parts=parts, **inputs, **made)


def files(folder: Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.mark.parametrize(
    "config",
    [
        DedupConfig(),
        DedupConfig(exact=False),
        DedupConfig(passages=PassageConfig(max_documents_per_line=1)),
        DedupConfig(sort_memory_bytes=2_000),  # several files a band
    ],
)
def test_the_bytes_of_the_single_process(dumps: Any, tmp_path: Path, config: DedupConfig) -> None:
    previous: dict[str, list[Path]] = {}
    for dump, (parts, selection) in enumerate(dumps):
        inputs = {"selection": [selection], **previous}
        alone = build(duplicates.STAGE, tmp_path / f"alone{dump}", config, parts=parts, **inputs)
        several = on_a_cluster(tmp_path / f"several{dump}", config, parts, **inputs)
        assert files(alone) == files(several)
        assert sum(read_table(path).num_rows for path in shards(alone, "dropped")) > 10
        previous = {"previous": [alone]}


def test_statistics_are_those_of_the_single_process(dumps: Any, tmp_path: Path) -> None:
    parts, selection = dumps[0]
    statistics: list[duplicates.DuplicatesStatistics] = []

    def noted(**given: Any) -> duplicates.DuplicatesStatistics:
        statistics.append(duplicates.build(**given))
        return statistics[-1]

    stage = dataclasses.replace(duplicates.STAGE, build=noted)
    build(stage, tmp_path / "alone", DedupConfig(), parts=parts, selection=[selection])
    on_a_cluster(tmp_path / "several", DedupConfig(), parts, selection=[selection])
    made = {
        "numbers": [tmp_path / "several" / "numbers"],
        "bands": [tmp_path / "several" / name for name in band_names(CONFIG, True, True)],
    }
    build(stage, tmp_path / "again", DedupConfig(), parts=parts, selection=[selection], **made)
    assert statistics[0] == statistics[1]
    assert statistics[0]["pairs"] > 0
