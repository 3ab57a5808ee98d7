"""No secret of a request in any log record, nor in what is raised to the caller."""

from __future__ import annotations

import copy
import logging
import pickle
import traceback

import pytest
from carriers import request_to
from fault_server import answer, fin, read_bytes, read_request, rst, send

from sendpulse_async import DeliveryError, RawEventSender, RetryPolicy, TransportError
from sendpulse_async.transports.httpx import HttpxTransport

pytestmark = pytest.mark.anyio

PATH = "/events/id/canarypath0123456789/77"
TOKEN = "canarytoken0123456789"
EMAIL = "canary.address@example.com"
CANARIES = (PATH, "canarypath", "canarytoken", "canary.address")
HEADERS = ((b"Authorization", b"Bearer " + TOKEN.encode()),)
BODY = b'{"email":"%b"}' % EMAIL.encode()


def echo_as(start, end=b""):
    """Answer with the request's own bytes."""

    def step(link):
        seen = link.server.ledger[-1]
        link.send(start + seen.head.replace(b": ", b" ") + b"\r\n" + seen.body + end)

    return step


def quoted(link):
    """A whole answer with the request quoted in its headers and its body."""
    seen = link.server.ledger[-1]
    url = b"http://" + seen.header(b"host")[0] + PATH.encode()
    link.send(answer(seen.head + seen.body, b"Location: " + url, status=b"301 Moved"))


def token_in(line):
    """An answer whose head quotes the token."""
    return lambda link: link.send(b"HTTP/1.1 200 OK\r\n" + line % TOKEN.encode() + b"\r\nContent-Length: 0\r\n\r\n")


ECHOES_OF_TOKEN = [
    pytest.param([read_request, token_in(b"X-Echo: Bearer %b")], id="token-in-a-header"),
    pytest.param([read_request, token_in(b"Bearer %b")], id="token-in-a-bad-header"),
]
FAULTS = [
    pytest.param([read_request, quoted], id="301"),
    pytest.param([read_request, lambda link: link.send(link.server.ledger[-1].head + b"\r\n\r\n")], id="echo"),
    pytest.param([read_request, echo_as(b"HTTP/1.1 200 OK\r\n")], id="echo-as-headers"),
    pytest.param([read_request, echo_as(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")], id="echo-as-chunk"),
    pytest.param([read_request, send(answer(b'{"result":true}'))], id="healthy"),
    pytest.param([read_request, fin], id="fin"),
    pytest.param([read_bytes(20), rst], id="rst"),
]


def assert_clean(*texts):
    for text in texts:
        assert not [canary for canary in CANARIES if canary in text]


def texts_of(record):
    """All that a handler could write of a record."""
    return [record.getMessage(), repr(record.msg), repr(record.args), record.exc_text or "", repr(vars(record))]


def texts_of_error(error):
    copies = [pickle.loads(pickle.dumps(error)), copy.copy(error)]
    return [*map(str, (error, *copies)), *map(repr, (error, *copies)), "".join(traceback.format_exception(error))]


@pytest.mark.parametrize("fault", [*FAULTS, *ECHOES_OF_TOKEN])
async def test_no_record_and_no_error_holds_a_secret(carrier, serve, authority, tls, caplog, fault):
    """URL path, token and address, with every logger at DEBUG, whatever the server echoes."""
    caplog.set_level(logging.DEBUG)
    server = serve(fault, tls=tls)
    request = request_to(server, BODY, PATH, HEADERS)
    errors = []

    async with carrier.open(authority.trust) as transport:
        try:
            await transport.send(request)
        except TransportError as error:
            errors += texts_of_error(error)

    assert_clean(repr(request), str(request.target), repr(request.target), repr(transport))
    assert_clean(*errors)
    assert_clean(*[text for record in caplog.records for text in texts_of(record)])


@pytest.mark.parametrize("fault", FAULTS)
async def test_no_error_of_a_sender_holds_a_secret(carrier, serve, caplog, fault):
    """The same a few floors above, for text and traceback of what a caller gets."""
    caplog.set_level(logging.DEBUG)
    server = serve(fault)
    url = f"http://127.0.0.1:{server.port}{PATH}"
    errors = []

    async with (
        carrier.open() as transport,
        RawEventSender(url, transport=transport, retry=RetryPolicy(max_attempts=1)) as sender,
    ):
        try:
            await sender.send_event({"email": EMAIL})
        except DeliveryError as error:
            errors += texts_of_error(error)

    assert_clean(repr(sender), *errors)
    assert_clean(*[text for record in caplog.records for text in texts_of(record)])


def test_filters_are_installed_once():
    """Making many transports does not slow the libraries' loggers down."""
    HttpxTransport()
    before = list(logging.getLogger("httpx").filters)
    HttpxTransport()

    assert logging.getLogger("httpx").filters == before
