"""The pinned versions, and the script that installs them, on other machines than this one."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28", "aarch64-apple-darwin")
PINS = [Requirement(line) for line in (REPOSITORY / "constraints.txt").read_text().splitlines()]


def wanted() -> list[Requirement]:
    lists = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    return [Requirement(text) for texts in lists for text in texts]


def test_each_pin_is_one_plain_version() -> None:
    names = [canonicalize_name(pin.name) for pin in PINS]
    assert names == sorted(set(names))
    for pin in PINS:
        (only,) = pin.specifier
        assert only.operator == "=="
        # A local version (2.13.0+cpu) is in no public index, a wildcard is no pin.
        assert re.fullmatch(r"[0-9][0-9a-z.]*", only.version), pin


def test_nothing_is_pinned_that_one_platform_alone_has() -> None:
    special = re.compile(r"nvidia|cuda|triton|pywin|pyobjc|appnope|intel-|mkl")
    assert [pin.name for pin in PINS if special.match(pin.name) and pin.marker is None] == []


def test_what_the_project_asks_for_is_pinned_as_it_asks() -> None:
    pins = {canonicalize_name(pin.name): pin for pin in PINS}
    for requirement in wanted():
        pin = pins[canonicalize_name(requirement.name)]
        (version,) = pin.specifier
        assert requirement.specifier.contains(version.version), (str(requirement), str(pin))


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_resolver_finds_the_versions_together(platform: str, tmp_path: Path) -> None:
    if not os.environ.get("CRAWL2CHAT_RESOLVE"):
        pytest.skip("asks the index of packages: make resolve")
    uv = shutil.which("uv") or pytest.skip("no uv on the PATH")
    out = tmp_path / "resolved.txt"
    options = ["--quiet", "--no-header", "--no-annotate", "--all-extras", "-c", "constraints.txt"]
    command = [uv, "pip", "compile", *options, "--python-version", "3.11"]
    done = subprocess.run(
        [*command, "--python-platform", platform, "-o", out, "pyproject.toml"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        # torch 2.13 is built for macOS 14 and newer
        env={**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = {canonicalize_name(r.name) for r in map(Requirement, out.read_text().splitlines())}
    pinned = {canonicalize_name(pin.name) for pin in PINS}
    # What is left to torch: its own metadata fix these.
    assert {name for name in found - pinned if not re.match("nvidia|cuda|triton", name)} == set()
    assert ("triton" in found) == ("linux" in platform)  # without --torch-index: with CUDA


STUB = """#!/bin/sh
echo "$(basename "$0") $*" >> "$LOG"
case "$1" in venv) shift; for last; do :; done
  mkdir -p "$last/bin"; cp "$0" "$last/bin/python";; esac
"""


class Machine:
    """A PATH with these programs and no others, in a copy of what the script reads."""

    def __init__(self, place: Path) -> None:
        self.place, self.bin, self.log = place / "project", place / "bin", place / "log"
        self.place.mkdir()
        self.bin.mkdir()
        for name in ("setup.sh", "constraints.txt"):
            shutil.copy(REPOSITORY / name, self.place)
        for name in ("sh", "grep", "basename", "mkdir", "cp", "rm"):
            (self.bin / name).symlink_to(shutil.which(name) or "")

    def has(self, *names: str, text: str = STUB) -> "Machine":
        for name in names:
            (self.bin / name).write_text(text)
            (self.bin / name).chmod(0o755)
        return self

    def has_python(self, name: str = "python3.11") -> "Machine":
        (self.bin / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (self.bin / name).chmod(0o755)
        return self

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.bin), "LOG": str(self.log), **settings}
        return subprocess.run(
            ["./setup.sh", *arguments],
            cwd=self.place,
            env=environment,
            capture_output=True,
            text=True,
        )

    def refuses(self, words: str, **settings: str) -> None:
        done = self.run(".", **settings)
        assert done.returncode == 1
        assert done.stdout == ""
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert words in done.stderr
        assert not (self.place / ".venv").exists()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_what_is_missing_is_said_in_one_line(machine: Machine) -> None:
    machine.refuses("no Python 3.11 or newer on the PATH")
    machine.refuses("PYTHON=python9 is not there", PYTHON="python9")
    machine.has("python2.7", text="#!/bin/sh\nexit 1\n")
    machine.refuses("PYTHON=python2.7 is no Python 3.11", PYTHON="python2.7")
    machine.has_python()
    machine.refuses("no compiler cc")
    machine.has("cc")
    machine.refuses("no compiler c++")
    machine.refuses("no compiler clang", CC="clang -O2")


def test_python_without_venv_or_headers(machine: Machine) -> None:
    machine.has("cc", "c++")
    answers = '#!/bin/sh\ncase "$*" in *ensurepip*|*Python.h*) exit 1;; esac\n'
    machine.has("python3.11", text=answers.replace("*ensurepip*|", ""))
    machine.refuses("Python's headers are missing")
    machine.has("python3.11", text=answers.replace("|*Python.h*", ""))
    machine.refuses("module venv is missing")


def test_uv_where_it_is_at_hand_and_each_step_said(machine: Machine) -> None:
    done = machine.has("cc", "c++", "uv").has_python("python3.12").run(".")
    assert done.returncode == 0, done.stderr
    steps = machine.log.read_text().splitlines()
    assert steps[0].startswith("uv venv --quiet --seed --python python3.12 .venv")
    assert steps[1:] == [
        "uv pip install --python .venv/bin/python -c constraints.txt -e .",
        "python -P -",  # imports what runs import
    ]
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["setup"] * 5
    assert machine.run(".").stdout.splitlines()[0] == "setup: .venv is there"


def test_pip_else_and_torch_alone_from_its_own_index(machine: Machine) -> None:
    machine.has("cc", "c++").has_python()
    (machine.place / ".venv" / "bin").mkdir(parents=True)
    machine.has("stub")
    shutil.copy(machine.bin / "stub", machine.place / ".venv" / "bin" / "python")
    done = machine.run(".[dev]", TORCH_INDEX="file:///torch")
    assert done.returncode == 0, done.stderr
    pip = "python -m pip install --disable-pip-version-check --no-compile"
    (torch,) = [str(pin) for pin in PINS if pin.name == "torch"]
    assert machine.log.read_text().splitlines() == [
        f"{pip} --index-url file:///torch --no-deps {torch}",
        f"{pip} -c constraints.txt -e .[dev]",
        "python -P -",
    ]


def test_bytecode_is_kept_whatever_the_environment_says(machine: Machine) -> None:
    machine.has("cc", "c++").has_python()
    python = machine.place / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$1 ${PYTHONDONTWRITEBYTECODE-none}" >> "$LOG"\n')
    python.chmod(0o755)
    assert machine.run(".", PYTHONDONTWRITEBYTECODE="1").returncode == 0
    assert machine.log.read_text().splitlines() == ["-m 1", "-P none"]


def test_make_sets_up_once_in_any_folder(tmp_path: Path) -> None:
    make = shutil.which("make") or pytest.skip("no make on the PATH")
    place = tmp_path / "my projects" / "crawl2chat"
    place.mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "setup.py"):
        shutil.copy(REPOSITORY / name, place)
    (place / "pipeline").mkdir()
    program = "mkdir -p .venv/bin; for name in python crawl2chat; do cp stub .venv/bin/$name; done"
    for name, then in (("setup.sh", program), ("stub", ":")):
        said = 'echo "$(basename "$0") $*${PYTHONDONTWRITEBYTECODE-}" >> log'  # make unsets it
        (place / name).write_text(f"#!/bin/sh\n{said}\n{then}\n")
        (place / name).chmod(0o755)

    def says(*arguments: str) -> list[str]:
        (place / "log").unlink(missing_ok=True)
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        environment.pop("JOBS", None)  # this very run's
        command = [make, *arguments]
        subprocess.run(command, cwd=place, env=environment, check=True, capture_output=True)
        return (place / "log").read_text().splitlines()

    tests = "python -m pytest -n {} --dist loadgroup --no-loadscope-reorder"
    assert says("test") == ["setup.sh .[dev]", tests.format(3)]
    assert says("test", "JOBS=4") == [tests.format(4)]
    assert says("demo") == ["crawl2chat demo --lake ./lake"]
    shutil.rmtree(place / ".venv")
    assert says("demo") == ["setup.sh .", "crawl2chat demo --lake ./lake"]
    assert says("test")[0] == "setup.sh .[dev]"
