"""The application on a port: uvicorn, with the limits that it has none of.

In: an application and its models. Out: a process that answers until it is told to stop. A signal
ends it gracefully: what runs is finished, what waits is refused; a second one ends it at once. A
connection that says nothing, or one too many, is closed.
"""

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from pipeline.serve.config import ServeConfig
from pipeline.serve.event_stream import ABORT
from pipeline.serve.loaded_models import LoadedModels
from storage.errors import UserError

try:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as HttpProtocol
except ImportError:
    from uvicorn.protocols.http.h11_impl import H11Protocol as HttpProtocol  # type: ignore[assignment]

BACKLOG = 2_048  # uvicorn's
MAX_HEAD_BYTES = 65_536  # h11's limit of its own kind is 16 KiB, httptools has none

logger = logging.getLogger("crawl2chat.serve")


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens, before anything is loaded for it.

    Args:
        host: an address or name of this machine.
        port: 0: any that is free.

    Raises:
        UserError: somebody else listens there, or this machine has no such address.
    """
    name = host.strip("[]")
    try:
        family, _, _, _, address = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)[0]
        # By the protocol's name asyncio knows whose small pieces it may send without delay.
        opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except (OSError, UnicodeError) as error:
        raise UserError(f"--host {host}: {_reason(error)}") from None
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(BACKLOG)
    except OSError as error:
        opened.close()
        if error.errno == errno.EADDRINUSE:
            raise UserError(
                f"port {port} of {host} is in use: choose another with --port, 0 for any"
            ) from None
        raise UserError(f"{host}:{port}: {_reason(error)}") from None
    return opened


def address(opened: socket.socket) -> str:
    """What clients reach a socket by."""
    host, port = opened.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def make_server(app: FastAPI, models: LoadedModels, config: ServeConfig) -> "GracefulServer":
    """What serves an application.

    Args:
        app: the application.
        models: its own.
        config: limits.
    """
    settings = uvicorn.Config(
        app,
        http=_protocol(config.max_connections, config.header_timeout_seconds),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=max(1, round(config.keep_alive_seconds)),
        timeout_graceful_shutdown=max(1, round(config.drain_seconds)),
    )
    return GracefulServer(settings, models)


def run(server: "GracefulServer", opened: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until a signal comes, and what ran then is finished.

    Args:
        server: from `make_server`.
        opened: where to listen; is closed.
        ready: called once the default model is loaded.

    Raises:
        UserError: the default model can't be loaded.
    """
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(_serve(server, opened, ready))


class GracefulServer(uvicorn.Server):
    """Ends when a signal comes: what runs is finished, what waits is refused.

    Args:
        config: uvicorn's.
        models: of the application.
    """

    def __init__(self, config: uvicorn.Config, models: LoadedModels) -> None:
        super().__init__(config)
        self.models = models

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal asks for the end, the second is the end."""
        if self.should_exit:
            os._exit(128 + sig)  # nothing is lost: there is nothing that is kept
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what runs."""
        logger.info("shutting down: what runs is finished")
        self.models.drain()
        await super().shutdown(sockets)


async def _serve(server: GracefulServer, opened: socket.socket, ready: Callable[[], None]) -> None:
    with opened:
        await server.models.load_default()
        ready()
        await server.serve(sockets=[opened])


def _protocol(max_connections: int, header_seconds: float) -> type[asyncio.Protocol]:
    """Uvicorn's protocol, for connections that may be cut off."""

    class GuardedProtocol(HttpProtocol):
        """Closes connections that are too many or say nothing."""

        _timer: asyncio.TimerHandle | None = None
        _head_bytes = 0  # of a request whose head isn't whole
        _idle_since: Any = ...  # the request after which nothing came; None: there was none

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            # Closing waits until the client has taken what is written: this does not.
            self.app_state = {**self.app_state, ABORT: transport.abort}
            if len(self.connections) > max_connections:
                transport.abort()
            else:
                self._look()

        def connection_lost(self, exc: Exception | None) -> None:
            if self._timer is not None:
                self._timer.cancel()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._head_bytes = self._head_bytes + len(data) if self._idle else 0
            if self._head_bytes > MAX_HEAD_BYTES:
                self.transport.abort()

        @property
        def _idle(self) -> bool:
            return self.cycle is None or self.cycle.response_complete

        def _look(self) -> None:
            """Between two looks a whole request's head must have come, or one be under way."""
            idle = self._idle
            if idle and self._idle_since is self.cycle:
                self.transport.abort()
                return
            self._idle_since = self.cycle if idle else ...
            self._timer = asyncio.get_running_loop().call_later(header_seconds, self._look)

    return GuardedProtocol


def _reason(error: OSError | UnicodeError) -> str:
    words = getattr(error, "strerror", None) or str(error)
    return f"{words}: name an address of this machine"
