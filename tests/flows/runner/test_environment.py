"""Runs from odd folders and in odd environments, as real processes: nothing of them leaks in."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from patience import PATIENCE_SECONDS, eventually, have_ended
from read_only import read_only  # noqa: F401

from flows.runner import environment

# Names that a user's own files have, and that are also the standard library's, ours, or Prefect's.
MODULES = ("queue", "token", "pipeline", "secrets", "numbers", "prefect", "uvicorn", "torch")
LOUD = "import os\nopen(os.environ['CAUGHT'], 'a').write(f'{__file__} in {os.getpid()}\\n')\n"
DEAD = "http://127.0.0.1:9"


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A folder full of modules that tell when they are imported."""
    folder = tmp_path / "odd folder"
    folder.mkdir()
    for name in MODULES:
        (folder / f"{name}.py").write_text(LOUD)
    (folder / "pipeline").mkdir()
    for name in ("__init__", "config"):
        (folder / "pipeline" / f"{name}.py").write_text(LOUD)
    return folder


def surroundings(tmp_path: Path, **more: str) -> dict[str, str]:
    """Of this process, without a server: each command brings its own."""
    kept = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    home = {"PREFECT_HOME": str(tmp_path / "prefect"), "CAUGHT": str(tmp_path / "caught")}
    return {**kept, "PYTHONPATH": "", **home, **more}


def start(*arguments: str | Path, **options: Any) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "flows.cli", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, **{**pipes, **options})


def run(*arguments: str | Path, **options: Any) -> "subprocess.CompletedProcess[str]":
    process = start(*arguments, **options)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    return subprocess.CompletedProcess([], process.returncode, out, err)


def test_a_run_from_a_folder_of_same_named_files_behind_a_dead_proxy(
    odd: Path,
    read_only: Any,  # noqa: F811
    tmp_path: Path,
) -> None:
    """`python -m`, PYTHONPATH, the server, workers and pools; proxies, warnings, no TMPDIR, a HOME
    that can't be written, spaces in names.
    """
    home = tmp_path / "home"
    home.mkdir()
    hostile = {
        "HOME": str(read_only(home)),
        "PYTHONPATH": f".{os.pathsep}{odd}",
        "PYTHONOPTIMIZE": "2",
        "PYTHONWARNINGS": "error",
        "PYTHONIOENCODING": "ascii",
        "LC_ALL": "C",
        "TMPDIR": str(tmp_path / "gone"),
        "http_proxy": DEAD,
        "HTTPS_PROXY": DEAD,
        "ALL_PROXY": "socks://127.0.0.1:9",
    }
    lake, environ = tmp_path / "the lake", surroundings(tmp_path, **hostile)
    done = run("run", "corpus", "--preset", "ci", "--lake", lake, cwd=odd, env=environ)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-1].startswith("corpus: done in")
    assert not (tmp_path / "caught").exists(), (tmp_path / "caught").read_text()


@pytest.mark.parametrize("how", ["a module", "a pool", "torchrun's child"])
def test_a_process_of_ours_finds_nothing_in_the_current_directory(
    how: str, odd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAUGHT", str(tmp_path / "caught"))
    monkeypatch.setenv("PYTHONPATH", ".")
    monkeypatch.chdir(odd)
    environ = environment.child_environment()
    assert environ["PYTHONPATH"] == str(environment.ROOT)
    script = {
        "a module": "import queue, token, pipeline.config",
        "a pool": "import multiprocessing as m; c = m.get_context('spawn');"
        " p = c.Process(target=len, args=((),)); p.start(); p.join(); assert p.exitcode == 0",
        "torchrun's child": "import subprocess, sys; subprocess.run("
        "[sys.executable, '-u', '-c', 'import queue, token, pipeline.config'], check=True)",
    }[how]
    command = [*environment.command("x")[:2], "-c", script]
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "caught").exists(), (tmp_path / "caught").read_text()


def test_the_users_folders_elsewhere_stay_and_settings_go(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    given = ["", ".", "lib", str(tmp_path), "/opt/site"]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(given))
    for name in environment.NOT_FOR_CHILDREN:
        monkeypatch.setenv(name, "1")
    environ = environment.child_environment()
    assert environ["PYTHONPATH"].split(os.pathsep) == [str(environment.ROOT), "/opt/site"]
    assert not set(environment.NOT_FOR_CHILDREN) & set(environ)
    command = environment.command("flows.runner.server", "1")
    assert command == [sys.executable, "-P", "-m", "flows.runner.server", "1"]
    assert Path(command[0]).is_absolute()


def test_no_process_is_started_in_another_way() -> None:
    """Every start in the packages goes through `command`, is safe by itself, or is no Python."""
    found = []
    for package in ("flows", "pipeline", "storage"):
        for path in (environment.ROOT / package).rglob("*.py"):
            text = path.read_text()
            found += [path.name] if 'sys.executable, "-m"' in text else []
    assert found == []


@pytest.mark.parametrize(
    ("given", "after"),
    [
        ({}, None),
        ({"http_proxy": DEAD}, "127.0.0.1,localhost,::1"),
        ({"ALL_PROXY": DEAD, "NO_PROXY": "a.example"}, "a.example,127.0.0.1,localhost,::1"),
        (
            {"HTTPS_PROXY": DEAD, "no_proxy": "b, localhost", "NO_PROXY": "a"},
            "b,localhost,a,127.0.0.1,::1",
        ),
        ({"http_proxy": DEAD, "no_proxy": "*"}, "*"),
    ],
)
def test_loopback_is_reached_without_a_proxy(
    given: dict[str, str], after: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import requests.utils

    for name in [n for n in os.environ if n.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name in ("NO_PROXY", "no_proxy"):  # so that they are put back
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    environment.reach_loopback_directly()
    assert (os.environ.get("no_proxy") or os.environ.get("NO_PROXY")) == after
    if given:
        for host in ("127.0.0.1", "localhost", "[::1]"):
            assert requests.utils.get_environ_proxies(f"http://{host}:4200/api") == {}


def test_a_desktops_spelling_of_socks_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    monkeypatch.setenv("ALL_PROXY", "socks://127.0.0.1:1080/")
    environment.reach_loopback_directly()
    httpx.Client().close()  # which knows socks5 alone, and needs socksio for it
    assert os.environ["ALL_PROXY"] == "socks5://127.0.0.1:1080/"


@pytest.mark.parametrize(
    ("setting", "value", "code", "words"),
    [
        ("PREFECT_HOME", "FILE/x", 2, "set PREFECT_HOME to a folder that can be written"),
        ("PREFECT_API_URL", f"{DEAD}/api", 1, "no Prefect server answers at http://127.0.0.1:9"),
        ("PREFECT_API_URL", "127.0.0.1:4200", 2, "no address: http://HOST:4200/api"),
        ("PREFECT_API_URL", "http://[", 2, "no address: http://HOST:4200/api"),
        ("PREFECT_PROFILES_PATH", "FILE", 2, "Prefect's profiles"),
        (
            "PREFECT_API_DATABASE_CONNECTION_URL",
            "sqlite+aiosqlite:////none/x.db",
            1,
            "server ended: sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) unable to",
        ),
    ],
)
def test_a_server_that_can_not_be_is_said_at_once(
    setting: str, value: str, code: int, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("[nonsense")
    environ = surroundings(tmp_path, **{setting: value.replace("FILE", str(file))})
    done = run("run", "corpus", "--preset", "ci", "--lake", tmp_path / "lake", env=environ)
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert words in done.stderr
    assert not (tmp_path / "lake").exists()


def test_a_server_that_dies_mid_run_ends_the_run(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    process = start(
        *("run", "corpus", "--preset", "ci", "--lake", lake), env=surroundings(tmp_path)
    )
    try:
        eventually((lake / ".staging").exists)
        children = psutil.Process(process.pid).children()
        (server,) = [child for child in children if "flows.runner.server" in child.cmdline()]
        server.send_signal(signal.SIGKILL)
        _, said = process.communicate(timeout=PATIENCE_SECONDS)
    finally:
        process.kill()
    assert process.returncode == 1, said
    assert said.splitlines()[-1].startswith("crawl2chat: this run's own Prefect server ended")
    assert "Traceback" not in said
    assert have_ended(children)


def test_a_current_directory_that_is_gone(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    script = 'cd "$1" && rmdir "$1" && exec "$0" -P -m flows.cli artifacts'
    environ = environment.child_environment()
    done = subprocess.run(
        ["sh", "-c", script, sys.executable, here], env=environ, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr == "crawl2chat: the current directory is gone: cd to one that is there\n"
