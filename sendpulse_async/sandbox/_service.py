"""An app at an address: its listening socket, and the thread that it is served in."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Final

from ._guard import is_address, is_loopback
from ._server import Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._app import App

_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  only where allow_remote is set


class Service:
    """Starts and stops the server of an app; safe to use from any thread.

    Args:
        app: What to serve.
        host: A loopback address, or `localhost`; with `allow_remote` any address.
        port: The port to listen on. 0: a free one.
        allow_remote: Listen to other machines too if `host` says so.

    Raises:
        ValueError: `host` is not loopback, or no address, or `port` is none.
    """

    def __init__(self, app: App, host: str, port: int, *, allow_remote: bool) -> None:
        if allow_remote and not is_loopback(host) and not is_address(host):
            raise ValueError(f"host must be an IP address or localhost, not {host!r}")
        if not allow_remote and not is_loopback(host):
            raise ValueError(
                f"host must be a loopback address or localhost, not {host!r}, unless allow_remote is set: "
                "the sandbox has no passwords"
            )
        if not 0 <= port <= 65535:
            raise ValueError(f"port must be from 0 to 65535, not {port}")
        self._app = app
        self._host = host
        self._port = port
        self._lock = threading.Lock()
        self._origin: str | None = None
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def origin(self) -> str:
        """The scheme, host and port.

        Raises:
            RuntimeError: It has not been started yet.
        """
        if self._origin is None:
            raise RuntimeError("the sandbox has no origin before it is entered")
        return self._origin

    def start(self) -> None:
        """Serve in a thread of its own; return once it serves.

        Raises:
            OSError: The port is taken.
            RuntimeError: It is running already, or the server did not start.
        """
        ready = threading.Event()
        with self._lock:
            server, listener = self._prepare(ready.set)
            thread = threading.Thread(
                target=_serve, args=(server, listener, ready.set), name="sendpulse-sandbox", daemon=True
            )
            thread.start()
            ready.wait()
            if not server.started:
                raise RuntimeError("the sandbox's server did not start")
            self._server, self._thread = server, thread

    def stop(self) -> None:
        """Stop serving and wait for the end; nothing to do is fine."""
        with self._lock:
            if self._server is not None:
                self._server.stop()
            if self._thread is not None:
                self._thread.join()
            self._server = self._thread = None

    def run(self, on_ready: Callable[[], object]) -> None:
        """Serve in the calling thread until `stop`, or in the main thread until SIGINT or SIGTERM.

        Raises:
            OSError: The port is taken.
            RuntimeError: It is running already.
        """
        with self._lock:
            server, listener = self._prepare(on_ready)
            self._server = server
        try:
            with listener:
                server.run([listener])
        finally:
            self._server = None

    def _prepare(self, on_ready: Callable[[], object]) -> tuple[Server, socket.socket]:
        if self._server is not None:
            raise RuntimeError("the sandbox is running already")
        listener = _listen(self._host, self._port)
        # What listens everywhere is reached from here by the loopback address.
        reached = _EVERYWHERE.get(self._host, self._host)
        host = f"[{reached}]" if ":" in reached else reached
        self._origin = f"http://{host}:{listener.getsockname()[1]}"
        return Server(self._app, on_ready), listener


def _serve(server: Server, listener: socket.socket, on_end: Callable[[], None]) -> None:
    try:
        with listener:
            server.run([listener])
    finally:
        on_end()


def _listen(host: str, port: int) -> socket.socket:
    # Not "localhost": where that is ::1 too, a client might try the other one first.
    address = "127.0.0.1" if host == "localhost" else host
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        listener = socket.create_server((address, port), family=family)
    except OSError as error:
        reason = str(error.strerror).partition(" (while ")[0]  # the standard library adds the address once more
        raise OSError(error.errno, f"the sandbox cannot listen on {host}:{port}: {reason}") from error
    # Its connections inherit this. asyncio sets it only on sockets that name their protocol, unlike this one; without
    # it each answer, head and body in two writes, waits 40 ms for the client's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
