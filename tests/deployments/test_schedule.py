"""A real Prefect server and worker: every flow deploys, a schedule fires, the run finishes."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from patience import PATIENCE_SECONDS, eventually, free_port

REPOSITORY = Path(__file__).resolve().parents[2]
PREFECT_YAML = REPOSITORY / "deployments" / "prefect.yaml"
AUTOMATIONS = REPOSITORY / "deployments" / "automations.yaml"
PREFECT = [sys.executable, "-m", "prefect", "--no-prompt"]
FLOWS = {
    *("corpus", "quality-model", "search-index", "tokenizer", "pretrain", "extend", "scaling"),
    *("sft", "interrogate", "rl", "rlhf", "evaluate", "crawl-to-chat", "connect-four"),
}


class Server:
    """A `prefect server start` with a home of its own."""

    def __init__(self, home: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/api"
        self.environment = {
            **os.environ,
            "PREFECT_HOME": str(home),
            "PREFECT_API_URL": self.url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "2",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
        }

    def is_up(self) -> bool:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{self.url}/health", timeout=2)
            return True
        return False

    def post(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as response:
            return json.load(response)

    def prefect(self, *arguments: str, **options: Any) -> str:
        done = subprocess.run(
            [*PREFECT, *arguments],
            env=self.environment,
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            **options,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@contextlib.contextmanager
def process_group(command: list[str], environment: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("w") as file:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=REPOSITORY,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        yield
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("prefect")
    port = free_port()
    found = Server(home, port)
    command = [*PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with process_group(command, found.environment, home / "server.log"):
        eventually(found.is_up, (home / "server.log").read_text)
        found.prefect("work-pool", "create", "crawl2chat", "--type", "process")
        yield found


def test_every_flow_deploys_and_the_corpus_is_nightly(server: Server) -> None:
    server.prefect("deploy", "--all", "--prefect-file", str(PREFECT_YAML))
    flows = {flow["id"]: flow["name"] for flow in server.post("/flows/filter", {})}
    deployed = server.post("/deployments/filter", {})
    assert {flows[d["flow_id"]] for d in deployed} == FLOWS
    assert {d["work_pool_name"] for d in deployed} == {"crawl2chat"}
    (nightly,) = [d for d in deployed if d["name"] == "nightly"]
    assert flows[nightly["flow_id"]] == "corpus"
    (schedule,) = nightly["schedules"]
    assert schedule["active"]
    assert schedule["schedule"]["cron"] == "0 3 * * *"
    others = [s for d in deployed if d["name"] != "nightly" for s in d["schedules"]]
    assert not any(schedule["active"] for schedule in others)
    # The typed config is the form: a table per stage, with the stages' own fields.
    form = nightly["parameter_openapi_schema"]
    tables = form["definitions"]["RunConfig"]["properties"]
    assert {"input", "sample_web", "scan", "pretrain", "rl", "evals"} <= tables.keys()
    assert "steps" in form["definitions"]["RlConfig"]["properties"]


def test_automations_are_accepted(server: Server) -> None:
    server.prefect("automation", "create", "--from-file", str(AUTOMATIONS))
    names = {a["name"]: a["enabled"] for a in server.post("/automations/filter", {})}
    expected = yaml.safe_load(AUTOMATIONS.read_text())["automations"]
    assert names == {a["name"]: True for a in expected}


def test_a_scheduled_run_fires_and_finishes(server: Server, tmp_path: Path) -> None:
    # The corpus deployment as committed, but on a small crawl and soon.
    written = yaml.safe_load(PREFECT_YAML.read_text())
    (nightly,) = [d for d in written["deployments"] if d["name"] == "nightly"]
    lake = tmp_path / "lake"
    crawl = write_crawl(tmp_path / "crawl")
    nightly |= {
        "name": "soon",
        "parameters": {
            "config": {"preset": "ci", "input": {"paths": [str(crawl)], "workers": 1}},
            "lake": str(lake),
        },
        "schedules": [{"interval": 15, "active": True}],
    }
    path = tmp_path / "prefect.yaml"
    path.write_text(yaml.safe_dump({**written, "deployments": [nightly]}))
    server.prefect("deploy", "--all", "--prefect-file", str(path))

    worker = [*PREFECT, "worker", "start", "--pool", "crawl2chat", "--name", "test"]
    log = tmp_path / "worker.log"
    with process_group(worker, server.environment, log):
        run = wait_for_run(server, log)
    assert run["auto_scheduled"]
    assert run["state"]["type"] == "COMPLETED", run["state"]["message"] + log.read_text()[-4000:]
    assert run["work_pool_name"] == "crawl2chat"
    tasks = server.post("/task_runs/filter", {"flow_runs": {"id": {"any_": [run["id"]]}}})
    assert any(task["name"].startswith("scan 1/1 ") for task in tasks)
    shown = server.post("/artifacts/filter", {})
    assert {"funnel", "funnel-by-rule"} <= {artifact["key"] for artifact in shown}

    from storage import Lake, catalog

    outcomes = catalog.query(Lake(lake), "SELECT count(*) AS n FROM ledger").to_pylist()
    assert outcomes[0]["n"] >= 3


def wait_for_run(server: Server, log: Path) -> dict[str, Any]:
    """The first scheduled run that ended."""
    ended = {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED"]}}}

    def found() -> dict[str, Any] | None:
        runs = server.post("/flow_runs/filter", {"flow_runs": ended})
        return next((dict(run) for run in runs if run["auto_scheduled"]), None)

    run = eventually(found, lambda: "no scheduled run ended:\n" + log.read_text()[-4000:])
    assert run is not None
    return run


def write_crawl(folder: Path) -> Path:
    """A WARC file of three pages."""
    import io

    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    folder.mkdir()
    path = folder / "three.warc.gz"
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=True)
        for number in range(3):
            body = f"<html><body><p>Page {number} of a small crawl.</p></body></html>".encode()
            headers = StatusAndHeaders(
                "200 OK", [("Content-Type", "text/html; charset=utf-8")], protocol="HTTP/1.1"
            )
            record = writer.create_warc_record(
                f"https://example.com/{number}", "response", io.BytesIO(body), http_headers=headers
            )
            writer.write_record(record)
    return path
