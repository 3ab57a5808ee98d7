"""How far a request got when its exchange broke: `FailureKind`, and `is_handed_over` with proof or not at all.

A broken exchange may say "handed over" though nothing arrived; it must never say the contrary of a complete request.
"""

from __future__ import annotations

import socket
import threading

import anyio
import anyio.to_thread
import pytest
from carriers import OURS, carried_by, request_to, until
from fault_server import fin, read_bytes, read_request, rst, send, silence, wait

from sendpulse_async._http import FailureKind, TransportError

pytestmark = pytest.mark.anyio

HALF_SENT = b"x" * 2**20
UNREADABLE = b"x" * 2**23  # more than the kernels of both sides take, where the server's is told to take little
LITTLE = 2**16


async def failure_of(transport, request):
    with pytest.raises(TransportError) as caught:
        await transport.send(request)
    return caught.value


# Rows 1 to 3: no connection


async def test_a_refused_connection_sent_nothing(carrier, serve):
    """Row 1: nobody listens."""
    server = serve()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server.port = taken.getsockname()[1]
    request = request_to(server)

    async with carrier.open() as transport:
        failure = await failure_of(transport, request)

    assert (failure.kind, request.progress.is_handed_over) == (FailureKind.CONNECT, False)


async def test_a_name_that_does_not_resolve_sent_nothing(carrier, serve, monkeypatch):
    """Row 1: DNS failure."""

    def no_such_name(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    request = request_to(serve(), host="name.invalid")

    async with carrier.open() as transport:
        failure = await failure_of(transport, request)

    assert (failure.kind, request.progress.is_handed_over) == (FailureKind.CONNECT, False)


async def test_an_untrusted_certificate_is_told_apart(carrier, serve, authority, stranger):
    """Row 2: signed by nobody known, expired, or another host's: nothing was sent and nothing will be."""
    for context in (stranger.server(), authority.expired(), authority.server("elsewhere.example")):
        server = serve(tls=context)
        request = request_to(server)

        async with carrier.open(authority.trust) as transport:
            failure = await failure_of(transport, request)

        assert (failure.kind, request.progress.is_handed_over) == (FailureKind.CERTIFICATE, False)
        assert server.ledger == []


@pytest.mark.parametrize("fault", [silence, fin, rst, lambda link: link.send(b"HTTP/1.1 400 Not TLS\r\n\r\n")])
async def test_a_broken_handshake_sent_nothing(carrier, serve, authority, fault):
    """Row 3: the handshake stalls, ends, or is not TLS."""
    server = serve([fault])
    request = request_to(server, scheme="https")

    async with carrier.open(authority.trust, connect_timeout=0.3) as transport:
        failure = await failure_of(transport, request)

    assert (failure.kind, request.progress.is_handed_over) == (FailureKind.CONNECT, False)


async def test_an_error_dealt_with_before_says_nothing_of_the_next(carrier, serve, stranger, authority):
    """Sending elsewhere while a bad certificate is handled: the second failure is told, not the first again."""
    bad, gone = serve(tls=stranger.server()), serve()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gone.port = taken.getsockname()[1]

    async with carrier.open(authority.trust) as transport:
        try:
            await transport.send(request_to(bad))
        except TransportError:
            failure = await failure_of(transport, request_to(gone))

    assert failure.kind is FailureKind.CONNECT


# Rows 4 and 9: on an open connection


@pytest.mark.parametrize("fault", [fin, rst])
async def test_a_connection_closed_before_the_first_byte_sent_nothing(carrier, serve, authority, tls, fault):
    """Row 4: accept, then FIN or RST, which the event loop saw while `before_first_byte` ran."""
    go = threading.Event()
    server = serve([wait(go), fault], tls=tls)

    async def before():
        go.set()
        await until(server, lambda server: server.closed)

    request = request_to(server, HALF_SENT, before_first_byte=before)
    async with carrier.open(authority.trust) as transport:
        failure = await failure_of(transport, request)

    assert (failure.kind, server.ledger) == (FailureKind.EXCHANGE, [])
    if carrier.is_own:  # a client looks at its socket when it reads, so a FIN is no proof there
        assert not request.progress.is_handed_over


@pytest.mark.parametrize("body", [b"{}", HALF_SENT, UNREADABLE], ids=["2-B", "1-MB", "8-MB"])
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param([fin], id="fin"),
        pytest.param([rst], id="rst"),
        pytest.param([read_bytes(100), rst], id="100-rst"),
        pytest.param([read_bytes(2**19), rst], id="half-rst"),
    ],
)
async def test_a_connection_broken_on_the_way_is_judged_by_proof(carrier, serve, authority, tls, fault, body):
    """Rows 1, 4 and 9: closed or reset after nothing, within the head, after half.

    Not handed over is never said of a complete request. Of 8 MB, more than the kernels hold, it is said for sure.
    """
    server = serve(fault, tls=tls, receive_buffer=LITTLE)
    request = request_to(server, body)

    async with carrier.open(authority.trust, read_timeout=1.0) as transport:
        failure = await failure_of(transport, request)

    assert failure.kind in {FailureKind.EXCHANGE, FailureKind.CONNECT}
    assert failure.kind is FailureKind.EXCHANGE or not request.progress.is_handed_over
    assert request.progress.is_handed_over or server.ledger == []
    if len(body) == len(UNREADABLE) and carrier.is_own:  # anyio's own sockets hide a reset from who writes
        assert not request.progress.is_handed_over


@carried_by(*OURS)
@pytest.mark.skipif(not hasattr(socket, "TCP_NOTSENT_LOWAT"), reason="this system takes all it can, and tells nothing")
async def test_what_waits_in_the_operating_system_is_little(carrier, serve, authority, tls):
    """Row 4: 256 kB, which any kernel could take, are not handed over when a reset cuts off most of them."""
    server = serve([read_bytes(1000), rst], tls=tls, receive_buffer=2**14)
    request = request_to(server, b"x" * 2**18)

    async with carrier.open(authority.trust) as transport:
        failure = await failure_of(transport, request)

    assert (failure.kind, request.progress.is_handed_over) == (FailureKind.EXCHANGE, False)


async def test_a_peer_that_never_reads_has_no_request(carrier, serve, authority, tls):
    """Row 4: bytes were still behind when the time was up."""
    server = serve([silence], tls=tls, receive_buffer=LITTLE)
    request = request_to(server, UNREADABLE)

    async with carrier.open(authority.trust, read_timeout=0.3) as transport:
        failure = await failure_of(transport, request)

    assert (failure.kind, request.progress.is_handed_over) == (FailureKind.EXCHANGE, False)


async def test_a_request_cancelled_on_the_way_is_not_handed_over(carrier, serve, authority, tls):
    """Row 4: cancelled while bytes were behind; none of them leaves later."""
    is_over = threading.Event()
    server = serve([read_bytes(1000), wait(is_over), read_request], tls=tls, receive_buffer=LITTLE)
    request = request_to(server, UNREADABLE)

    async with carrier.open(authority.trust) as transport:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(transport.send, request)
            await until(server, lambda server: server.bytes_seen >= 1000)
            tasks.cancel_scope.cancel()
        is_over.set()
        await until(server, lambda server: server.closed)

    assert (request.progress.is_handed_over, server.ledger) == (False, [])


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param([fin], id="fin"),
        pytest.param([rst], id="rst"),
        pytest.param([silence], id="silence"),
        pytest.param([send(b"HTTP/1.1 20"), fin], id="partial-status-line"),
        pytest.param([send(b"HTTP/1.1 200 OK\r\nContent-"), silence], id="stalled-head"),
        pytest.param([send(b"\x16\x03garbage\r\n\r\n"), silence], id="garbage"),
        pytest.param([send(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), silence], id="no-colon"),
        pytest.param([send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")], id="two-lengths"),
        pytest.param([send(b"HTTP/1.1 200 OK\r\n" + b"X-A: %b\r\n" % (b"y" * 1000) * 200)], id="200-kB-head"),
        pytest.param([send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), silence], id="101"),
    ],
)
async def test_a_whole_request_without_an_answer_is_handed_over(carrier, serve, authority, tls, fault):
    """Row 9: the server has all of it, and says nothing, or no HTTP."""
    server = serve([read_request, *fault], tls=tls)
    request = request_to(server)

    async with carrier.open(authority.trust, read_timeout=0.3) as transport:
        failure = await failure_of(transport, request)

    assert (failure.kind, request.progress.is_handed_over, request.progress.head) == (FailureKind.EXCHANGE, True, None)
    assert len(server.ledger) == 1


@carried_by(*OURS)
async def test_an_early_answer_counts_though_the_request_was_not_complete(carrier, serve):
    """A server may refuse from the head alone: its answer is one, and the last byte surely stayed."""
    refusal = b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
    server = serve([read_bytes(1000), send(refusal), silence], receive_buffer=LITTLE)
    request = request_to(server, UNREADABLE)

    async with carrier.open(read_timeout=0.3) as transport:
        response = await transport.send(request)

    assert (response.status_code, response.body) == (413, b"{}")
    assert (request.progress.is_handed_over, server.ledger) == (False, [])
