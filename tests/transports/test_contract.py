"""What every transport promises of an exchange, whoever opened the connection below it."""

from __future__ import annotations

import socket
import threading

import anyio
import anyio.to_thread
import pytest
from carriers import BODY, DIRECT, HTTPX, HTTPX2, OURS, OWN, PATH, carried_by, request_to, until
from fault_server import OK, OK_BODY, PATIENCE, answer, drain, healthy, read_request, send, tell, wait

from sendpulse_async import ConfigurationError, HttpxTransport, Transport

pytestmark = pytest.mark.anyio

BIG = bytes(range(256)) * 4096  # 1 MB of every byte
ODD_PATH = "/events/id/a%20b%2f%7e/x%C3%A9//y;p=1,2'(3)*!$&:@?q=a%26b&r=%27/?"
NO_ROOM = (b"Transfer-Encoding: chunked\r\n\r\n", b"Content-Length: 15\r\n\r\n")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize("body", [BODY, b"{", BIG], ids=["small", "one-byte", "1-MB"])
async def test_a_request_arrives_byte_for_byte(carrier, serve, authority, tls, body):
    """Method, path, given headers and body stand on the wire as they were given; the answer comes back whole."""
    server = serve([read_request, send(answer(OK_BODY, b"X-Answer: yes")), drain], tls=tls)
    request = request_to(server, body, headers=((b"X-Given", b"a  b; c=\xe9"), (b"Authorization", b"Bearer t")))

    async with carrier.open(authority.trust) as transport:
        response = await transport.send(request)

    [seen] = server.ledger
    assert seen.request_line == b"POST " + PATH.encode() + b" HTTP/1.1"
    assert [seen.header(name.lower()) for name, _ in request.headers] == [[value] for _, value in request.headers]
    assert seen.header(b"transfer-encoding") == []
    assert seen.body == body
    assert (response.status_code, response.body, response.is_body_complete) == (200, OK_BODY, True)
    assert response.header(b"x-answer") == ["yes"]
    assert request.progress.is_handed_over


async def test_a_path_is_not_rewritten(carrier, serve):
    """Double slashes, sub-delimiters and percent-encodings of any case reach the server as they are."""
    server = serve()

    async with carrier.open() as transport:
        await transport.send(request_to(server, path=ODD_PATH))

    assert server.ledger[0].request_line == b"POST " + ODD_PATH.encode() + b" HTTP/1.1"


@carried_by(*OURS)
async def test_connections_of_our_own_add_nothing(carrier, serve):
    """What stands on the wire is what was given, in its order; a cookie is neither kept nor sent."""
    server = serve([read_request, send(answer(OK_BODY, b"Set-Cookie: a=b; Path=/")), healthy])
    requests = [request_to(server), request_to(server)]

    async with carrier.open() as transport:
        for request in requests:
            await transport.send(request)

    assert [tuple(seen.headers) for seen in server.ledger] == [request.headers for request in requests]


async def test_one_connection_serves_request_after_request(carrier, serve, authority, tls):
    """Keep-alive: three requests, one connection."""
    server = serve(tls=tls)

    async with carrier.open(authority.trust) as transport:
        for number in range(3):
            await transport.send(request_to(server, b"%d" % number))

    assert (server.accepted, server.bodies()) == (1, [b"0", b"1", b"2"])


async def test_connection_close_is_honoured(carrier, serve):
    """After `Connection: close` no request goes over that connection, though the server leaves it open."""
    server = serve([read_request, send(answer(OK_BODY, b"Connection: close")), drain])

    async with carrier.open() as transport:
        for _ in range(3):
            assert (await transport.send(request_to(server))).is_body_complete

    assert (server.accepted, len(server.ledger)) == (3, 3)


async def test_no_more_connections_than_asked_for(carrier, serve):
    """Many requests at once wait for one of two places, and all are served."""
    server = serve()

    async with carrier.open(max_connections=2) as transport, anyio.create_task_group() as tasks:
        for number in range(60):
            tasks.start_soon(transport.send, request_to(server, b"%d" % number))

    assert server.accepted <= 2
    assert sorted(server.bodies()) == sorted(b"%d" % number for number in range(60))


async def test_before_first_byte_comes_before_the_first_byte(carrier, serve, authority, tls):
    """It is awaited once for each attempt, when the connection stands and the server has seen nothing of it."""
    asked, looked = [threading.Event(), threading.Event()], [threading.Event(), threading.Event()]
    early, calls = [], []

    turns = [
        [wait(asked[turn]), lambda link: early.append(link.peek()), tell(looked[turn]), read_request, send(OK)]
        for turn in range(2)
    ]
    server = serve([*turns[0], *turns[1], drain], tls=tls)

    async def before():
        turn = len(calls)
        calls.append(turn)
        asked[turn].set()
        assert await anyio.to_thread.run_sync(looked[turn].wait, PATIENCE)

    async with carrier.open(authority.trust) as transport:
        for _ in range(2):
            await transport.send(request_to(server, before_first_byte=before))

    assert (calls, early, len(server.ledger), server.accepted) == ([0, 1], [b"", b""], 2, 1)


async def test_nothing_is_sent_when_before_first_byte_raises(carrier, serve):
    """Its error comes out as it is, no byte of the request left, and the place in the pool is free again."""
    server = serve()

    async def refuse():
        raise LookupError("no")

    async with carrier.open(max_connections=1) as transport:
        await transport.send(request_to(server, b"first"))
        request = request_to(server, b"refused", before_first_byte=refuse)
        with pytest.raises(LookupError, match=r"^no$"):
            await transport.send(request)
        await transport.send(request_to(server, b"last"))

    assert not request.progress.is_handed_over
    assert server.bodies() == [b"first", b"last"]


@carried_by(*OURS)
async def test_idle_connections_are_closed_with_the_transport(carrier, serve, authority, tls):
    """`aclose` closes what is idle at once, and what is in use when its answer has come."""
    is_closing = threading.Event()
    server = serve([read_request, wait(is_closing), send(OK), drain], [healthy], tls=tls)
    in_use = request_to(server, b"in use")

    async with carrier.open(authority.trust) as transport, anyio.create_task_group() as tasks:
        tasks.start_soon(transport.send, in_use)
        await until(server, lambda server: server.ledger)
        await transport.send(request_to(server, b"idle"))
        await transport.aclose()
        await until(server, lambda server: server.closed == 1)
        is_closing.set()
        await until(server, lambda server: server.closed == 2)

    assert in_use.progress.head.status_code == 200


@pytest.mark.parametrize("talkative", [("httpx",)], ids=[""])
@carried_by(HTTPX, HTTPX2)
async def test_a_given_client_is_never_closed(carrier, serve):
    """It stays open, its connections too: who opened it closes it."""
    server = serve()

    async with carrier.client.AsyncClient(trust_env=False) as client:
        async with HttpxTransport(client) as transport:
            await transport.send(request_to(server))
        assert not client.is_closed
        assert (await client.post(request_to(server).target.url, content=b"own")).status_code == 200

    assert server.accepted == 1


@carried_by(*OURS)
async def test_the_environment_names_no_proxy(carrier, serve, authority, tls, monkeypatch):
    """Without a client there are no proxies, whatever the environment says."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        dead = f"http://127.0.0.1:{taken.getsockname()[1]}"
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, dead)
        monkeypatch.setenv(name.lower(), dead)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    server = serve(tls=tls)

    async with carrier.open(authority.trust) as transport:
        assert (await transport.send(request_to(server))).status_code == 200


@carried_by(OWN, DIRECT, HTTPX, HTTPX2)
async def test_it_is_a_transport(carrier):
    """It has the two verbs that a sender asks for."""
    async with carrier.open() as transport:
        assert isinstance(transport, Transport)


@pytest.mark.parametrize("name", ["max_connections", "connect_timeout", "read_timeout"])
@pytest.mark.parametrize("value", [0, -1, True, "1"])
@carried_by(OWN, DIRECT)
async def test_a_setting_out_of_its_range_is_named(carrier, name, value):
    """The error says which one it is."""
    with pytest.raises(ConfigurationError, match=f"^{name} "):
        carrier.transport(**{name: value})
