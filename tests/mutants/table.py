"""The survival table, the list of survivors, and the survivors that no test can tell apart."""

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path

from pipeline.intervals import wilson
from tests.mutants.session import Judged

EQUIVALENT = Path(__file__).parent / "equivalent.toml"
HEAD = """\
| package | mutants | killed | of these by the limit | equivalent | survived | share killed (95%) |
|---|---|---|---|---|---|---|"""


@dataclasses.dataclass(frozen=True)
class Equivalents:
    """Mutants that compute the same: survivors named in equivalent.toml, each with its reason."""

    named: frozenset[tuple[str, str, str]]

    @classmethod
    def read(cls, path: Path = EQUIVALENT) -> "Equivalents":
        rows = tomllib.loads(path.read_text()).get("mutant", [])
        for row in rows:
            if not row["why"].strip():
                raise ValueError(f"{path}: no reason for {row['module']}: {row['becomes']}")
        return cls(frozenset((row["module"], row["was"], row["becomes"]) for row in rows))

    def __contains__(self, mutant: Judged) -> bool:
        return (mutant.module, mutant.was, mutant.becomes) in self.named


def row(name: str, mutants: list[Judged], equivalents: Equivalents) -> str:
    killed = sum(mutant.killed for mutant in mutants)
    by_limit = sum(mutant.by_limit for mutant in mutants)
    equal = sum(not mutant.killed and mutant in equivalents for mutant in mutants)
    n = len(mutants) - equal
    low, high = wilson(killed, n)
    share = f"{killed / n:.0%} ({low:.0%} to {high:.0%})" if n else "none"
    return f"| {name} | {len(mutants)} | {killed} | {by_limit} | {equal} | {n - killed} | {share} |"


def table(by_package: Mapping[str, list[Judged]], equivalents: Equivalents) -> str:
    rows = [row(name, mutants, equivalents) for name, mutants in by_package.items()]
    if len(by_package) > 1:
        rows.append(row("all", [m for each in by_package.values() for m in each], equivalents))
    return "\n".join((HEAD, *rows))


def survivors(mutants: list[Judged], equivalents: Equivalents) -> str:
    """Each with its place, its lines as equivalent.toml would name them, and who let it pass."""
    said = []
    for mutant in mutants:
        if not mutant.killed and mutant not in equivalents:
            before = "".join(f"  - {line}\n" for line in mutant.was.split("\n"))
            after = "".join(f"  + {line}\n" for line in mutant.becomes.split("\n"))
            tests = " ".join(mutant.tests) or "no test"
            said.append(
                f"{mutant.module}:{mutant.line} {mutant.operator}\n{before}{after}  {tests}\n"
            )
    return "\n".join(said)
