"""`make release-check`: what a user gets, built here and tried where no checkout is.

Builds sdist and wheel (the wheel from the sdist, so that nothing is taken from the checkout), looks
into the wheel, installs it with the pinned versions into an environment of its own outside the
checkout, and runs the demo at toy size from an empty folder. Ends with 0 when all of it holds.
"""

import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("flows", "pipeline", "storage")
WANTED = [f"{name}/py.typed" for name in PACKAGES] + [
    "flows/presets/ci.toml",
    "pipeline/extract/blocks.forest",
]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="crawl2chat-release-") as name:
        place = Path(name)
        sdist, wheel = build(place / "dist")
        look_into(sdist, wheel)
        python = install(wheel, place / "venv")
        try_demo(python, place / "empty")
    print("release-check: sdist, wheel, installation and demo hold")


def say(*words: object, **options: object) -> str:
    """Run a command and show it; its stdout."""
    print("release-check:", *words, flush=True)
    command = [str(word) for word in words]
    # Nothing of the checkout may be found by way of the environment.
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "CRAWL2CHAT_"))}
    done = subprocess.run(command, env=clean, text=True, stdout=subprocess.PIPE, **options)  # type: ignore[call-overload]
    if done.returncode:
        print(done.stdout[-4000:])
        raise SystemExit(f"release-check: {command[0]} ended with {done.returncode}")
    return str(done.stdout)


def build(out: Path) -> tuple[Path, Path]:
    say(sys.executable, "-m", "build", "--outdir", out, ROOT, cwd=out.parent)
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return sdist, wheel


def look_into(sdist: Path, wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    if top != {*PACKAGES}:
        raise SystemExit(f"release-check: the wheel holds {sorted(top)}")
    missing = [name for name in WANTED if name not in names]
    sources = [source.relative_to(ROOT) for source in ROOT.glob("pipeline/**/_*.c")]
    for source in sources:
        module = source.with_suffix("").as_posix()
        if not any(n.startswith(module + ".") and n.endswith(".so") for n in names):
            missing.append(f"{module}.*.so")
    with tarfile.open(sdist) as packed_files:
        packed = {name.split("/", 1)[-1] for name in packed_files.getnames()}
    missing += [str(source) for source in sources if source.as_posix() not in packed]
    if missing:
        raise SystemExit(f"release-check: missing are {', '.join(missing)}")


def install(wheel: Path, venv: Path) -> Path:
    say(sys.executable, "-m", "venv", venv)
    python = venv / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    say(*pip, "-c", ROOT / "constraints.txt", wheel)
    return python


def try_demo(python: Path, empty: Path) -> None:
    empty.mkdir()
    program = python.parent / "crawl2chat"
    print(say(program, "demo", "--preset", "ci", cwd=empty, stdin=subprocess.DEVNULL)[-600:])
    if [path.name for path in empty.iterdir()] != ["lake"]:
        raise SystemExit(f"release-check: beside the lake there are {list(empty.iterdir())}")
    if not (empty / "lake" / "report.html").is_file():
        raise SystemExit("release-check: no report")
    query = "SELECT count(*) AS documents FROM corpus"
    print(say(program, "sql", query, "--csv", cwd=empty))
    where = say(python, "-c", "import flows; print(flows.__file__)", cwd=empty)
    if not Path(where.strip()).is_relative_to(python.parents[1]):
        raise SystemExit(f"release-check: the demo ran code of {where}")


if __name__ == "__main__":
    main()
