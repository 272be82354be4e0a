"""A server of a run's own, and one that others use: reached, however busy the machine is."""

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

import pytest

from flows.runner.server import api_server, wait_until_up


def test_nobody_else_gets_the_port_before_the_server_listens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with api_server() as api, socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", urlsplit(api.url).port))


def test_a_server_that_is_busy_is_waited_for() -> None:
    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(2.5)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        wait_until_up(f"http://127.0.0.1:{server.server_port}/api", 0.1)
        server.shutdown()
