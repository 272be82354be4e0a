"""`crawl2chat serve` as a process of its own, on a free port of this machine."""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from patience import PATIENCE_SECONDS

KEY_VARIABLE = "CRAWL2CHAT_API_KEY"


@dataclasses.dataclass(frozen=True)
class ServeProcess:
    """A server that answers."""

    url: str  # with /v1
    models: tuple[str, ...]
    process: "subprocess.Popen[str]"
    log: Path  # what it says on stderr

    @property
    def root(self) -> str:
        """The address without /v1."""
        return self.url.removesuffix("/v1")


@contextlib.contextmanager
def serve_process(*options: str | Path, key: str = "") -> Iterator[ServeProcess]:
    """A server with these options, until the end of the block; then it has ended by itself.

    Args:
        options: of `crawl2chat serve`.
        key: that it asks for; "" = none.
    """
    environment = {name: value for name, value in os.environ.items() if name != KEY_VARIABLE}
    if key:
        environment[KEY_VARIABLE] = key
    line = [sys.executable, "-m", "flows.cli", "serve", "--port", "0", "--json"]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("w") as errors:
            process = subprocess.Popen(
                [*line, *map(str, options)],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=environment,
            )
        try:
            assert process.stdout is not None
            said = ""
            while not said.endswith("}\n"):
                part = process.stdout.readline()
                assert part, log.read_text()
                said += part
            ready = json.loads(said)
            yield ServeProcess(ready["url"], tuple(ready["models"]), process, log)
            process.terminate()
            assert process.wait(PATIENCE_SECONDS) == 0, log.read_text()[-4000:]
        finally:
            process.kill()
            process.wait()
