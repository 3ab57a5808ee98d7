"""TLS without I/O: what goes to the socket and what comes from it, each as bytes."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

_RECORD = 16 * 1024


class TlsCodec:
    """The client's side of one connection.

    Args:
        context: Says whom to trust.
        host: Whose certificate is wanted.
    """

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    def receive(self, data: memoryview) -> None:
        """Take what came from the socket."""
        self._incoming.write(data)

    def shake_hands(self) -> bool:
        """Go on with the handshake; tell whether it is done.

        Raises:
            ssl.SSLError: It failed; a certificate is wrong.
        """
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def encrypt(self, data: bytes) -> bytes:
        """Return what has to go to the socket."""
        self._tls.write(data)
        return self._outgoing.read()

    def decrypted(self) -> Iterator[bytes]:
        """Yield all that can be read by now.

        Raises:
            ssl.SSLError: The other side closed, or what it sent is no TLS.
        """
        while True:
            try:
                yield self._tls.read(_RECORD)
            except ssl.SSLWantReadError:
                return

    def unsent(self) -> bytes:
        """Return what TLS itself has to say."""
        return self._outgoing.read()
