"""A planted package: a test that sees its mutants, one that doesn't, and a table that says so."""

import dataclasses
import shutil
import textwrap
from pathlib import Path

import pytest
from cosmic_ray.work_db import WorkDB, use_db
from patience import PATIENCE_SECONDS

from tests.mutants import choose, judges, session, table, warm
from tests.mutants.__main__ import PACKAGES, REPOSITORY, lay_out
from tests.mutants.table import Equivalents

NONE = Equivalents(frozenset())


def chosen(source: str) -> set[str]:
    """The operators' kinds that find something to do in a source."""
    return {p.spec.operator_name.split("/")[1].split("_")[0] for p in places_of(source)}


def places_of(source: str) -> list[choose.Place]:
    return list(choose.places("toy.py", textwrap.dedent(source)))


def lay_out_toy(work: Path) -> None:
    """Three modules: one's test knows the values, one's only runs it, one may never end."""
    area = "def area(a, b):\n    return a * b\n"
    steps = "def area(a, b):\n    while b > 1:\n        b -= 1\n    return a\n"
    package, tests = work / "tree/toypack", work / "tree/tests/toypack"
    package.mkdir(parents=True)
    tests.mkdir(parents=True)
    for name, source, test in (
        ("seen", area, "assert area(3, 4) == 12"),
        ("unseen", area, "area(3, 4)"),
        ("endless", steps, "assert area(3, 4) == 3"),
    ):
        (package / f"{name}.py").write_text(source)
        body = f"from toypack.{name} import area\n\n\ndef test_it():\n    {test}\n"
        (tests / f"test_{name}.py").write_text(body)
    (work / "tree/pytest.ini").write_text("[pytest]\npythonpath = .\n")


def session_of(work: Path) -> session.Session:
    return session.Session(work / "tree", work, "toypack", 0)


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    lay_out_toy(tmp_path)
    return tmp_path


@dataclasses.dataclass(frozen=True)
class Finished:
    work: Path
    mutants: list[session.Judged]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    work = tmp_path_factory.mktemp("mutants")
    lay_out_toy(work)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(session, "FLOOR", 5.0)
        return Finished(work, session_of(work).judge(50, print))


def test_a_test_that_knows_the_value_kills_and_one_that_only_runs_the_line_does_not(
    finished: Finished,
) -> None:
    fates = {(m.module, m.becomes): (m.killed, m.by_limit) for m in finished.mutants}
    assert fates[("toypack/seen.py", "return a / b")] == (True, False)
    assert fates[("toypack/unseen.py", "return a / b")] == (False, False)
    assert fates[("toypack/endless.py", "b -= 0")] == (True, True)
    assert (finished.mutants[0].tests,) == (("tests/toypack/test_endless.py",),)


def test_the_table_counts_what_was_killed_and_leaves_equivalent_mutants_out_of_the_share(
    finished: Finished,
) -> None:
    mutants = [m for m in finished.mutants if m.module != "toypack/endless.py"]
    # Wilson's interval of 1 of 2, by hand: (0.5 + z²/4 ± z·sqrt(1/8 + z²/16)) / (1 + z²/2)
    assert table.row("toy", mutants, NONE) == "| toy | 2 | 1 | 0 | 0 | 1 | 50% (9% to 91%) |"
    equal = Equivalents(frozenset({("toypack/unseen.py", "return a * b", "return a / b")}))
    assert table.row("toy", mutants, equal) == "| toy | 2 | 1 | 0 | 1 | 0 | 100% (21% to 100%) |"
    # A killed mutant stays killed, whatever the file says of it.
    seen = Equivalents(frozenset({("toypack/seen.py", "return a * b", "return a / b")}))
    assert "| 2 | 1 | 0 | 0 | 1 |" in table.row("toy", mutants, seen)
    said = table.survivors(mutants, NONE)
    assert said.startswith("toypack/unseen.py:2 ReplaceBinaryOperator_Mul_Div\n  - return a * b\n")
    assert table.survivors(mutants, equal) == ""
    whole = table.table({"one": mutants, "two": mutants}, NONE)
    assert whole.endswith("| all | 4 | 2 | 0 | 0 | 2 | 50% (15% to 85%) |")


def test_files_are_as_they_were_and_a_later_run_judges_only_survivors_whose_tests_changed(
    finished: Finished, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    shutil.copytree(finished.work, work)
    assert (work / "tree/toypack/seen.py").read_text().endswith("return a * b\n")
    said: list[str] = []
    assert session_of(work).judge(50, said.append) == finished.mutants
    assert said == []
    test = work / "tree/tests/toypack/test_unseen.py"
    test.write_text(test.read_text().replace("area(3, 4)", "assert area(3, 4) == 12"))
    now = session_of(work).judge(50, said.append)
    assert [m.killed for m in now if m.module == "toypack/unseen.py"] == [True]
    assert said == ["5/5 killed: toypack/unseen.py:2"]
    # A module that has changed has other mutants; what was judged of the others stays.
    (work / "tree/toypack/unseen.py").write_text("def area(a, b):\n    return b * a\n")
    said.clear()
    now = session_of(work).judge(50, said.append)
    assert [m.was for m in now if m.module == "toypack/unseen.py"] == ["return b * a"]
    assert said == ["5/5 killed: toypack/unseen.py:2"]


def test_the_session_is_cosmic_rays_own(finished: Finished) -> None:
    with use_db(str(finished.work / "toypack-seed0.sqlite"), WorkDB.Mode.open) as database:
        assert database.num_results == len(finished.mutants) == database.num_work_items


def test_tests_that_fail_anyhow_or_load_another_file_are_no_judges(toy: Path) -> None:
    (toy / "tree/toypack/endless.py").unlink()
    folder = toy / "tree/tests/toypack"
    (folder / "test_seen.py").write_text("def test_it():\n    assert False\n")
    with pytest.raises(RuntimeError, match="fail without a mutant"):
        session_of(toy).judge(50, print)
    (folder / "test_seen.py").write_text("def test_it():\n    pass\n")
    with pytest.raises(RuntimeError, match=r"do not load toypack/seen\.py"):
        session_of(toy).judge(50, print)


def test_a_module_without_tests_lets_every_mutant_pass(toy: Path) -> None:
    for path in (toy / "tree/tests/toypack").glob("test_*.py"):
        path.unlink()
    fates = session_of(toy).judge(50, print)
    assert fates
    assert not any(mutant.killed for mutant in fates)


def test_processes_that_a_hanging_test_started_end_with_it(toy: Path) -> None:
    test = toy / "tree/tests/toypack/test_seen.py"
    mark = toy / "mark"
    child = f"import time, pathlib; time.sleep(3); pathlib.Path({str(mark)!r}).touch()"
    test.write_text(
        "import subprocess, sys\n\ndef test_it():\n"
        f"    subprocess.run([sys.executable, '-c', {child!r}])\n"
    )
    outcome = warm.run(toy / "tree", ("tests/toypack/test_seen.py",), 1.5, toy / "scratch")
    assert outcome.status is None
    outcome = warm.run(
        toy / "tree", ("tests/toypack/test_unseen.py",), PATIENCE_SECONDS, toy / "scratch"
    )
    assert outcome.passed, outcome.output
    assert not mark.exists()


def test_time_in_which_everything_was_stopped_counts_for_no_limit(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monotonic, asked = warm.time.monotonic, 0

    def stopped_for_an_hour() -> float:
        nonlocal asked
        asked += 1
        return monotonic() + (3600.0 if asked > 1 else 0.0)

    monkeypatch.setattr(warm.time, "monotonic", stopped_for_an_hour)
    test = toy / "tree/tests/toypack/test_seen.py"
    test.write_text("import time\n\n\ndef test_it():\n    time.sleep(0.5)\n")
    outcome = warm.run(
        toy / "tree", ("tests/toypack/test_seen.py",), PATIENCE_SECONDS, toy / "scratch"
    )
    assert outcome.passed, outcome.output
    assert 0.5 < outcome.seconds < 3600.0


def test_what_no_test_checks_is_not_drawn() -> None:
    assert chosen("def f(x: int | None = None) -> int | None: ...") == set()
    assert chosen("x: 'int' | None = f(1)") == {"NumberReplacer"}
    assert chosen("raise ValueError(f'{n + 1} of {2 * n}')") == set()
    assert chosen("assert x < 3") == set()
    assert chosen("if TYPE_CHECKING:\n    x = 1") == set()
    assert chosen("if __name__ == '__main__':\n    main(1)") == set()
    assert chosen("class A:\n    def __repr__(self):\n        return 1 + 2") == set()
    assert chosen("progress.note(f'{done + 1}')") == set()
    assert chosen("log.add(done + 1)") == {"ReplaceBinaryOperator", "NumberReplacer"}
    assert chosen("@functools.lru_cache(maxsize=3)\ndef f(): ...") == set()
    # A setting's default, but neither a check beside it nor the fields of other classes.
    config = "class TrainConfig:\n    rate: float = 0.1\n\n    def f(self):\n        return {}\n"
    assert chosen(config.format("0")) == {"NumberReplacer"}
    assert chosen(config.format("None")) == set()
    assert chosen("class Sums:\n    count: int = 0") == {"NumberReplacer"}


def test_one_mutant_a_site_and_none_that_is_no_python() -> None:
    source = "def f(a, b):\n    if a < b:\n        return {**a, 'b': b}\n    return a\n"
    found = places_of(source)
    # `if not a < b` is `a >= b`; the stars are no power, though cosmic-ray takes them for one.
    assert {p.spec.operator_name.rsplit("_", 1)[-1] for p in found} == {"LtE", "GtE", "Mul"}
    for seed in range(10):
        (one,) = choose.sample(found, 9, seed, {"toy.py": source})
        assert one.spec.operator_name.endswith(("Lt_LtE", "Lt_GtE"))


def test_the_sample_depends_on_the_seed_and_not_on_lines_elsewhere() -> None:
    source = "".join(f"x{n} = a + {n}\n" for n in range(40))
    moved = "import os\n\n\n" + source

    def names(text: str, size: int, seed: int) -> list[str]:
        drawn = choose.sample(places_of(text), size, seed, {"toy.py": text})
        return [place.name for place in drawn]

    assert names(source, 20, 0) == names(moved, 20, 0)
    assert names(source, 20, 0) == names(source, 30, 0)[:20]
    assert set(names(source, 20, 0)) != set(names(source, 20, 1))


def test_every_module_has_judges_and_every_name_in_their_table_is_there() -> None:
    for module in judges.MORE:
        assert (REPOSITORY / module).is_file(), module
        judges.tests_of(REPOSITORY, module)
    with_places = [
        module
        for package in PACKAGES.values()
        for module in choose.modules(REPOSITORY, package)
        if (REPOSITORY / module).stat().st_size > 400
    ]
    without = [m for m in with_places if not judges.tests_of(REPOSITORY, m)]
    assert without == []


def test_the_file_of_equivalent_mutants_gives_a_reason_for_each(tmp_path: Path) -> None:
    Equivalents.read()
    page = tmp_path / "equivalent.toml"
    page.write_text("[[mutant]]\nmodule='a.py'\nwas='a'\nbecomes='b'\nwhy=' '\n")
    with pytest.raises(ValueError, match="no reason"):
        Equivalents.read(page)


def test_a_copy_is_mutated_never_the_checkout(tmp_path: Path) -> None:
    repository = tmp_path / "here" / "repository"
    (repository / "pipeline/__pycache__").mkdir(parents=True)
    (repository / ".venv").mkdir()
    (repository / "pipeline/a.py").write_text("x = 1\n")
    (tmp_path / "here" / "shared").mkdir()
    tree = lay_out(repository, tmp_path / "work")
    (tree / "pipeline/a.py").write_text("x = 2\n")
    assert (repository / "pipeline/a.py").read_text() == "x = 1\n"
    assert not (tree / ".venv").exists()
    assert not (tree / "pipeline/__pycache__").exists()
    assert (tree.parent / "shared").is_dir()
    # What an interrupted run left mutated is gone.
    assert (lay_out(repository, tmp_path / "work") / "pipeline/a.py").read_text() == "x = 1\n"
