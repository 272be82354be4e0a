"""The one way a task is declared: what is cached, what is built again, what is retried."""

import dataclasses
import json
import os
import threading
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bench import Bench
from event_files import scalars
from patience import eventually
from prefect.settings import get_current_settings

from flows.config_tables import LoggingConfig
from flows.runner import artifact, side_by_side, terminal
from flows.runner.artifact import check_shared, make
from flows.runner.references import InputFile
from flows.runner.workers import StageFailed, WorkerKilled
from pipeline import reference_data
from storage import Lake, UserError, locks
from storage.digest import file_sha256
from storage.durable import DiskFull
from storage.file_hashes import state_of

pytestmark = pytest.mark.usefixtures("prefect")

THREADS: Any = SimpleNamespace(config=SimpleNamespace(input=SimpleNamespace(runner="", workers=1)))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def wait_for_states(bench: Bench, count: int) -> list[Any]:
    """Task runs reach the database through a queue: give it a moment."""

    def all_ended() -> list[Any]:
        runs = bench.task_runs()
        ended = all(run.state and run.state.is_final() for run in runs)
        return runs if ended and len(runs) == count else []

    return eventually(all_ended, bench.task_runs)


def test_live_curves_lie_beside_the_artifacts_and_change_no_digest(bench: Bench) -> None:
    plain = bench.work(ending="killed_once")
    drawn = dataclasses.replace(plain, logging=LoggingConfig())
    assert drawn.digest == plain.digest
    bench.run(lambda: make(drawn))
    folder = bench.lake.runs / f"toy-{plain.digest[:16]}"
    assert scalars(folder) == [(step, {"loss": 5.0 - step}) for step in range(5)]  # of two tries
    assert [m.kind for m in bench.lake.list()] == ["toy"]
    assert bench.lake.is_whole("toy", plain.digest, deep=True)


def test_what_is_whole_is_not_made_again(bench: Bench) -> None:
    first = bench.make(3)
    folder = Path(first["uri"])
    assert json.loads((folder / "toy.json").read_text()) == {"total": 3}
    (run,) = wait_for_states(bench, 1)
    assert (run.name, run.state.name) == ("toy 3 of {two}", "Completed")
    assert bench.make(3) == first
    (run,) = wait_for_states(bench, 1)
    assert run.state.name == "Cached"
    assert bench.builds == 1
    provenance = bench.lake.manifest("toy", first["digest"]).provenance
    assert provenance["seconds"] > 0
    assert provenance["energy_kwh"] > 0
    assert not list((bench.lake.disk.root / ".staging").iterdir())
    assert not list((bench.lake.disk.root / ".scratch").iterdir())


def test_the_data_that_a_stage_names_are_among_its_inputs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = bench.work()
    named = dataclasses.replace(
        plain, stage=dataclasses.replace(plain.stage, data=("block-classifier", "unicode"))
    )
    assert named.digest != plain.digest
    made = bench.run(lambda: make(named))
    listed = bench.lake.manifest("toy", made["digest"]).inputs["data"]
    assert listed == reference_data.digests(["block-classifier", "unicode"])
    assert listed[0].endswith(":blocks.forest")
    monkeypatch.setattr(reference_data, "_digests", lambda name: (f"sha256:0:{name}",))
    other = dataclasses.replace(named)
    assert other.digest != named.digest  # so nothing of the lake is a hit
    with pytest.raises(UserError, match=r"has other data .*\(blocks.forest, unicode-"):
        check_shared(named)  # as a node of a cluster with other packages does


def test_an_input_that_changes_meanwhile_makes_nothing(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "input.json"
    file.write_text('{"total": 5}')
    given = InputFile(file, file_sha256(file), state_of(file))
    with pytest.raises(UserError, match=f"input {file} was changed, or replaced"):
        bench.make(1, ending="changed_input", file=[given])
    assert bench.builds == 1  # no other try helps
    with pytest.raises(UserError, match="was changed"):  # since its hash was taken
        bench.make(2, file=[given])
    assert bench.builds == 1
    assert bench.lake.list() == []
    same = InputFile(file, file_sha256(file), state_of(file))
    assert bench.make(2, file=[same])["kind"] == "toy"


def test_a_changed_config_or_input_makes_another(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "input.json"
    file.write_text('{"total": 5}')
    given = InputFile(file, file_sha256(file))
    one, two = bench.make(1, file=[given]), bench.make(2, file=[given])
    file.write_text('{"total": 6}')
    three = bench.make(1, file=[InputFile(file, file_sha256(file))])
    four = bench.make(1, artifact=[one, two])
    assert len({item["digest"] for item in (one, two, three, four)}) == 4
    assert bench.builds == 4
    manifest = bench.lake.manifest("toy", four["digest"])
    assert manifest.statistics == {"total": 1 + (1 + 5) + (2 + 5)}
    assert manifest.inputs == {"artifact": [one["digest"], two["digest"]]}


def test_prefect_does_not_look_through_a_task_s_inputs(bench: Bench) -> None:
    """Of 90,000 parts that takes longer than finding out that nothing is to do."""

    class Reserved(dict[str, Any]):
        def items(self) -> Any:
            raise AssertionError("somebody looked for futures in here")

    one = bench.make(1)
    assert bench.make(2, artifact=[Reserved(one)])["kind"] == "toy"


@pytest.mark.parametrize("damage", ["deleted", "cut"])
def test_a_lost_or_damaged_artifact_is_built_again(bench: Bench, damage: str) -> None:
    import shutil

    first = bench.make(4)
    folder = Path(first["uri"])
    if damage == "deleted":
        shutil.rmtree(folder)
    else:
        (folder / "toy.json").write_text("{")
    assert bench.make(4) == first
    assert json.loads((folder / "toy.json").read_text()) == {"total": 4}
    assert bench.builds == 2


def results(bench: Bench, digest: str) -> list[Path]:
    storage = get_current_settings().results.local_storage_path
    return [path for path in Path(storage).iterdir() if digest in path.name]


def test_prefect_keeps_a_small_json_reference(bench: Bench) -> None:
    made = bench.make(5)
    (path,) = results(bench, made["digest"])
    record = json.loads(path.read_text())
    assert record["metadata"]["serializer"]["type"] == "json"
    assert json.loads(record["result"]) == made
    assert made.keys() == {"kind", "digest", "uri", "rows", "bytes"}


def test_a_result_that_is_lost_or_cut_off_costs_nothing(bench: Bench) -> None:
    made = bench.make(6)
    (path,) = results(bench, made["digest"])
    path.unlink()
    assert bench.make(6) == made
    (path,) = results(bench, made["digest"])
    path.write_bytes(path.read_bytes()[:40])  # as by a kill in the middle of writing
    assert bench.make(6) == made
    assert bench.builds == 1


def test_two_lakes_do_not_share_a_reference(bench: Bench, tmp_path: Path) -> None:
    first = bench.make(7)
    bench.lake = Lake(tmp_path / "other")
    second = bench.make(7)
    assert first["digest"] == second["digest"]
    assert Path(second["uri"]).is_relative_to(tmp_path / "other")


def test_a_killed_worker_is_tried_again(bench: Bench) -> None:
    assert bench.make(8, "killed_once")["kind"] == "toy"
    assert bench.builds == 2


def test_a_worker_killed_every_time_gives_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.runner import artifact

    impatient = artifact.artifact.with_options(retries=1, retry_delay_seconds=0.1)
    monkeypatch.setattr(artifact, "artifact", impatient)
    with pytest.raises(WorkerKilled, match="SIGKILL"):
        bench.make(9, "killed")
    assert bench.builds == 2


def test_the_network_gets_another_chance(bench: Bench) -> None:
    bench.make(10, "network")
    assert bench.builds == 3


@pytest.mark.parametrize(
    ("ending", "expected", "words"),
    [
        ("exception", StageFailed, "toy: KeyError: 'unheard of'"),
        ("user_error", UserError, "input x: is no y: give a z"),
        ("disk_full", DiskFull, "disk full"),
    ],
)
def test_what_would_fail_again_is_not_tried_again(
    bench: Bench, ending: str, expected: type[Exception], words: str
) -> None:
    with pytest.raises(expected, match=words):
        bench.make(11, ending)
    assert bench.builds == 1
    assert bench.lake.list() == []
    assert not list((bench.lake.disk.root / ".staging").iterdir())


def test_a_failure_shows_the_stage_s_traceback(bench: Bench) -> None:
    with pytest.raises(StageFailed) as caught:
        bench.make(12, "exception")
    assert "Traceback" in caught.value.log
    assert "toy.py" in caught.value.log


def test_several_processes_are_another_recipe(bench: Bench) -> None:
    import dataclasses

    work = bench.work(13)
    pair = dataclasses.replace(work, processes=2)
    assert pair.digest != work.digest
    made = bench.run(lambda: make(pair))
    assert bench.lake.manifest("toy", made["digest"]).recipe["processes"] == 2
    assert sorted(line.split("rank=")[1] for line in bench.log.read_text().splitlines()) == [
        "0",
        "1",
    ]


def test_what_another_run_makes_is_waited_for_and_taken(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, said = bench.work(14), []
    with ExitStack() as other:
        other.enter_context(locks.held(bench.lake.lock("toy", work.digest), lambda holder: None))

        def end_of_the_other(line: str) -> None:
            said.append(line)
            if "waits for" in line:
                staging = bench.lake.staging("toy", work.digest)
                bench.lake.commit(staging, "toy", work.digest, 1, work.recipe, {}, {}, {})
                other.close()

        def story() -> Any:
            with side_by_side.several_at_a_time(THREADS):
                pass  # what ends well leaves no trace
            return make(work)

        monkeypatch.setattr(terminal, "say", end_of_the_other)
        made = bench.run(story)
    assert made["digest"] == work.digest
    assert bench.builds == 0
    waits = [line for line in said if "waits for" in line]
    (line,) = waits
    assert f"another run at toy {work.digest[:16]}: process {os.getpid()} on " in line
    assert not list(bench.lake.disk.root.glob(".scratch/*"))


def test_an_interrupted_run_waits_no_longer(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    work, waits = bench.work(15), threading.Event()
    monkeypatch.setattr(terminal, "say", lambda line: waits.set())

    def story() -> None:
        with side_by_side.several_at_a_time(THREADS) as runner:
            artifact.submit(work, runner)
            waits.wait()
            raise KeyboardInterrupt

    lock = bench.lake.lock("toy", work.digest)
    with locks.held(lock, lambda holder: None), pytest.raises(KeyboardInterrupt):
        bench.run(story)
    assert bench.builds == 0
    assert bench.make(15)["kind"] == "toy"


@pytest.mark.parametrize("ending", ["exception", "killed_once"])
def test_scratch_is_another_run_s_as_soon_as_a_try_has_failed(bench: Bench, ending: str) -> None:
    if ending == "exception":
        with pytest.raises(StageFailed):
            bench.make(16, ending)
    else:
        bench.make(16, ending)
    assert not list((bench.lake.disk.root / locks.LOCKS).iterdir())
