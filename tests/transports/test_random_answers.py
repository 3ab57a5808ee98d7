"""Any bytes as an answer: an answer or a `TransportError` comes of them, in bounded time and memory."""

from __future__ import annotations

import gzip
import itertools
import tracemalloc

import anyio
import pytest
from carriers import DIRECT, HTTPX, OWN, OWN_ON_TRIO, carried_by, request_to, until
from examples import examples
from fault_server import OK, OK_BODY, PATIENCE, answer, fin, read_request, rst, send
from hypothesis import example, given
from hypothesis import strategies as st

from sendpulse_async import DeliveryError, TransportError
from sendpulse_async._http import RESPONSE_BODY_LIMIT, FailureKind, Progress, Request, Response, Target
from sendpulse_async._wire import judge, judge_failure, read_answer
from sendpulse_async.transports._http11 import Http11, Timeouts

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
SEEDS = [
    OK,
    HEAD + b"Content-Length: 0\r\n\r\n",
    HEAD + b"Content-Length: 99\r\n\r\n" + OK_BODY,
    CHUNKED + b"f\r\n" + OK_BODY + b"\r\n0\r\nX-Trailer: t\r\n\r\n",
    CHUNKED + b"1;ext=1\r\n{\r\n" * 3,
    b"HTTP/1.1 100 Continue\r\n\r\n" * 2 + OK,
    b"HTTP/1.0 200 OK\r\n\r\n" + OK_BODY,
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    answer(gzip.compress(OK_BODY), b"Content-Encoding: gzip"),
    answer(b"", b"Retry-After: Fri, 31 Dec 1999 23:59:59 GMT", status=b"429 Too Many Requests"),
    answer(b'{"error_code":2020202020}', b"Retry-After: 1", status=b"503 Service Unavailable"),
]
PIECES = [
    *(b"\r\n", b"\n", b"\r\n\r\n", b"\x00", b"\xff", b" ", b":", b"0\r\n\r\n", b"ffffffffffffffff\r\n", b"-1"),
    *(
        b"Content-Length: 15\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: close\r\n",
        b"HTTP/1.1 103 E\r\n\r\n",
    ),
    *(b"X" * 200, b"A: b\r\n", OK, OK_BODY),
]


@st.composite
def spoiled(draw):
    """An answer that was right until somebody cut, doubled or filled in something."""
    data = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(0, 4))):
        place, length = draw(st.integers(0, len(data))), draw(st.integers(0, 12))
        piece = draw(st.sampled_from(PIECES) | st.binary(max_size=8) | st.just(data[place : place + 60]))
        data = data[:place] + piece + data[place + length :]
    return data


answers = st.binary(max_size=300) | spoiled()
sizes = st.lists(st.integers(1, 400), min_size=1, max_size=5)


class FedWire:
    """A wire on which the answer is there already.

    Attributes:
        given: Bytes that were read.
    """

    is_handed_over = True
    has_stirred = False

    def __init__(self, data, sizes, *, endless=b"", is_reset=False):
        self._data = data
        self._endless = endless and endless * (4096 // len(endless) + 1)
        self._sizes = itertools.cycle(sizes)
        self._is_reset = is_reset
        self.given = 0

    async def write_request(self, data, patience):
        pass

    async def read(self, patience):
        if not self._data and self._endless:
            self.given += len(self._endless)
            return self._endless
        size = next(self._sizes)
        piece, self._data = self._data[:size], self._data[size:]
        if not piece and self._is_reset:
            raise TransportError(FailureKind.EXCHANGE, "reset")
        self.given += len(piece)
        return piece


def exchange(wire):
    """Make an exchange over a wire that never waits; return what came of it."""
    target = Target("http", "127.0.0.1", 9, "/events/id/x/1")
    connection = Http11(target, None, Timeouts(None, None))
    connection._wire = wire
    request = Request(target, (), b"{}", progress=Progress())
    work = connection.exchange(request)
    try:
        work.send(None)
    except StopIteration as stop:
        connection.make_ready()
        return stop.value
    except TransportError as failure:
        return failure
    pytest.fail("it waits for something")


def assert_understood(came):
    """What came of any bytes is one outcome, and no acceptance is made up."""
    if isinstance(came, TransportError):
        error = judge_failure(came, is_handed_over=True)
        assert error.status.value == "unknown"
        return
    assert isinstance(came, Response)
    assert len(came.body) <= RESPONSE_BODY_LIMIT
    understood = read_answer(came, 1.8e9)
    error = judge(understood)
    if error is None and understood.is_confirmed:
        assert 200 <= came.status_code < 300
        assert True in {understood.content.get("result"), understood.content.get("success")}
    assert error is None or isinstance(error, DeliveryError)


@examples(400)
@given(data=answers, sizes=sizes, is_reset=st.booleans())
def test_any_bytes_are_an_answer_or_a_failure(data, sizes, is_reset):
    """Whatever comes, in whatever pieces, and however it ends."""
    assert_understood(exchange(FedWire(data, sizes, is_reset=is_reset)))


ENDLESS = [
    *(b"HTTP/1.1 100 Continue\r\n\r\n", b"X", b"\r\n", b"A: b\r\n", b"0", b"1\r\nx\r\n", b"1;e=1\r\nx\r\n", OK),
    *(b"0\r\nX: y\r\n", b"\x00", b" ", b"HTTP/1.1 200 OK\r\n"),
]
A_LOT = 32 * RESPONSE_BODY_LIMIT
"""Bytes. Heads, interim answers and the frames of small chunks count beside a body."""


@examples(150)
@given(data=answers, endless=st.sampled_from(ENDLESS) | st.binary(min_size=1, max_size=60), sizes=sizes)
@example(data=b"", endless=b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", sizes=[1])
@example(data=CHUNKED, endless=b"1\r\nx\r\n", sizes=[1])
@example(data=CHUNKED + b"0\r\n", endless=b"A: b\r\n", sizes=[1])
def test_bytes_without_end_end(data, endless, sizes):
    """A server that never stops is left after a bounded number of bytes."""
    wire = FedWire(data, sizes, endless=endless)

    assert_understood(exchange(wire))

    assert wire.given <= A_LOT


@pytest.mark.parametrize("start", [b"", HEAD, HEAD + b"Content-Length: 999999999\r\n\r\n", CHUNKED, CHUNKED + b"0\r\n"])
@pytest.mark.parametrize("endless", [*ENDLESS, b"X-Long: %b\r\n" % (b"y" * 1000)], ids=lambda data: repr(data[:20]))
def test_bytes_without_end_take_little_memory(start, endless):
    """Less than a megabyte, whatever does not end."""
    exchange(FedWire(OK, [99]))  # what is imported and cached once
    tracemalloc.start()
    try:
        exchange(FedWire(start, [4096], endless=endless))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 2**20


@examples(25)
@given(data=answers, is_reset=st.booleans())
@carried_by(OWN, OWN_ON_TRIO, DIRECT, HTTPX)
@pytest.mark.anyio
async def test_any_bytes_on_a_real_socket(carrier, serve, data, is_reset):
    """The same over sockets: only documented errors, and the next exchange works."""
    server = serve([read_request, send(data), rst if is_reset else fin], [read_request, send(OK), fin])

    with anyio.fail_after(PATIENCE):
        async with carrier.open(read_timeout=1.0) as transport:
            try:
                assert_understood(await transport.send(request_to(server)))
            except TransportError as failure:
                assert_understood(failure)
            await until(server, lambda server: server.closed)  # else a close may cross the next request
            assert (await transport.send(request_to(server))).body == OK_BODY
