"""A raw-socket server in threads of its own: it plays a script to each connection and keeps a ledger.

A script is a list of steps, each a function of the connection's `Link`. A complete request is in the ledger before the
next step plays, so a fault never hides what the server had in its hands.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Sequence

import attrs

PATIENCE = 20.0  # seconds after which a wait has failed; far more than any of them needs
_CHUNK = 64 * 1024
OK_BODY = b'{"result":true}'


def answer(body: bytes = OK_BODY, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    head = [b"HTTP/1.1 " + status, b"Content-Type: application/json", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join([*head, b"", body])


OK = answer()


@attrs.frozen
class Received:
    """One complete request."""

    connection: int
    head: bytes
    body: bytes

    @property
    def request_line(self) -> bytes:
        return self.head.split(b"\r\n", 1)[0]

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        return [tuple(line.split(b": ", 1)) for line in self.head.split(b"\r\n")[1:]]

    def header(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key.lower() == name]


class GoneError(Exception): ...


class Link:
    """One accepted connection, as its script sees it."""

    def __init__(self, server: FaultServer, number: int, sock: socket.socket) -> None:
        self.server = server
        self.number = number
        self.sock = sock
        self._tls: ssl.SSLObject | None = None
        self._plain = bytearray()
        self.waiting = 0

    def handshake(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                self._incoming.write(self._received(_CHUNK))
            except ssl.SSLError:  # the client refused our certificate
                self._flush()
                raise GoneError from None
            else:
                self._tls.write(self.server.greeting)
                return self._file(0)  # a request may have come with the last of the handshake

    def send(self, *parts: bytes) -> None:
        """Send at once; over TLS each part is a record."""
        if self._tls is None:
            return self.sock.sendall(b"".join(parts))
        for part in parts:
            self._tls.write(part)
        return self._flush()

    def pump(self, limit: int = _CHUNK) -> int:
        """Take what came, at most `limit` bytes of the wire; file what is complete by now."""
        data = self._received(limit)
        if self._tls is None:
            self._plain += data
        else:
            self._incoming.write(data)
        self._file(len(data))
        return len(data)

    def peek(self) -> bytes:
        return bytes(self._plain) or self.peek_socket()

    def peek_socket(self) -> bytes:
        try:
            return self.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return b""

    def take_request(self) -> None:
        while not self.waiting:
            self.pump()
        self.waiting -= 1

    def refuse(self) -> None:
        """File the latest request apart from the ledger: what follows says that it is not taken."""
        with self.server.changed:
            place = max(place for place, seen in enumerate(self.server.ledger) if seen.connection == self.number)
            self.server.refused.append(self.server.ledger.pop(place))

    def abort(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _received(self, limit: int) -> bytes:
        if data := self.sock.recv(limit):
            return data
        raise GoneError

    def _flush(self) -> None:
        if self._outgoing.pending:
            self.sock.sendall(self._outgoing.read())

    def _file(self, count: int) -> None:
        if self._tls is not None:
            self._flush()
            self._decrypt()
        while self._file_one():
            self.waiting += 1
        with self.server.changed:
            self.server.bytes_seen += count
            self.server.changed.notify_all()

    def _decrypt(self) -> None:
        while True:
            try:
                data = self._tls.read(_CHUNK)
            except ssl.SSLWantReadError:
                return
            except ssl.SSLError:
                raise GoneError from None
            if not data:
                raise GoneError
            self._plain += data

    def _file_one(self) -> bool:
        head_ends = self._plain.find(b"\r\n\r\n")
        if head_ends < 0:
            return False
        request = Received(self.number, bytes(self._plain[:head_ends]), b"")
        ends = head_ends + 4 + int((request.header(b"content-length") or [b"0"])[0])
        if len(self._plain) < ends:
            return False
        body = bytes(self._plain[head_ends + 4 : ends]) if self.server.is_body_kept else b""
        del self._plain[:ends]
        with self.server.changed:
            self.server.ledger.append(attrs.evolve(request, body=body))
            self.server.changed.notify_all()
        return True


Step = Callable[[Link], None]


read_request: Step = Link.take_request
refuse: Step = Link.refuse
rst: Step = Link.abort


def healthy(link: Link) -> None:
    while True:
        link.take_request()
        link.send(OK)


def fin(link: Link) -> None:
    link.sock.shutdown(socket.SHUT_WR)
    link.sock.close()


def silence(link: Link) -> None:
    """Read nothing and say nothing until the server stops."""
    link.server.is_stopping.wait()


def drain(link: Link) -> None:
    while True:
        link.pump()


def read_bytes(count: int) -> Step:
    def step(link: Link) -> None:
        left = count
        while left and not link.waiting:
            left -= link.pump(min(left, _CHUNK))

    return step


def send(*parts: bytes) -> Step:
    return lambda link: link.send(*parts)


def pour(*parts: bytes) -> Step:
    """Send the same for as long as anybody takes it."""

    def step(link: Link) -> None:
        while True:
            link.send(*parts)

    return step


def drip(data: bytes, seconds: float, size: int = 1) -> Step:
    """Send piece by piece, at a pace: the pause is the fault itself."""

    def step(link: Link) -> None:
        for start in range(0, len(data), size):
            link.send(data[start : start + size])
            if link.server.is_stopping.wait(seconds):
                return

    return step


def wait(event: threading.Event) -> Step:
    def step(link: Link) -> None:
        assert event.wait(PATIENCE), "nobody set the event"

    return step


def tell(event: threading.Event) -> Step:
    return lambda link: event.set()


class FaultServer:
    """Plays `scripts`: the first to the first connection, and the last one to all that follow.

    Args:
        tls: Handshakes before each script.
        receive_buffer: Bytes that the kernel takes for each connection; 0: what it likes.
        is_open: Listen at once. Otherwise the port is taken but refuses connections until `open` is called.

    Attributes:
        ledger: Complete requests; `refused`: those that a script took out of it again.
        accepted: Connections so far; `closed`: those that ended. `bytes_seen`: after the TLS handshake.
        greeting: What a server sends unasked, in the segment that ends a TLS handshake.
    """

    def __init__(
        self,
        *scripts: Sequence[Step],
        tls: ssl.SSLContext | None = None,
        receive_buffer: int = 0,
        is_open: bool = True,
    ) -> None:
        self.scripts = scripts or ([healthy],)
        self.ledger: list[Received] = []
        self.refused: list[Received] = []
        self.accepted = self.closed = self.bytes_seen = 0
        self.is_body_kept = True
        self.greeting = b""
        self.changed = threading.Condition()
        self.is_stopping = threading.Event()
        self.scheme = "http" if tls is None else "https"
        self._tls = tls
        self._faults: list[BaseException] = []
        self._links: dict[threading.Thread, socket.socket] = {}
        self._fillers: list[socket.socket] = []
        self._is_open = is_open
        self._listener = socket.socket()
        if receive_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind(("127.0.0.1", 0))
        self.host, self.port = self._listener.getsockname()
        self._thread = threading.Thread(target=self._accept)

    def open(self) -> None:
        """Listen, and accept what comes; once."""
        for filler in self._fillers:
            filler.close()
        self._listener.listen(256)
        self._thread.start()

    def listen_without_accepting(self) -> None:
        """Fill the queue of connections, so that the kernel drops all further ones: nobody is refused or served."""
        self._listener.listen(0)
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((self.host, self.port))
            self._fillers.append(filler)

    def __enter__(self) -> FaultServer:
        if self._is_open:
            self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_stopping.set()
        for filler in self._fillers:
            filler.close()
        if self._thread.ident is not None:  # it was started
            socket.create_connection(self._listener.getsockname()).close()  # wakes the accepting thread
            self._thread.join(PATIENCE)
        for sock in list(self._links.values()):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in list(self._links):
            thread.join(PATIENCE)
        self._listener.close()
        assert not self._links, "a connection's script did not end"
        if self._faults:
            raise self._faults[0]

    def wait_for(self, is_true: Callable[[FaultServer], bool]) -> None:
        """Wait until something is true of the server; for a thread that may block."""
        with self.changed:
            assert self.changed.wait_for(lambda: is_true(self), PATIENCE), "the server never came to this"

    def bodies(self) -> list[bytes]:
        return [request.body for request in self.ledger]

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self.is_stopping.is_set():
                return sock.close()
            self._begin(sock)

    def _begin(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = Link(self, self.accepted, sock)
        script = self.scripts[min(self.accepted, len(self.scripts) - 1)]
        thread = threading.Thread(target=self._play, args=(link, script))
        self._links[thread] = sock
        with self.changed:
            self.accepted += 1
            self.changed.notify_all()
        thread.start()

    def _play(self, link: Link, script: Sequence[Step]) -> None:
        try:
            if self._tls is not None:
                link.handshake(self._tls)
            for step in script:
                step(link)
        except (GoneError, OSError):
            pass
        except BaseException as fault:  # noqa: BLE001 - raised when the server is closed
            self._faults.append(fault)
        finally:
            link.sock.close()
            del self._links[threading.current_thread()]
            with self.changed:
                self.closed += 1
                self.changed.notify_all()
