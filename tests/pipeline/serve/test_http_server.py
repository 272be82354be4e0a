"""The server on a true port: clients that leave, stall, say nothing; and how it ends."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from model_server import LONG, Served, listening, make_served

from pipeline.serve import http_server
from pipeline.serve.config import ServeConfig
from storage.errors import UserError

ENDLESS = {"prompt": "x", "max_tokens": LONG, "n": 8, "ignore_eos": True}


def soon(condition: Any, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@contextlib.contextmanager
def said(url: str, body: Any, receive_bytes: int = 0) -> Iterator[socket.socket]:
    """A connection over which a request was sent."""
    host, _, port = url.removeprefix("http://").partition(":")
    content = json.dumps(body).encode()
    with socket.socket() as opened:
        if receive_bytes:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        opened.connect((host, int(port)))
        head = (
            "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        )
        opened.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        yield opened


def is_free(served: Served) -> bool:
    return served.rows == 0 and served.queued == 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_goes_away_frees_its_rows(model_folder: Path, stream: bool) -> None:
    served = make_served(model_folder)
    with listening(served) as url:
        loop = served.models.loaded["tiny"].loop
        for _ in range(3):
            with said(url, ENDLESS | {"stream": stream}) as opened:
                soon(lambda: served.rows == 8)
                if stream:
                    assert b"200 OK" in opened.recv(1_000)
            soon(lambda: is_free(served))
        # far less was made than was asked for: nobody went on to the end
        assert loop.rows.sampled_tokens < 3 * 8 * LONG
        answer = httpx.post(f"{url}/v1/completions", json={"prompt": "x", "max_tokens": 3})
        assert answer.status_code == 200
        page = httpx.get(f"{url}/metrics").text
        status = "200" if stream else "499"
        assert f'route="/v1/completions",status="{status}"' in page
        assert 'crawl2chat_active_rows{model="tiny"} 0.0' in page


def test_a_client_that_goes_away_while_it_waits_is_taken_off_the_queue(model_folder: Path) -> None:
    served = make_served(model_folder, config=ServeConfig(max_rows=8))
    with listening(served) as url, said(url, ENDLESS | {"stream": True}) as first:
        soon(lambda: served.rows == 8)
        with said(url, ENDLESS), said(url, ENDLESS | {"stream": True}):
            soon(lambda: served.queued == 2)
            assert served.rows == 8
        soon(lambda: served.queued == 0)
        first.close()
        soon(lambda: is_free(served))


def test_a_client_that_takes_nothing_is_cut_off(model_folder: Path) -> None:
    served = make_served(model_folder, config=ServeConfig(stalled_client_seconds=0.3))
    much = ENDLESS | {"stream": True, "logprobs": 20}
    with listening(served) as url, said(url, much, receive_bytes=4_096) as opened:
        soon(lambda: served.rows == 8)
        soon(lambda: is_free(served))
        assert served.models.loaded["tiny"].loop.rows.sampled_tokens < 8 * LONG
        with contextlib.suppress(ConnectionResetError):  # the kernel's buffers, then the end
            while opened.recv(1 << 16):
                pass
        assert httpx.get(f"{url}/health").status_code == 200


def test_a_connection_that_says_nothing_is_closed(model_folder: Path) -> None:
    served = make_served(model_folder, config=ServeConfig(header_timeout_seconds=0.2))
    with listening(served) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        for start in (b"", b"GET /health HTTP/1.1\r\nHost: loc"):
            with socket.create_connection((host, int(port)), timeout=20) as opened:
                opened.sendall(start)
                with contextlib.suppress(ConnectionResetError):
                    assert opened.recv(10) == b""
        # a request that takes longer than that is none of these
        with said(url, ENDLESS) as opened:
            opened.settimeout(60)
            assert b"200 OK" in opened.recv(100)


def test_a_head_without_end_is_cut_off(model_folder: Path) -> None:
    with listening(make_served(model_folder)) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=20) as opened:
            opened.sendall(b"GET /health HTTP/1.1\r\n")
            with pytest.raises(OSError, match=r"reset|[Bb]roken"):
                talk_on(opened)
        assert httpx.get(f"{url}/health", headers={"x": "y" * 8_000}).status_code == 200


def talk_on(opened: socket.socket) -> None:
    for _ in range(10_000):
        opened.sendall(b"X-Filler: " + b"x" * 1_000 + b"\r\n")


def test_connections_beyond_the_limit_are_closed(model_folder: Path) -> None:
    served = make_served(
        model_folder, config=ServeConfig(max_connections=2, header_timeout_seconds=300)
    )
    with listening(served) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        with contextlib.ExitStack() as stack:
            opened = [
                stack.enter_context(socket.create_connection((host, int(port)), timeout=20))
                for _ in range(3)
            ]
            with contextlib.suppress(ConnectionResetError):
                assert opened[2].recv(10) == b""
        soon(lambda: httpx_ok(url))


def httpx_ok(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{url}/health").status_code == 200
    return False


def test_requests_beyond_the_limit_are_refused(model_folder: Path) -> None:
    served = make_served(model_folder, config=ServeConfig(max_requests=1))
    with listening(served) as url, said(url, ENDLESS | {"stream": True}):
        soon(lambda: served.rows == 8)
        answer = httpx.get(f"{url}/v1/models")
        assert answer.status_code == 429
        assert answer.headers["retry-after"] == "1"
        assert answer.json()["error"]["code"] == "busy"


def test_what_runs_is_finished_when_the_server_ends(model_folder: Path) -> None:
    served = make_served(model_folder, config=ServeConfig(max_rows=8))

    async def ask(url: str) -> list[httpx.Response]:
        async with httpx.AsyncClient(timeout=60) as client:
            runs = asyncio.ensure_future(client.post(f"{url}/v1/completions", json=ENDLESS))
            while not served.rows:
                await asyncio.sleep(0.002)
            waits = asyncio.ensure_future(client.post(f"{url}/v1/completions", json=ENDLESS))
            while not served.queued:
                await asyncio.sleep(0.002)
            served.models.drain()
            ready = asyncio.ensure_future(client.get(f"{url}/ready"))
            return [await runs, await waits, await ready]

    with listening(served) as url:
        runs, waits, ready = asyncio.run(ask(url))
    assert runs.status_code == 200
    assert runs.json()["usage"]["completion_tokens"] == 8 * LONG
    for refused in (waits, ready):
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
        assert refused.json()["error"]["code"] == "shutting_down"


def test_ports_and_addresses_that_can_not_be_had() -> None:
    with http_server.listen("127.0.0.1", 0) as opened:
        port = opened.getsockname()[1]
        assert http_server.address(opened) == f"http://127.0.0.1:{port}"
        with pytest.raises(UserError, match=f"port {port} of 127.0.0.1 is in use"):
            http_server.listen("127.0.0.1", port)
    for host in ("no.such.host.invalid", "192.0.2.1", "a" * 300):
        with pytest.raises(UserError, match="address of this machine"):
            http_server.listen(host, 0)


def test_an_address_of_version_six() -> None:
    try:
        opened = http_server.listen("[::1]", 0)
    except UserError:
        pytest.skip("this machine has no IPv6")
    with opened:
        assert http_server.address(opened).startswith("http://[::1]:")


def test_a_small_event_waits_for_no_acknowledgement() -> None:
    """Else each stream's first event would come 40 ms late, by Nagle's algorithm."""

    async def has_no_delay() -> int:
        accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            own = writer.get_extra_info("socket")
            accepted.set_result(own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        opened = http_server.listen("127.0.0.1", 0)
        async with await asyncio.start_server(answer, sock=opened):
            _, writer = await asyncio.open_connection(*opened.getsockname())
            found = await accepted
            writer.close()
        return found

    assert asyncio.run(has_no_delay())
