"""The carriers that share one contract, certificates for servers that they meet, and requests to them."""

from __future__ import annotations

import contextlib
import datetime
import ssl
from importlib.util import find_spec

import anyio.to_thread
import attrs
import httpx
import httpx2
import pytest
import trustme
from fault_server import PATIENCE

from sendpulse_async import HttpxTransport
from sendpulse_async._http import Progress, Request, Target
from sendpulse_async.transports._connections import MockableConnection
from sendpulse_async.transports._llhttp import DirectConnection
from sendpulse_async.transports._settings import Timeouts
from sendpulse_async.transports.direct import DirectTransport

PATH = "/events/id/eb561baa181247d1cd378c4ead632877/7043663"
BODY = b'{"email":"someone@example.com"}'


@attrs.frozen
class Carrier:
    """One way to carry a request: over connections of our own, or over a client of the caller's."""

    name: str
    backend: object
    client: object = None
    transport: object = HttpxTransport

    def __str__(self) -> str:
        return self.name

    @property
    def is_own(self) -> bool:
        return self.client is None

    def make_connection(self, target, tls):
        """One of our own connections, that its first request will open."""
        kind = DirectConnection if self.transport is DirectTransport else MockableConnection
        return kind(Timeouts(PATIENCE, PATIENCE), target, tls)

    @contextlib.asynccontextmanager
    async def open(self, tls=None, **options):
        """A transport that trusts `tls`; it and its client are closed at the end."""
        options = {"connect_timeout": PATIENCE, "read_timeout": PATIENCE, **options}
        async with contextlib.AsyncExitStack() as stack:
            if self.is_own:
                options["ssl_context"] = tls
            else:
                client = self.client.AsyncClient(verify=tls or ssl.create_default_context(), trust_env=False)
                options["client"] = await stack.enter_async_context(client)
            yield await stack.enter_async_context(self.transport(**options))


OWN = Carrier("own", "asyncio")
OWN_ON_TRIO = Carrier("own-on-trio", "trio")
DIRECT = Carrier("direct", "asyncio", transport=DirectTransport)
# Where uvloop is installed, all is played on it too: it is what a web service of today runs on.
UVLOOP = ("asyncio", {"use_uvloop": True})
OWN_ON_UVLOOP = [Carrier("own-on-uvloop", UVLOOP)] if find_spec("uvloop") else []
DIRECT_ON_UVLOOP = [Carrier("direct-on-uvloop", UVLOOP, transport=DirectTransport)] if find_spec("uvloop") else []
ON_UVLOOP = (*OWN_ON_UVLOOP, *DIRECT_ON_UVLOOP)
MOCKABLE = (OWN, OWN_ON_TRIO, *OWN_ON_UVLOOP)
"""Of our own transports, that which a user's respx mocks."""
OURS = (*MOCKABLE, DIRECT, *DIRECT_ON_UVLOOP)
HTTPX = Carrier("httpx", "asyncio", httpx)
HTTPX2 = Carrier("httpx2", "asyncio", httpx2)
ALL = (*OURS, HTTPX, HTTPX2)


def carried_by(*carriers):
    """Play a test on these carriers alone."""
    return pytest.mark.parametrize("carrier", carriers, ids=str, indirect=True)


class Authority:
    """Certificates of a private authority, and what trusts it."""

    def __init__(self):
        self._ca = trustme.CA()

    def server(self, *names, **options):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*(names or ("127.0.0.1",)), **options).configure_cert(context)
        return context

    def expired(self):
        day = datetime.timedelta(days=1)
        now = datetime.datetime.now(datetime.UTC)
        return self.server(not_before=now - 3 * day, not_after=now - day)

    @property
    def trust(self):
        context = ssl.create_default_context()
        self._ca.configure_trust(context)
        return context


def request_to(server, body=BODY, path=PATH, headers=(), **options):
    """A POST with the head that the senders give, and more headers."""
    target = Target(options.pop("scheme", server.scheme), options.pop("host", server.host), server.port, path)
    head = (
        (b"Host", target.authority.encode()),
        (b"User-Agent", b"test/1"),
        (b"Accept-Encoding", b"identity"),
        (b"Content-Length", str(len(body)).encode()),
    )
    return Request(target, (*head, *headers), body, progress=Progress(), **options)


async def until(server, is_true):
    """Wait for something to be true of the server while the event loop runs on."""
    await anyio.to_thread.run_sync(server.wait_for, is_true)
