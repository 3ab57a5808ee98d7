"""What `DirectTransport` alone says and does; its exchanges are those of the contract and of the fault matrix."""

from __future__ import annotations

import socket
import threading
from types import SimpleNamespace

import anyio
import anyio.to_thread
import pytest
from carriers import DIRECT, DIRECT_ON_UVLOOP, Carrier, carried_by, request_to
from fault_server import OK, fin, read_request, send

from sendpulse_async import AuthorizedEventSender, ClientCredentials, ConfigurationError, TransportError
from sendpulse_async._http import FailureKind
from sendpulse_async.transports.direct import DirectTransport

pytestmark = pytest.mark.anyio
ON_TRIO = Carrier("direct-on-trio", "trio", transport=DirectTransport)


@carried_by(ON_TRIO)
async def test_it_says_that_it_is_not_for_trio(carrier, serve):
    """The error names what serves there, and nothing was sent."""
    server = serve()

    async with carrier.open() as transport:
        with pytest.raises(ConfigurationError, match="HttpxTransport"):
            await transport.send(request_to(server))

    assert server.accepted == 0


@carried_by(ON_TRIO)
async def test_it_says_so_where_a_token_is_needed_too(carrier, serve):
    """The error of a setting is not told as a token that could not be had."""
    server = serve()
    auth, url = ClientCredentials("id", "canary-secret"), f"http://127.0.0.1:{server.port}"

    async with (
        carrier.open() as transport,
        AuthorizedEventSender(auth, base_url=url, event_name="order", transport=transport) as sender,
    ):
        with pytest.raises(ConfigurationError, match="HttpxTransport"):
            await sender.send_event({"email": "someone@example.com"})


@carried_by(DIRECT)
async def test_it_knows_no_proxies(carrier):
    """It says so, and what to use."""
    with pytest.raises(ConfigurationError, match=r"^proxy: .*HttpxTransport"):
        DirectTransport(proxy="http://127.0.0.1:3128")


@carried_by(DIRECT)
async def test_its_tls_is_a_context(carrier):
    """Anything else is refused when it is made."""
    with pytest.raises(ConfigurationError, match=r"^ssl_context "):
        DirectTransport(ssl_context=True)


UNDELIMITED = b"HTTP/1.1 200 OK\r\n\r\n" + b'{"result":true}'


@carried_by(DIRECT, *DIRECT_ON_UVLOOP)
async def test_a_body_that_the_end_of_the_connection_ends_is_complete(carrier, serve, authority, tls):
    """Where nobody says how long it is; and the connection serves no more."""
    server = serve([read_request, send(UNDELIMITED), fin], [read_request, send(OK)], tls=tls)

    async with carrier.open(authority.trust) as transport:
        response = await transport.send(request_to(server))
        await transport.send(request_to(server))

    assert (response.body, response.is_body_complete) == (b'{"result":true}', True)
    assert server.accepted == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n" + b'{"result":true}',
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + b'{"result":true}',
    ],
    ids=["unknown encoding", "shorter than it says"],
)
@carried_by(DIRECT)
async def test_a_body_of_unknown_length_is_not_complete(carrier, serve, answer):
    """What ends before its end, or has none that can be known."""
    server = serve([read_request, send(answer), fin])

    async with carrier.open() as transport:
        response = await transport.send(request_to(server))

    assert not response.is_body_complete


@carried_by(DIRECT)
async def test_an_upgrade_is_no_answer(carrier, serve):
    """Nobody asked to speak something else."""
    server = serve([read_request, send(b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc"), fin])

    async with carrier.open() as transport:
        with pytest.raises(TransportError) as caught:
            await transport.send(request_to(server))

    assert caught.value.kind is FailureKind.EXCHANGE


def handshake_error(listener, context, heard):
    """Accept one connection, and note why its handshake failed."""
    connection, _ = listener.accept()
    with connection:
        try:
            context.wrap_socket(connection, server_side=True)
        except OSError as error:
            heard.append(getattr(error, "reason", None))


@carried_by(DIRECT, *DIRECT_ON_UVLOOP)
async def test_the_server_hears_why_its_certificate_was_refused(carrier, stranger, authority):
    """A TLS alert leaves before the connection ends, so that the server's log says what is wrong."""
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = SimpleNamespace(scheme="https", host="127.0.0.1", port=listener.getsockname()[1])
        thread = threading.Thread(target=handshake_error, args=(listener, stranger.server(), heard))
        thread.start()

        async with carrier.open(authority.trust) as transport:
            with pytest.raises(TransportError) as caught:
                await transport.send(request_to(server))
        await anyio.to_thread.run_sync(thread.join)

    assert caught.value.kind is FailureKind.CERTIFICATE
    assert heard == ["TLSV1_ALERT_UNKNOWN_CA"]
