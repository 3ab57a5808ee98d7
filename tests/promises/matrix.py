"""The fault matrix: what can go wrong between an event and its answer, and what has to come of it.

A fault is what a server does to connections or to requests while it is on. Each case names the row of the table of
`docs/explanation/delivery-promises.md` that it belongs to, and is played on a real socket over every carrier.
"""

from __future__ import annotations

import gzip
import json
from enum import Enum
from typing import Any

import attrs
from fault_server import (
    OK,
    OK_BODY,
    PATIENCE,
    Step,
    answer,
    drain,
    drip,
    fin,
    pour,
    read_bytes,
    refuse,
    rst,
    send,
    silence,
)

from sendpulse_async import (
    AuthenticationError,
    EventNotFoundError,
    NotSentError,
    OutcomeStatus,
    PermissionDeniedError,
    RateLimitedError,
    RejectedError,
    SendPulseError,
    ServiceUnavailableError,
    UnknownDeliveryError,
)

ACCEPTED, REJECTED = OutcomeStatus.ACCEPTED, OutcomeStatus.REJECTED
NOT_SENT, UNKNOWN = OutcomeStatus.NOT_SENT, OutcomeStatus.UNKNOWN

BIG = 2**20
UNREADABLE = 2**23  # more than the kernels of both sides take, where the server's is told to take little
LITTLE = 2**16
SOON = 0.3  # seconds: the patience of a transport, or an event's deadline, where a server stays silent

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
HTML = b"<!DOCTYPE html><title>nginx</title>"
TOO_MANY = b'{"error_code":2020202020,"message":"More than 10 requests per second"}'


class Bulk(Enum):
    """What a fault that stays does to a bulk run, one event at a time."""

    GOES_ON = "every event has its own outcome"
    STOPS = "it concerns every event: the run stops at once"
    STREAK = "five events in a row stop the run"
    BREAKER = "five events in a row, a wait and a failed probe stop the run"
    PAUSES = "five pauses without an accepted event stop the run"


@attrs.frozen
class Case:
    """One fault and what comes of an event that meets it for as long as the event is tried.

    Attributes:
        row: Of the table.
        name: What is seen.
        comes: The outcomes that it may have; more than one where only the phase tells.
        error: The class of the error; None where the event is accepted.
        is_repeated: The event goes again, and is accepted where the fault passes.
        bulk: What it does to a bulk run.
        on_request: What the server does after it has a whole request; the connection goes on after it.
        on_connection: What it does in place of serving a connection.
        before_handshake: What it does in place of a TLS handshake.
        certificate: Who signs the server's certificate, and for whom.
        port: What the port does in place of accepting.
        size: Bytes of the event's body, roughly.
        receive_buffer: See `FaultServer`.
        is_warm: The connection has served an event before.
        patience: Seconds that the transport has for a connection, and for a single read or write.
        deadline: Of the event, in seconds.
        is_own: Only what watches its own sockets can promise this; a client's pool reads out of our sight.
    """

    row: int
    name: str
    comes: frozenset[OutcomeStatus] = attrs.field(converter=frozenset)
    error: type[SendPulseError] | None
    bulk: Bulk
    is_repeated: bool = False
    on_request: tuple[Step, ...] = ()
    on_connection: tuple[Step, ...] = ()
    before_handshake: tuple[Step, ...] = ()
    certificate: str = ""
    port: str = ""
    size: int = 0
    receive_buffer: int = 0
    is_warm: bool = False
    patience: float = PATIENCE
    deadline: float = 30.0
    is_own: bool = False

    def __str__(self) -> str:
        return f"{self.row}-{self.name}".replace(" ", "-")

    @property
    def is_slow(self) -> bool:
        """Whether it waits for a time-out, so that playing it often takes long."""
        return self.patience < PATIENCE or self.deadline < PATIENCE

    @property
    def needs_tls(self) -> bool:
        """Whether it is about TLS itself."""
        return bool(self.before_handshake or self.certificate)

    @property
    def is_on_the_wire(self) -> bool:
        """Whether it is about bytes, so that it is another case over TLS."""
        return bool(self.on_connection) or self.row == 9 or self.needs_tls


def json_answer(content: Any, status: int = 200, *headers: bytes) -> bytes:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return answer(body, *headers, status=b"%d Status" % status)


def bare(status: int, *headers: bytes, body: bytes = b"", kind: bytes = b"text/html") -> bytes:
    """An answer that is not SendPulse's: HTML, or nothing at all."""
    lines = [b"HTTP/1.1 %d Status" % status, b"Content-Type: " + kind, *headers]
    length = () if status == 204 else (b"Content-Length: %d" % len(body),)
    return b"\r\n".join([*lines, *length, b"", body])


# Rows


def no_connection(name: str, **fault: Any) -> Case:
    return Case(1, name, {NOT_SENT}, NotSentError, Bulk.BREAKER, is_repeated=True, **fault)


def wrong_certificate(name: str, certificate: str) -> Case:
    return Case(2, name, {NOT_SENT}, NotSentError, Bulk.STOPS, certificate=certificate)


def no_handshake(name: str, *steps: Step, **options: Any) -> Case:
    return Case(3, name, {NOT_SENT}, NotSentError, Bulk.BREAKER, is_repeated=True, before_handshake=steps, **options)


def cut_early(name: str, *steps: Step, comes: set[OutcomeStatus], **options: Any) -> Case:
    error = NotSentError if comes == {NOT_SENT} else None
    return Case(4, name, comes, error, Bulk.BREAKER, is_repeated=comes == {NOT_SENT}, on_connection=steps, **options)


def passing(name: str, data: bytes, error: type[SendPulseError]) -> Case:
    bulk = Bulk.PAUSES if error is RateLimitedError else Bulk.BREAKER
    return Case(5, name, {NOT_SENT}, error, bulk, is_repeated=True, on_request=(refuse, send(data)))


def not_permitted(name: str, data: bytes) -> Case:
    return Case(7, name, {REJECTED}, PermissionDeniedError, Bulk.STOPS, on_request=(refuse, send(data)))


def no_such_event(name: str, data: bytes) -> Case:
    return Case(8, name, {REJECTED}, EventNotFoundError, Bulk.STREAK, on_request=(refuse, send(data)))


def no_answer(name: str, *steps: Step, **options: Any) -> Case:
    return Case(9, name, {UNKNOWN}, UnknownDeliveryError, Bulk.BREAKER, on_request=steps, **options)


def server_fault(name: str, data: bytes) -> Case:
    return Case(10, name, {UNKNOWN}, UnknownDeliveryError, Bulk.BREAKER, on_request=(send(data),))


def moved(name: str, data: bytes) -> Case:
    return Case(11, name, {UNKNOWN}, UnknownDeliveryError, Bulk.STOPS, on_request=(send(data),))


def unconfirmed(name: str, *steps: Step, **options: Any) -> Case:
    return Case(12, name, {ACCEPTED}, None, Bulk.GOES_ON, on_request=steps, **options)


def says_nothing(name: str, data: bytes) -> Case:
    return Case(13, name, {UNKNOWN}, UnknownDeliveryError, Bulk.BREAKER, on_request=(send(data),))


def refused(name: str, data: bytes) -> Case:
    return Case(14, name, {REJECTED}, RejectedError, Bulk.GOES_ON, on_request=(refuse, send(data)))


def healthy(name: str, *steps: Step, **options: Any) -> Case:
    return Case(0, name, {ACCEPTED}, None, Bulk.GOES_ON, on_request=steps, **options)


def retry_after(value: bytes, status: int = 429) -> bytes:
    return json_answer({"message": "later"}, status, b"Retry-After: " + value)


CLOSE = b"Connection: close"
HUGE = b'{"result":true,"id":' + b"9" * 5000 + b',"rate":1e999}'
BOMB = gzip.compress(b'{"result":true,"more":"' + b" " * 2**25 + b'"}')

CASES: tuple[Case, ...] = (
    healthy("healthy", send(OK)),
    healthy("Connection: close on each answer", send(answer(OK_BODY, CLOSE))),
    healthy("Connection: close and a FIN", send(answer(OK_BODY, CLOSE)), fin),
    healthy("HTTP 1.0", send(b"HTTP/1.0 200 OK\r\n\r\n" + OK_BODY), fin),
    healthy("in chunks", send(HEAD + b"Transfer-Encoding: chunked\r\n\r\nf\r\n" + OK_BODY + b"\r\n0\r\n\r\n")),
    healthy("interim answers first", send(b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + OK)),
    healthy("a second answer", send(OK, json_answer({"result": True, "stale": 1})), drain, is_own=True),
    healthy("gzip though identity was asked", send(answer(gzip.compress(OK_BODY), b"Content-Encoding: gzip"))),
    healthy("huge numbers", send(answer(HUGE))),
    healthy("a key twice with one meaning", send(answer(b'{"result":true,"id":1,"result":true}'))),
    healthy("one byte at a time", drip(OK, 0.001)),
    no_connection("refused", port="refused"),
    no_connection("DNS failure", port="no name"),
    no_connection("connect blackhole", port="blackhole", patience=SOON),
    wrong_certificate("untrusted certificate", "untrusted"),
    wrong_certificate("expired certificate", "expired"),
    wrong_certificate("certificate of another host", "another host"),
    no_handshake("handshake stalls", silence, patience=SOON),
    no_handshake("handshake ends", fin),
    no_handshake("handshake reset", rst),
    no_handshake("not TLS", send(bare(400))),
    cut_early("accept then FIN", fin, comes={NOT_SENT, UNKNOWN}),
    cut_early("accept then RST", rst, comes={NOT_SENT, UNKNOWN}),
    cut_early("RST after the headers", read_bytes(150), rst, comes={NOT_SENT, UNKNOWN}),
    cut_early("keep-alive race, not processed", rst, comes={NOT_SENT, UNKNOWN}, is_warm=True),
    cut_early("RST after half of 1 MB", read_bytes(BIG // 2), rst, comes={NOT_SENT, UNKNOWN}, size=BIG),
    cut_early(
        "RST after half of 256 kB",
        read_bytes(2**17),
        rst,
        comes={NOT_SENT},
        size=2**18,
        receive_buffer=2**14,
        is_own=True,
    ),
    cut_early(
        "FIN after half of what no kernel holds",
        read_bytes(BIG // 2),
        fin,
        comes={NOT_SENT},
        size=UNREADABLE,
        receive_buffer=LITTLE,
        is_own=True,
    ),
    cut_early(
        "the peer never reads",
        silence,
        comes={NOT_SENT},
        size=UNREADABLE,
        receive_buffer=LITTLE,
        patience=SOON,
    ),
    passing("429", json_answer({"message": "Too many requests"}, 429), RateLimitedError),
    passing("429 without a body", bare(429), RateLimitedError),
    passing("429 in HTML", bare(429, body=HTML), RateLimitedError),
    passing("429 Retry-After 0", retry_after(b"0"), RateLimitedError),
    passing("429 Retry-After 0.02", retry_after(b"0.02"), RateLimitedError),
    *(
        passing(f"429 Retry-After {value.decode()}", retry_after(value), RateLimitedError)
        for value in (b"-1", b"nan", b"1e999", b"soon", b"", b"Fri, 31 Feb 2025 99:99:99 GMT")
    ),
    passing("429 Retry-After a past date", retry_after(b"Wed, 21 Oct 2015 07:28:00 GMT"), RateLimitedError),
    passing("429 Retry-After twice", retry_after(b"soon\r\nRetry-After: 0.02"), RateLimitedError),
    *(passing(f"2020202020 under {status}", json_answer(TOO_MANY, status), RateLimitedError) for status in (200, 400)),
    passing("2020202020 under 429", json_answer(TOO_MANY, 429), RateLimitedError),
    passing("2020202020 under 500", json_answer(TOO_MANY, 500), RateLimitedError),
    *(passing(f"{status}", bare(status), ServiceUnavailableError) for status in (408, 421, 425)),
    passing("503 Retry-After 0", retry_after(b"0", 503), ServiceUnavailableError),
    passing("503 in SendPulse's words", json_answer({"error_code": 503}, 503), ServiceUnavailableError),
    Case(
        6,
        "401 without a token to swap",
        {NOT_SENT},
        AuthenticationError,
        Bulk.STOPS,
        on_request=(refuse, send(json_answer({"error_code": 401}, 401))),
    ),
    *(not_permitted(f"{status}", bare(status, body=HTML)) for status in (402, 403)),
    not_permitted("403 error 800", json_answer({"error_code": 800}, 403)),
    *(not_permitted(f"{status}", bare(status, b"Location: /elsewhere")) for status in (307, 308)),
    no_such_event("error 102", json_answer({"error_code": 102, "message": "Event not exists"}, 400)),
    *(no_such_event(f"{status}", bare(status)) for status in (404, 405)),
    no_such_event("404 in HTML", bare(404, body=HTML)),
    no_such_event("404 in JSON", json_answer({"error_code": 404}, 404)),
    no_answer("then FIN", fin),
    no_answer("then RST", rst),
    no_answer("then silence", silence, patience=SOON),
    no_answer("then the deadline", silence, deadline=SOON),
    no_answer("partial status line", send(b"HTTP/1.1 20"), fin),
    no_answer("garbage", send(b"\x16\x03garbage\r\n\r\n"), drain),
    no_answer("endless interim answers", pour(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 99), deadline=1.0),
    no_answer("one byte at a time for too long", drip(OK, SOON / 20), deadline=SOON),
    no_answer("200 kB of headers", send(HEAD + b"X-A: %b\r\n" % (b"y" * 1000) * 200 + b"\r\n"), drain),
    no_answer("a header without a colon", send(HEAD + b"no colon\r\n\r\n"), drain),
    no_answer("two Content-Lengths", send(HEAD + b"Content-Length: 15\r\nContent-Length: 2\r\n\r\n" + OK_BODY), drain),
    no_answer("another protocol", send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), drain),
    no_answer("keep-alive race, processed", fin, is_warm=True),
    *(server_fault(f"{status}", bare(status, body=HTML)) for status in (500, 502, 503, 504, 520)),
    server_fault("500 in JSON", json_answer({"error_code": 500, "message": "oops"}, 500)),
    server_fault("503 Retry-After soon", bare(503, b"Retry-After: soon")),
    *(moved(f"{status} to the same host", bare(status, b"Location: /elsewhere")) for status in (301, 302, 303)),
    moved("304", bare(304)),
    unconfirmed("200 with a cut body", send(HEAD + b'Content-Length: 99\r\n\r\n{"r'), fin),
    unconfirmed("200 with a bad chunk", send(HEAD + b'Transfer-Encoding: chunked\r\n\r\n3\r\n{"r\r\nzz\r\n'), drain),
    unconfirmed("200 with a stalled body", send(HEAD + b"Content-Length: 99\r\n\r\n{"), silence, patience=SOON),
    unconfirmed("200 and then the deadline", send(HEAD + b"Content-Length: 99\r\n\r\n{"), silence, deadline=SOON),
    unconfirmed("200 with an endless body", send(HEAD + b"Content-Length: 999999999\r\n\r\n"), pour(b"y" * 4096)),
    unconfirmed("200 with a million [", send(answer(b"[" * 10**6))),
    unconfirmed("200 with a gzip bomb", send(answer(BOMB, b"Content-Encoding: gzip"))),
    unconfirmed("200 in brotli", send(answer(b"\x8b\x07\x80", b"Content-Encoding: br"))),
    *(unconfirmed(f"{status} without a body", send(bare(status))) for status in (201, 202, 204)),
    says_nothing("200 empty", json_answer(b"")),
    says_nothing("200 {}", json_answer({})),
    says_nothing("200 in HTML", bare(200, body=HTML)),
    says_nothing("200 as a list", json_answer([True])),
    says_nothing("200 with invalid JSON", json_answer(b'{"result":true')),
    says_nothing("200 with invalid UTF-8", json_answer(b'{"result":true,"message":"\xff"}')),
    says_nothing("200 with 60,000 [", json_answer(b"[" * 60_000)),
    says_nothing("200 that contradicts itself", json_answer(b'{"result":false,"result":true}')),
    *(refused(f"{status} in JSON", json_answer({"error_code": 8}, status)) for status in (400, 413, 422)),
    *(refused(f"{status} in HTML", bare(status, body=HTML)) for status in (400, 413, 422)),
    *(refused(f"{status} empty", bare(status)) for status in (400, 413, 422)),
    refused("200 result false", json_answer({"result": False, "message": "no"})),
    refused("200 success false", json_answer({"success": False})),
)
