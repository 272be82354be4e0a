"""A Prefect server for the length of one command, when no other is configured.

Prefect starts such a server by itself, but a killed run leaves that one behind for ever; this one
dies with the command, even by SIGKILL. It starts while the command imports the rest. It serves
the API alone: for the UI and for schedules run `prefect server start` and set PREFECT_API_URL.
"""

import contextlib
import http.client
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from flows.runner.environment import child_environment, command
from pipeline.worker.lifetime import die_with_parent
from storage.errors import UserError

STARTUP_SECONDS = 300.0
STOP_SECONDS = 5.0
ANSWER_SECONDS = 5.0  # of a server that is up
BUSY_SECONDS = 60.0  # of one that is up, with much to do
ROOM_BYTES = 1 << 16  # without room for these there is none for its database
POLL_SECONDS = 0.1
LOG_LINES = 60
OF_OURS = {
    "PREFECT_UI_ENABLED": "0",
    "PREFECT__SERVER_EPHEMERAL": "1",
    # Its log is for us alone, and has to say why it ends.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "ERROR",
    "PREFECT_LOGGING_SERVER_LEVEL": "ERROR",
}
# Of a traceback the line that says what went wrong.
own_urls: set[str] = set()  # of servers that this process has started: they end with it
REASON = re.compile(r"[\w.]*(Error|Exception|Exit|Interrupt)\b.*")


class ServerNotStarted(RuntimeError):
    """The server ended or did not answer in time."""


class Api:
    """A Prefect API: of a configured server, or of a process of our own."""

    def __init__(self, url: str, process: "subprocess.Popen[bytes] | None" = None) -> None:
        self.url = url
        self._process = process
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._is_wanted = True
        if process is not None:
            self._reader = threading.Thread(target=self._read, name="server-log", daemon=True)
            self._reader.start()

    def wait(self) -> None:
        """Return once it answers; ServerNotStarted when it doesn't, or is dead."""
        if self._process is None:  # it has answered
            return
        deadline = time.monotonic() + STARTUP_SECONDS
        while not is_up(self.url):
            if self._process.poll() is not None:
                raise ServerNotStarted(self.reason())
            if time.monotonic() > deadline:
                raise ServerNotStarted(
                    f"this run's own Prefect server does not answer after {STARTUP_SECONDS:.0f} s"
                )
            time.sleep(POLL_SECONDS)

    def reason(self) -> str:
        """Why the process ended, by its log."""
        assert self._process is not None
        self._reader.join(STOP_SECONDS)
        said = [line.strip() for line in self._log if line.strip()]
        reasons = [line for line in said if REASON.match(line)] or said
        code = self._process.poll()
        why = reasons[-1] if reasons else f"exit code {code}"
        return f"this run's own Prefect server ended: {why}"

    def watch(self, lost: Callable[[str], None]) -> None:
        """Call `lost` with the reason, in a thread, when the server dies before it is stopped."""

        def wait() -> None:
            assert self._process is not None
            self._process.wait()
            if self._is_wanted:
                lost(self.reason())

        if self._process is not None:
            threading.Thread(target=wait, name="server-watch", daemon=True).start()

    def stop(self) -> None:
        """End a process of our own."""
        self._is_wanted = False
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(STOP_SECONDS)
        if self._process.stderr is not None:
            self._process.stderr.close()

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._log.append(line.decode("utf-8", "replace"))


@contextlib.contextmanager
def api_server() -> Iterator[Api]:
    """The API at PREFECT_API_URL if that is set, else a server of our own."""
    check_home()
    configured = configured_url()
    if configured is not None:
        wait_until_up(configured, ANSWER_SECONDS)
        yield Api(configured)
        return
    with socket.socket() as place:  # handed over, so that nobody else can get its port
        place.bind(("127.0.0.1", 0))
        port = place.getsockname()[1]
        process = subprocess.Popen(
            command("flows.runner.server", str(place.fileno()), str(os.getpid())),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**child_environment(), **OF_OURS},
            pass_fds=[place.fileno()],
            start_new_session=True,  # Ctrl-C must reach the run first, which has states to report
        )
    api = Api(f"http://127.0.0.1:{port}/api", process)
    os.environ["PREFECT_API_URL"] = api.url
    own_urls.add(api.url)
    try:
        yield api
    finally:
        os.environ.pop("PREFECT_API_URL", None)
        api.stop()


def check_home() -> None:
    """Make Prefect's folder, and try whether it can keep files there.

    Raises:
        UserError: it can't; Prefect itself would say so late and at length.
    """
    home = _home()
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home) as file:
            file.write(bytes(ROOM_BYTES))
    except OSError as error:
        raise UserError(
            f"Prefect can't write in {home} ({error.strerror}): set PREFECT_HOME to a folder"
            " that can be written"
        ) from error


def _home() -> Path:
    try:
        return Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser().absolute()
    except RuntimeError:  # neither HOME nor an entry of the user
        raise UserError(
            "Prefect needs a folder for its files, and there is no HOME: set PREFECT_HOME"
        ) from None


def configured_url() -> str | None:
    """PREFECT_API_URL from the environment or from Prefect's active profile, without Prefect."""
    if url := os.environ.get("PREFECT_API_URL"):
        return _checked(url, "PREFECT_API_URL")
    path = Path(os.environ.get("PREFECT_PROFILES_PATH") or _home() / "profiles.toml")
    if not path.is_file():
        return None
    try:
        profiles = tomllib.loads(path.read_text(encoding="utf-8"))
        active = os.environ.get("PREFECT_PROFILE", profiles.get("active", ""))
        url = profiles.get("profiles", {}).get(active, {}).get("PREFECT_API_URL")
    except (ValueError, AttributeError, OSError) as error:
        raise UserError(f"Prefect's profiles {path}: {error}") from error
    return _checked(str(url), f"PREFECT_API_URL of {path}") if url else None


def _checked(url: str, where: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is none, half of an IPv6 address
        good = False
    if not good:
        raise UserError(f"{where} is {url!r}, no address: http://HOST:4200/api, or unset it")
    return url


def check_shared() -> None:
    """See that a server answers which a cluster can use: none that a command started for itself.

    Raises:
        UserError: none does.
    """
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


def wait_until_up(url: str, timeout_seconds: float) -> None:
    """Return once the API answers; one that takes our question, but is busy, gets longer.

    Args:
        url: of the API.
        timeout_seconds: for it to answer.

    Raises:
        ServerNotStarted: it did not.
    """
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if is_up(url, BUSY_SECONDS):
            return
        time.sleep(POLL_SECONDS)
    raise ServerNotStarted(
        f"no Prefect server answers at {url} after {timeout_seconds:g} s: start it, or unset"
        " PREFECT_API_URL"
    )


def is_up(url: str, seconds: float = 2.0) -> bool:
    """Whether a Prefect API answers there."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=seconds) as response:  # noqa: S310
            return bool(response.status == 200)
    except (OSError, ValueError, http.client.HTTPException):  # it may be no server of HTTP at all
        return False


def _serve(place: int, owner_pid: int) -> int:
    die_with_parent(owner_pid)
    import uvicorn

    app = "prefect.server.api.server:create_app"
    server = uvicorn.Server(uvicorn.Config(app, factory=True, log_level="error"))
    server.run([socket.socket(fileno=place)])
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(_serve(int(sys.argv[1]), int(sys.argv[2])))
