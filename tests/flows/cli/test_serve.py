"""`crawl2chat serve` as people start and end it: a process of its own."""

import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from model_server import LONG, tiny_folder

from flows.cli import main, serve
from flows.cli.arguments import parser
from flows.cli.serve import example, model_sources, people_work
from pipeline.serve import http_server
from pipeline.serve.config import ServeConfig
from pipeline.serve.interpreter_settings import TURN_SECONDS
from pipeline.serve.security import Access
from storage import Lake
from storage.errors import UserError

ENDLESS = {"prompt": "x", "max_tokens": LONG, "n": 4, "logprobs": 0, "ignore_eos": True}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_folder(tmp_path_factory.mktemp("serve") / "tiny")


@contextlib.contextmanager
def started(folder: Path, *options: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """The command, which is killed if it doesn't end by itself."""
    line = [sys.executable, "-m", "flows.cli", "serve", "--model", str(folder), "--port", "0"]
    process = subprocess.Popen(
        [*line, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def said_of(*options: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What is said of a command line that can't be meant."""
    assert main(["serve", *options]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith("crawl2chat: ")
    return said.err


@pytest.mark.slow
def test_one_line_says_where_and_how(folder: Path) -> None:
    with started(folder) as process:
        line = first_line(process)
        assert line.startswith("tiny at http://127.0.0.1:")
        command = shlex.split(line.partition("/v1: ")[2])
        assert command[0] == "curl"
        done = subprocess.run([*command, "-s"], capture_output=True, check=True)
        assert json.loads(done.stdout)["usage"]["completion_tokens"] <= 32
        pages = line.removeprefix("tiny at ").partition(" (pages)")[0]
        assert "<h1>" in httpx.get(pages).text
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0
        assert out == ""
        assert [json.loads(told).get("status") for told in err.splitlines()].count(200) == 2


@pytest.mark.slow
def test_a_signal_lets_what_runs_finish_and_a_second_does_not(folder: Path) -> None:
    for signals in (1, 2):
        refused: list[httpx.Response] = []
        options = ("--json", "--max-rows", "4")
        with started(folder, *options, CRAWL2CHAT_API_KEY="sk-test") as process:
            head = {"Authorization": "Bearer sk-test"}
            assert process.stdout is not None
            text = "".join(iter(process.stdout.readline, "}\n")) + "}"
            told = json.loads(text)
            assert told["models"] == ["tiny"]
            with httpx.Client(headers=head, timeout=60) as client:
                assert httpx.get(told["url"] + "/models").status_code == 401
                body = ENDLESS | {"stream": True}
                with client.stream("POST", told["url"] + "/completions", json=body) as answer:
                    chunks = answer.iter_bytes()
                    next(chunks)
                    waits = threading.Thread(target=ask_too, args=(told["url"], head, refused))
                    waits.start()
                    while not is_waiting(told["url"], head):
                        time.sleep(0.01)
                    process.send_signal(signal.SIGTERM)
                    if signals == 2:
                        time.sleep(0.2)
                        process.send_signal(signal.SIGTERM)
                        with contextlib.suppress(httpx.HTTPError):
                            b"".join(chunks)
                        assert process.wait(20) == 128 + signal.SIGTERM
                        return
                    assert b"".join(chunks).endswith(b"data: [DONE]\n\n")
            assert process.wait(60) == 0
            waits.join(60)
            assert [answer.json()["error"]["code"] for answer in refused] == ["shutting_down"]


def ask_too(url: str, head: dict[str, str], answers: list[httpx.Response]) -> None:
    with contextlib.suppress(httpx.HTTPError):
        answers.append(httpx.post(f"{url}/completions", json=ENDLESS, headers=head, timeout=60))


def is_waiting(url: str, head: dict[str, str]) -> bool:
    page = httpx.get(url.removesuffix("/v1") + "/metrics", headers=head).text
    return 'crawl2chat_queued{model="tiny"} 1.0' in page


@pytest.mark.slow
def test_neither_prefect_nor_a_database_is_loaded_nor_torchs_compiler(folder: Path) -> None:
    program = (
        "import sys, threading, time\n"
        "from pipeline.serve import http_server\n"
        "def soon(server, opened, ready):\n"
        "    plain(server, opened, lambda: (ready(), setattr(server, 'should_exit', True)))\n"
        "plain, http_server.run = http_server.run, soon\n"
        "from flows.cli import main\n"
        f"code = main(['serve', '--model', {str(folder)!r}, '--port', '0'])\n"
        "heavy = 'prefect duckdb transformers matplotlib torch._dynamo datatrove'.split()\n"
        "print(code, [name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=100
    )
    assert done.stdout.splitlines()[-1] == "0 []"


def test_bad_use_is_one_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.delenv("CRAWL2CHAT_API_KEY", raising=False)
    lake = ["--lake", str(tmp_path / "lake")]
    tiny = ["--model", str(folder), *lake]
    assert "no model in lake" in said_of(*lake, capsys=capsys)
    assert "no rl model" in said_of("--model", "rl", *lake, capsys=capsys)
    assert "nowhere" in said_of("--model", "nowhere", *lake, capsys=capsys)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        assert f"port {port}" in said_of(*tiny, "--port", port, capsys=capsys)
    keys = tmp_path / "keys"
    keys.write_text("sk-test\n")
    keys.chmod(0o644)
    assert "chmod" in said_of(*tiny, "--api-key-file", str(keys), capsys=capsys)
    assert "No such file" in said_of(*tiny, "--api-key-file", str(keys) + "x", capsys=capsys)
    assert "key" in said_of(*tiny, "--host", "0.0.0.0", capsys=capsys)
    assert "--allow-origin" in said_of(*tiny, "--allow-origin", "x.y", capsys=capsys)
    assert "--set nothing" in said_of(*tiny, "--set", "nothing=1", capsys=capsys)
    assert "max_queued" in said_of(*tiny, "--set", "max_queued=0", capsys=capsys)
    assert "whole number" in said_of(*tiny, "--set", "max_queued=1.5", capsys=capsys)
    assert "one name" in said_of(*tiny, "--model", str(copied(folder, tmp_path)), capsys=capsys)
    broken = tmp_path / "broken"
    broken.mkdir()
    assert "config.json" in said_of("--model", str(broken), "--port", "0", *lake, capsys=capsys)


def copied(folder: Path, elsewhere: Path) -> Path:
    twin = elsewhere / folder.name
    twin.symlink_to(folder)
    return twin


def test_models_have_names_that_are_no_paths(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    lake = Lake(tmp_path)
    for name in (str(folder), ".", f"../{folder.name}/", str(folder) + "/"):
        (source,) = model_sources(lake, [name])
        assert source.id == "tiny"
        assert source.find().resolve() == folder
    (file,) = model_sources(lake, ["some/where/m-q8_0.gguf"])
    assert file.id == "m-q8_0"
    with pytest.raises(UserError, match="no model"):
        model_sources(lake, [])
    assert serve.FINISHED_FIRST[:2] == ("rlhf", "rl")


def test_words_are_set_as_numbers_are() -> None:
    def config(*options: str) -> ServeConfig:
        return serve._config(parser().parse_args(["serve", *options]))

    assert config("--set", "precision=int8", "--set", "max_queued=9").precision == "int8"
    assert config().precision == "auto"
    with pytest.raises(UserError, match="precision"):
        config("--set", "precision=half")


def test_the_example_is_a_chat_where_the_first_model_chats_and_shows_that_a_key_is_needed() -> None:
    asked = [example("http://localhost:1", Access(), first) for first in ("rl", "base", "folder")]
    paths = [shlex.split(line)[1].removeprefix("http://localhost:1/v1/") for line in asked]
    assert paths == ["chat/completions", "completions", "completions"]
    assert "Authorization" not in asked[0]
    locked = shlex.split(example("http://localhost:1", Access(keys=(b"x",)), "rl"))
    assert locked[2:4] == ["-H", "Authorization: Bearer $CRAWL2CHAT_API_KEY"]


def test_peoples_work_lies_in_the_lake_or_where_it_is_said(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    own = people_work(lake, parser().parse_args(["serve"]))
    assert own is not None
    assert own.tasks == tmp_path / "lake" / ".labels" / "tasks.sqlite"
    assert own.votes == tmp_path / "lake" / ".arena" / "votes.sqlite"
    line = ["serve", "--labels", str(tmp_path / "l"), "--votes", str(tmp_path / "v")]
    named = people_work(lake, parser().parse_args(line))
    assert named is not None
    assert (named.tasks, named.votes) == (tmp_path / "l", tmp_path / "v")


def test_the_interpreter_is_set_for_a_server(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    before, seen = sys.getswitchinterval(), []

    def run(_: object, opened: socket.socket, ready: Any) -> None:
        with opened:
            seen.append(sys.getswitchinterval())
            ready()
            seen.append(sys.getswitchinterval())

    monkeypatch.setattr(http_server, "run", run)  # which needs the signals of a process of its own
    line = ["serve", "--lake", str(tmp_path), "--model", str(folder), "--port", "0"]
    assert main(line) == 0, capsys.readouterr()
    assert seen == [before, pytest.approx(TURN_SECONDS)]
    assert sys.getswitchinterval() == before
