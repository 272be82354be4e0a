"""A Prefect server for the length of one command, when no other is configured.

Prefect starts such a server by itself, but a killed run leaves that one behind for ever; this one
dies with the command, even by SIGKILL. It starts while the command imports the rest. It serves
the API alone: for the UI and for schedules run `prefect server start` and set PREFECT_API_URL.
"""

import contextlib
import os
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from pipeline.lifetime import die_with_parent
from storage.errors import UserError

STARTUP_SECONDS = 120.0
STOP_SECONDS = 5.0
ANSWER_SECONDS = 10.0  # of a server that is up


class ServerNotStarted(RuntimeError):
    """The server ended or did not answer in time."""


@contextlib.contextmanager
def api_server() -> Iterator[str]:
    """The API's address: PREFECT_API_URL if it is set, else a server of our own."""
    configured = configured_url()
    if configured is not None:
        yield configured
        return
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.server", str(port), str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1"},
        start_new_session=True,  # Ctrl-C must reach the run first, which still has states to report
    )
    url = f"http://127.0.0.1:{port}/api"
    os.environ["PREFECT_API_URL"] = url
    try:
        yield url
    finally:
        del os.environ["PREFECT_API_URL"]
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def configured_url() -> str | None:
    """PREFECT_API_URL from the environment or from Prefect's active profile, without Prefect."""
    if url := os.environ.get("PREFECT_API_URL"):
        return url
    home = Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser()
    path = Path(os.environ.get("PREFECT_PROFILES_PATH", home / "profiles.toml"))
    if not path.is_file():
        return None
    profiles = tomllib.loads(path.read_text())
    active = os.environ.get("PREFECT_PROFILE", profiles.get("active", ""))
    url = profiles.get("profiles", {}).get(active, {}).get("PREFECT_API_URL")
    return str(url) if url else None


def check_shared() -> None:
    """UserError unless a server answers that is no command's own, so that a cluster can use it."""
    start = (
        "start one (prefect server start --host ADDRESS) and set"
        " PREFECT_API_URL=http://ADDRESS:4200/api"
    )
    url = configured_url()
    if url is None:
        raise UserError(f"--runner ray needs a Prefect server that every node reaches: {start}")
    try:
        wait_until_up(url, ANSWER_SECONDS)
    except ServerNotStarted:
        raise UserError(f"--runner ray: no Prefect server answers at {url}: {start}") from None


def wait_until_up(url: str, timeout_seconds: float = STARTUP_SECONDS) -> None:
    """Return once the API answers; raise ServerNotStarted when it doesn't."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if is_up(url):
            return
        time.sleep(0.1)
    raise ServerNotStarted(f"no Prefect server answers at {url} after {timeout_seconds:.0f} s")


def is_up(url: str) -> bool:
    """Whether a Prefect API answers there."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2) as response:  # noqa: S310
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _serve(port: int, owner_pid: int) -> None:
    die_with_parent(owner_pid)
    import uvicorn

    uvicorn.run(
        "prefect.server.api.server:create_app",
        factory=True,
        host="127.0.0.1",
        port=port,
        log_level="error",
    )


if __name__ == "__main__":
    _serve(int(sys.argv[1]), int(sys.argv[2]))
