"""What every transport makes of an answer: noted early, read up to a limit, and never followed elsewhere."""

from __future__ import annotations

import gzip
import threading

import anyio
import anyio.lowlevel
import pytest
from carriers import OURS, carried_by, request_to
from fault_server import OK, OK_BODY, PATIENCE, answer, drain, healthy, pour, read_request, send, silence, wait

from sendpulse_async._http import RESPONSE_BODY_LIMIT
from sendpulse_async.transports._watched import READ_SIZE

pytestmark = pytest.mark.anyio

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
NO_ROOM = (b"Transfer-Encoding: chunked\r\n\r\n", b"Content-Length: 15\r\n\r\n")


async def test_the_head_is_noted_before_the_body(carrier, serve):
    """While the body has not come, `progress.head` tells the status already."""
    is_noted = threading.Event()
    server = serve(
        [read_request, send(HEAD + b"X-A: b\r\nContent-Length: 2\r\n\r\n{"), wait(is_noted), send(b"}"), drain]
    )
    request, responses = request_to(server), []

    async def exchange():
        responses.append(await transport.send(request))

    async with carrier.open() as transport, anyio.create_task_group() as tasks:
        tasks.start_soon(exchange)
        with anyio.fail_after(PATIENCE):
            while request.progress.head is None:
                await anyio.sleep(0.001)
        head = request.progress.head
        is_noted.set()

    assert (head.status_code, head.header(b"x-a"), head.is_body_complete) == (200, ["b"], False)
    assert request.progress.is_handed_over
    assert [(response.body, response.is_body_complete) for response in responses] == [(b"{}", True)]


@pytest.mark.parametrize("excess", [0, 1, RESPONSE_BODY_LIMIT])
async def test_an_answer_is_read_up_to_its_limit(carrier, serve, excess):
    """64 KiB are a complete body; with a byte more it is cut, and its connection serves no other request."""
    body = b"x" * (RESPONSE_BODY_LIMIT + excess)
    server = serve([read_request, send(answer(body)), healthy])

    async with carrier.open() as transport:
        response = await transport.send(request_to(server))
        await transport.send(request_to(server))

    assert (len(response.body), response.is_body_complete) == (RESPONSE_BODY_LIMIT, not excess)
    assert (server.accepted, len(server.ledger)) == (2 if excess else 1, 2)


@pytest.mark.parametrize("framing", NO_ROOM, ids=["endless-chunks", "announced"])
async def test_an_endless_body_is_left(carrier, serve, framing):
    """A body without end is read up to the limit, whatever its framing."""

    def pour(link):
        while True:
            link.send(b"1000\r\n" + b"y" * 4096 + b"\r\n")

    framing = framing.replace(b"15", b"9" * 15)
    server = serve([read_request, send(HEAD + framing), pour])

    async with carrier.open() as transport:
        response = await transport.send(request_to(server))

    assert (response.status_code, len(response.body), response.is_body_complete) == (200, RESPONSE_BODY_LIMIT, False)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param([send(HEAD + b'Content-Length: 99\r\n\r\n{"r')], id="cut"),
        pytest.param([send(HEAD + b'Transfer-Encoding: chunked\r\n\r\n3\r\n{"r\r\n')], id="cut-chunks"),
        pytest.param([send(HEAD + b'Transfer-Encoding: chunked\r\n\r\n3\r\n{"r\r\nzz\r\n')], id="bad-chunk"),
        pytest.param([send(HEAD + b'Content-Length: 99\r\n\r\n{"r'), silence], id="stalled"),
        pytest.param([send(HEAD + b"Content-Length: 99\r\n\r\n"), silence], id="no-body-at-all"),
    ],
)
async def test_a_body_that_breaks_off_is_an_answer(carrier, serve, body):
    """The head came, so there is an answer; its body is what came of it, and not complete."""
    server = serve([read_request, *body], [healthy])

    async with carrier.open(read_timeout=0.3) as transport:
        response = await transport.send(request_to(server))
        await transport.send(request_to(server))

    assert (response.status_code, response.is_body_complete) == (200, False)
    assert response.body in {b"", b'{"r'}
    assert (server.accepted, len(server.ledger)) == (2, 2)


@pytest.mark.parametrize(
    "chunks",
    [b"f\r\n" + OK_BODY + b"\r\n0\r\n\r\n", b"1;ext=1\r\n{\r\ne\r\n" + OK_BODY[1:] + b"\r\n0\r\nX-T: t\r\n\r\n"],
)
async def test_a_chunked_answer_is_put_together(carrier, serve, chunks):
    """Chunk by chunk, with extensions and trailers, and the connection goes on."""
    server = serve([read_request, send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks), healthy])

    async with carrier.open() as transport:
        response = await transport.send(request_to(server))
        await transport.send(request_to(server))

    assert (response.body, response.is_body_complete, server.accepted) == (OK_BODY, True, 1)


async def test_interim_answers_are_passed_over(carrier, serve):
    """100, 102 and 103 before the answer are not the answer."""
    interim = b"".join(b"HTTP/1.1 %d Interim\r\nLink: </x>\r\n\r\n" % status for status in (100, 102, 103))
    server = serve([read_request, send(interim + OK), healthy])

    async with carrier.open() as transport:
        assert [(await transport.send(request_to(server))).status_code for _ in range(2)] == [200, 200]

    assert server.accepted == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(carrier, serve, status):
    """The redirect itself is the answer; the host that it names gets nothing, not even a connection."""
    other = serve()
    location = b"Location: http://127.0.0.1:%d/other" % other.port
    server = serve([read_request, send(answer(b"", location, status=b"%d Moved" % status)), drain])

    async with carrier.open() as transport:
        response = await transport.send(request_to(server))

    assert (response.status_code, len(server.ledger), other.accepted) == (status, 1, 0)


async def test_compressed_bytes_are_left_alone(carrier, serve):
    """Who sends gzip though identity was asked is understood a floor above; here bytes are bytes."""
    packed = gzip.compress(OK_BODY)
    server = serve([read_request, send(answer(packed, b"Content-Encoding: gzip")), drain])

    async with carrier.open() as transport:
        response = await transport.send(request_to(server))

    assert (response.body, response.is_body_complete) == (packed, True)
    assert response.header(b"content-encoding") == ["gzip"]


@carried_by(*OURS)
async def test_a_flood_is_read_a_little_at_a_time(carrier, serve):
    """What one turn of the event loop has to understand is bounded, however much a server sends: other tasks go on."""
    chunk = b"1\r\nx\r\n"
    server = serve([read_request, send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n"), pour(chunk * 10_000)])
    turns = 0

    async def count_turns():
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with carrier.open() as transport, anyio.create_task_group() as tasks:
        tasks.start_soon(count_turns)
        response = await transport.send(request_to(server))
        turns_meanwhile = turns
        tasks.cancel_scope.cancel()

    wire_bytes = len(chunk) * RESPONSE_BODY_LIMIT
    assert len(response.body) == RESPONSE_BODY_LIMIT
    assert turns_meanwhile >= wire_bytes / (3 * READ_SIZE)
