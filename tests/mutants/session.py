"""One package's mutants and what became of each, kept in cosmic-ray's session file: a run that was
interrupted goes on where it was, and `cr-report` and `cr-html` read the file."""

import contextlib
import dataclasses
import difflib
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from cosmic_ray.mutating import use_mutation
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec, TestOutcome, WorkerOutcome, WorkResult

from tests.mutants import choose, judges, warm

SABOTAGE = "raise SystemError('the tests do load this file')\n"
FLOOR, FACTOR = 15.0, 4.0  # the limit: seconds on top of that many times the time without a mutant
UNJUDGED = 600.0  # seconds for the tests without a mutant
TIME_OVER = "timeout"  # cosmic-ray's own word for it


@dataclasses.dataclass(frozen=True)
class Judged:
    """A mutant and its fate."""

    module: str
    line: int
    operator: str
    was: str
    becomes: str
    killed: bool
    by_limit: bool
    tests: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Session:
    tree: Path  # the copy in which files are mutated
    work: Path
    package: str
    seed: int

    @property
    def path(self) -> Path:
        return self.work / f"{self.package.replace('/', '.')}-seed{self.seed}.sqlite"

    def judge(self, size: int, say: Callable[[str], None]) -> list[Judged]:
        """The fate of `size` mutants, those of earlier runs included."""
        names = choose.modules(self.tree, self.package)
        sources = {name: (self.tree / name).read_text() for name in names}
        found = [place for name in names for place in choose.places(name, sources[name])]
        chosen = choose.sample(found, size, self.seed, sources)
        drawn = [place.item(sources[place.spec.module_path.as_posix()]) for place in chosen]
        with use_db(str(self.path), WorkDB.Mode.create) as database:
            known = {item.job_id for item in database.work_items}
            database.add_work_items([item for item in drawn if item.job_id not in known])
            drawn.sort(key=lambda item: item.mutations[0].module_path.as_posix())
            results = dict(database.results)
            for number, item in enumerate(drawn, 1):
                (spec,) = item.mutations
                tests = judges.tests_of(self.tree, spec.module_path.as_posix())
                stamp = judges.digest(self.tree, tests)
                result = results.get(item.job_id)
                if result is None or (not result.is_killed and result.output != stamp):
                    result = self._try(spec, tests, stamp)
                    database.set_result(item.job_id, result)
                    fate = result.test_outcome.value
                    fate += " by the limit" * (result.output == TIME_OVER)
                    where = f"{spec.module_path}:{spec.start_pos[0]}"
                    say(f"{number}/{len(drawn)} {fate}: {where}")
                results[item.job_id] = result
            return [self._judged(item.mutations[0], results[item.job_id]) for item in drawn]

    def _try(self, spec: MutationSpec, tests: tuple[str, ...], stamp: str) -> WorkResult:
        module = spec.module_path.as_posix()
        limit = FLOOR + FACTOR * self._seconds(module, tests, stamp)
        operator = get_operator(spec.operator_name)()
        with use_mutation(self.tree / module, operator, spec.occurrence) as (before, after):
            if after is None:
                raise RuntimeError(f"{module}: cosmic-ray made no such mutant: {spec}")
            outcome = self._run(tests, limit) if tests else warm.Outcome(0, 0.0, "")
        if outcome.passed and tests:
            self._do_load(module, tests)
        lines = difflib.unified_diff(before.split("\n"), after.split("\n"), lineterm="", n=0)
        fate = TestOutcome.SURVIVED if outcome.passed else TestOutcome.KILLED
        said = TIME_OVER if outcome.status is None else outcome.output[-4000:]
        return WorkResult(
            worker_outcome=WorkerOutcome.NORMAL if tests else WorkerOutcome.NO_TEST,
            output=stamp if outcome.passed else said,
            test_outcome=fate,
            diff="\n".join(lines),
        )

    def _seconds(self, module: str, tests: tuple[str, ...], stamp: str) -> float:
        """What the tests take without a mutant, when they must pass."""
        if not tests:
            return 0.0
        notes = self.work / "without-mutant.json"
        known = json.loads(notes.read_text()) if notes.exists() else {}
        source = (self.tree / module).read_text()
        name = hashlib.sha256(f"{module}\n{stamp}\n{source}".encode()).hexdigest()[:16]
        if name not in known:
            sound = self._run(tests, UNJUDGED)
            if not sound.passed:
                raise RuntimeError(f"{tests} fail without a mutant:\n{sound.output[-6000:]}")
            known[name] = round(sound.seconds, 2)
            notes.write_text(json.dumps(known))
        return known[name]

    def _do_load(self, module: str, tests: tuple[str, ...]) -> None:
        """They fail where the module can't be imported: else they judge another file, or none."""
        with _broken(self.tree / module):
            if self._run(tests, UNJUDGED).passed:
                raise RuntimeError(f"tests/mutants/judges.py: {tests} do not load {module}")

    def _run(self, tests: tuple[str, ...], limit: float) -> warm.Outcome:
        return warm.run(self.tree, tests, limit, self.work / "scratch")

    def _judged(self, spec: MutationSpec, result: WorkResult) -> Judged:
        lines = [line for line in result.diff.split("\n") if line[:3] not in ("---", "+++")]
        parts = {sign: [line[1:].strip() for line in lines if line[:1] == sign] for sign in "-+"}
        return Judged(
            module=spec.module_path.as_posix(),
            line=spec.start_pos[0],
            operator=spec.operator_name.removeprefix("core/"),
            was="\n".join(parts["-"]),
            becomes="\n".join(parts["+"]),
            killed=result.is_killed,
            by_limit=result.output == TIME_OVER,
            tests=judges.tests_of(self.tree, spec.module_path.as_posix()),
        )


@contextlib.contextmanager
def _broken(path: Path) -> Iterator[None]:
    whole = path.read_bytes()
    path.write_text(SABOTAGE)
    try:
        yield
    finally:
        path.write_bytes(whole)
