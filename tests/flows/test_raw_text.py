"""Parts that lost their text: read again when it is needed, and only then."""

import contextlib
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from flows import raw_text
from flows.config import load
from flows.runner import existing
from flows.runner.flow_run import Run
from flows.runner.references import Reference, reference
from flows.runner.work import Work
from pipeline import reference_data
from pipeline.scan import stage as scan
from pipeline.stage import Stage
from storage import Lake
from storage.digest import artifact_digest
from storage.grouped import group_kind
from storage.manifest import Manifest
from storage.schemas import PAGES
from storage.tables import read_table, table, write_table


def commit(lake: Lake, kind: str, inputs: dict[str, list[str]], text: str = "") -> Manifest:
    digest = artifact_digest(kind, 1, {}, inputs)
    staging = lake.staging(kind, digest)
    rows = [{"id": "1", "url": "http://h/", "text": text}] if text else []
    write_table(table(rows, PAGES), staging / "pages.parquet")
    return lake.commit(staging, kind, digest, 1, {}, inputs, {"raw_files": ["pages.parquet"]}, {})


def drop(run: Run, parts: list[Reference], answer: dict[str, Reference]) -> None:
    served = raw_text.served(run, parts, answer)
    for part in parts:
        raw_text.drop_one(run.lake, part, served)


@dataclasses.dataclass
class Lost:
    """Three parts, what was made of them, and their text gone."""

    run: Run
    parts: list[Reference]
    answer: dict[str, Manifest]

    def again(self, run: Run | None = None) -> bool:
        return raw_text.forget_if_needed(run or self.run, self.parts)

    def asking(self, **tables: Any) -> Run:
        """The same lake, other settings."""
        return dataclasses.replace(self.run, config=load("ci", **tables))

    @property
    def are_there(self) -> list[bool]:
        return [self.run.lake.is_whole(one["kind"], one["digest"]) for one in self.parts]


@pytest.fixture
def lost(tmp_path: Path) -> Lost:
    lake = Lake(tmp_path / "lake")
    run = Run(load("ci"), lake)
    parts = [commit(lake, "scan", {"warc": [str(n)]}, f"mine {n}") for n in range(3)]
    digests = [one.digest for one in parts]
    copies = commit(lake, "duplicates", {"parts": digests})
    corpus = commit(lake, "corpus", {"parts": digests, "duplicates": [copies.digest]})
    figures = commit(lake, "audit", {"corpus": [corpus.digest]})
    answer = {"corpus": corpus, "audit": figures, "duplicates": copies}
    references = [reference(one, lake) for one in parts]
    given = {slot: reference(answer[slot], lake) for slot in ("corpus", "audit")}
    drop(run, references, given)
    return Lost(run, references, answer)


def test_without_need_they_stay_as_they_are(lost: Lost) -> None:
    for one in lost.parts:
        manifest = lost.run.lake.manifest(one["kind"], one["digest"])
        assert (manifest.statistics["raw_files"], manifest.statistics["raw_text"]) == (
            [],
            "dropped",
        )
        folder = lost.run.lake.local(one["kind"], one["digest"])
        assert read_table(folder / "pages.parquet")["text"].null_count == 1
    assert not lost.again()
    assert not lost.again(lost.asking(input={"workers": 2, "keep_raw_text": False}))
    assert lost.are_there == [True] * 3


def test_copies_of_a_part_are_let_go_with_it(lost: Lost, monkeypatch: pytest.MonkeyPatch) -> None:
    """In S3, where what no lease holds stays until the process ends: 90,000 parts of it."""
    held: list[object] = []
    local = Lake.local

    def noted(lake: Lake, kind: str, digest: str, *, lease: object = None) -> Path:
        held.append(lease)
        return local(lake, kind, digest)

    monkeypatch.setattr(Lake, "lease", lambda lake: contextlib.nullcontext("a lease"))
    monkeypatch.setattr(Lake, "local", noted)
    raw_text.drop_one(lost.run.lake, lost.parts[0], {"question": "another", "made": {}})
    assert held == ["a lease"]


@pytest.mark.parametrize(
    "tables",
    [
        {"input": {"group_files": 2}},
        {"select": {"language": {"min_score": 0.9}}},
        {"dedup": {"exact": False}},
        {"corpus": {"split": {"salt": "another"}}},
    ],
)
def test_another_question_needs_it(lost: Lost, tables: dict[str, Any]) -> None:
    assert lost.again(lost.asking(**tables))
    assert lost.are_there == [False] * 3


def test_another_file_of_the_same_name_is_another_question(lost: Lost, tmp_path: Path) -> None:
    file = tmp_path / "benchmark.jsonl"
    file.write_text("{}\n")
    run = lost.asking(input={"benchmarks": [str(file)]})
    given = {slot: reference(lost.answer[slot], run.lake) for slot in ("corpus", "audit")}
    drop(run, lost.parts, given)
    assert not lost.again(run)
    file.write_text('{"query": "another"}\n')
    assert lost.again(run)


@pytest.mark.parametrize("stage", raw_text.READERS, ids=lambda stage: stage.kind)
def test_a_later_version_of_a_stage_needs_it(
    lost: Lost, monkeypatch: pytest.MonkeyPatch, stage: Stage
) -> None:
    later = {stage: dataclasses.replace(stage, version=stage.version + 1)}
    monkeypatch.setattr(raw_text, "READERS", [later.get(one, one) for one in raw_text.READERS])
    assert lost.again()


def test_other_data_need_it(lost: Lost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference_data, "digests", lambda names: ["another" for _ in names])
    assert lost.again()


def test_every_stage_of_a_corpus_is_asked() -> None:
    """Those whose inputs lead to a page's text."""
    kinds = {stage.kind for stage in raw_text.READERS}
    groups = {
        group_kind(kind) for kind in ("selection", "selection_best", "corpus_split", "corpus")
    }
    whole = {"selection", "selection_best", "corpus_split", "corpus", "duplicates", "audit"}
    assert kinds == groups | whole | {"quality_scores"}


@pytest.mark.parametrize("slot", ["corpus", "audit", "duplicates"])
def test_what_was_made_of_it_and_is_gone_needs_it(lost: Lost, slot: str) -> None:
    # another corpus may be the lake's newest by now, and whole
    lost.run.lake.set_heads({slot: "0" * 64})
    assert not lost.again()
    lost.run.lake.remove(lost.answer[slot])
    assert lost.again()


def test_a_learned_filter_needs_the_scores_of_all(lost: Lost) -> None:
    run = lost.asking(select={"filters": ["learned"]})
    given = {slot: reference(lost.answer[slot], run.lake) for slot in ("corpus", "audit")}
    drop(run, lost.parts, given)
    for one in lost.parts[:2]:
        commit(run.lake, "quality_scores", {"part": [one["digest"]]})
    scored = commit(run.lake, "quality_scores", {"part": [lost.parts[2]["digest"]]})
    assert not lost.again(run)
    run.lake.remove(scored)
    assert lost.again(run)


def test_what_is_removed_is_not_taken_for_made(lost: Lost, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that has listed many parts must look again."""
    monkeypatch.setattr(existing, "ONE_BY_ONE", 0)
    one = lost.parts[0]
    work = Work(scan.STAGE, scan.STAGE.config(), {}, lost.run.lake, "")
    monkeypatch.setattr(Work, "digest", one["digest"])
    assert existing.find(work) is not None
    assert lost.again(lost.asking(dedup={"exact": False}))
    assert existing.find(work) is None
