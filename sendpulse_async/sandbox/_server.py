"""The web server below a sandbox: uvicorn on a socket that is already bound, stopped from any thread."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import uvicorn  # pip install 'sendpulse-async[sandbox]'
from uvicorn.protocols.http.h11_impl import H11Protocol

from ._doors import TRANSPORT

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from types import FrameType

    from ._app import App

_LAST_TURNS: Final = 5
"""Of the loop: a connection that was accepted a moment ago shows up a few turns later."""
_LAST_SECONDS: Final = 0.1
_HEARTBEAT: Final = 0.2


class _Protocol(H11Protocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        # Each request's scope gets a copy of this state; a fault needs the transport to break the connection.
        self.app_state = {**self.app_state, TRANSPORT: transport}
        super().connection_made(transport)


class Server(uvicorn.Server):
    """Serves an app, says when it does, and stops at once on request.

    Args:
        app: What to serve.
        on_ready: Called in the server's thread once it serves.
    """

    def __init__(self, app: App, on_ready: Callable[[], object]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="asyncio",
                http=_Protocol,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                log_level="warning",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
            )
        )
        self._on_ready = on_ready
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Let it end soon, or not begin; safe from any thread and from a signal's handler."""
        self.should_exit = True
        if self._loop is not None:
            # A loop that is closed has ended already.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stopping.set)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until `stop`."""
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        await super().startup(sockets)
        self._on_ready()

    async def main_loop(self) -> None:
        """Wait for the stop, which ends the wait at once where uvicorn's own looks at a flag every 0.1 s.

        It wakes now and then all the same: a signal that comes just before the loop goes to sleep is seen by Python
        when it wakes.
        """
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _HEARTBEAT)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002  uvicorn's signature
        """End; requests that a fault holds back end with their connections.

        Unlike uvicorn's own it waits for no client, and does not sleep.
        """
        for server in self.servers:
            server.close()
        for _ in range(_LAST_TURNS):
            for connection in list(self.server_state.connections):
                connection.transport.abort()
            await asyncio.sleep(0)
            if self.server_state.tasks:
                await asyncio.wait(self.server_state.tasks, timeout=_LAST_SECONDS)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  uvicorn's signature
        """Stop on a signal, and do not raise it again afterwards as uvicorn would."""
        self.stop()
