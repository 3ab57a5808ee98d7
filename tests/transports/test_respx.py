"""respx in its default mode mocks a sender on its own connections as it mocks one on a client."""

from __future__ import annotations

import contextlib
import json
import pathlib

import httpx
import pytest
import respx
from carriers import HTTPX, MOCKABLE

from sendpulse_async import HttpxTransport, NotSentError, Quota, RawEventSender, RetryPolicy, UnknownDeliveryError

pytestmark = pytest.mark.anyio

URL = "https://events.sendpulse.com/events/id/eb561baa181247d1cd378c4ead632877/7043663"
EVENT = {"email": "someone@example.com", "phone": "+123456789", "var_1": "var_1_value"}
SAMPLES = sorted((pathlib.Path(__file__).parent.parent / "samples").glob("*.json"))
ACCEPTED = {"result": True}


@pytest.fixture(params=[*MOCKABLE, HTTPX], ids=str)
def carrier(request):
    return request.param


@pytest.fixture
def route():
    with respx.mock() as router:
        yield router.post(URL)


@pytest.fixture
def open_sender(carrier):
    """Return a function that opens a sender, which never waits."""

    async def no_sleep(_seconds):
        pass

    @contextlib.asynccontextmanager
    async def opened(**options):
        options = {"retry": RetryPolicy(base_delay=0.0), "rate_limit": Quota(None, sleep=no_sleep), **options}
        async with contextlib.AsyncExitStack() as stack:
            if not carrier.is_own:
                client = await stack.enter_async_context(httpx.AsyncClient())
                options["transport"] = HttpxTransport(client)
            yield await stack.enter_async_context(RawEventSender(URL, **options))

    return opened


async def test_a_mocked_answer_is_an_answer(open_sender, route):
    """The event is accepted, and the mock saw what the documentation shows."""
    route.respond(200, json=ACCEPTED)

    async with open_sender() as sender:
        receipt = await sender.send_event(EVENT)

    assert (receipt.status_code, receipt.attempts, receipt.confirmed) == (200, 1, True)
    [call] = route.calls
    assert (call.request.method, str(call.request.url)) == ("POST", URL)
    assert call.request.headers["host"] == "events.sendpulse.com"
    assert call.request.headers["content-type"] == "application/json"
    assert call.request.headers["accept-encoding"] == "identity"
    assert int(call.request.headers["content-length"]) == len(call.request.content)
    assert json.loads(call.request.content) == EVENT


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
async def test_the_samples_of_the_documentation_leave_as_they_are(open_sender, route, sample):
    """Each payload that SendPulse shows arrives as the same JSON value, without the blank before an address."""
    route.respond(200, json=ACCEPTED)
    payload = json.loads(sample.read_text())

    async with open_sender() as sender:
        await sender.send_event(payload)

    assert json.loads(route.calls.last.request.content) == {**payload, "email": payload["email"].strip()}


async def test_the_samples_are_here():
    """Both of them."""
    assert [path.stem for path in SAMPLES] == ["by-name", "raw"]


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
async def test_a_mocked_connection_failure_is_not_sent(open_sender, route, error):
    """Row 1: whatever a mock says of the phase; it is repeated as often as the policy allows."""
    route.mock(side_effect=error)

    async with open_sender() as sender:
        with pytest.raises(NotSentError) as caught:
            await sender.send_event(EVENT)

    assert (caught.value.attempts, route.call_count) == (4, 4)


@pytest.mark.parametrize(
    "error",
    [httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError, httpx.WriteError, httpx.WriteTimeout],
)
async def test_a_mocked_failure_after_the_body_is_unknown(open_sender, route, error):
    """Row 9: a mock has read the whole body before it fails, so nothing proves that it stayed here."""
    route.mock(side_effect=error)

    async with open_sender() as sender:
        with pytest.raises(UnknownDeliveryError) as caught:
            await sender.send_event(EVENT)

    assert (caught.value.attempts, route.call_count) == (1, 1)


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "0"}])
async def test_a_mocked_refusal_that_passes_is_repeated(open_sender, route, headers):
    """Row 5: 429, then 200."""
    route.mock(side_effect=[httpx.Response(429, headers=headers), httpx.Response(200, json=ACCEPTED)])

    async with open_sender() as sender:
        receipt = await sender.send_event(EVENT)

    assert (receipt.attempts, route.call_count) == (2, 2)


async def test_a_connection_failure_then_an_answer(open_sender, route):
    """Row 1: refused twice, then healthy."""
    route.mock(side_effect=[httpx.ConnectError, httpx.ConnectError, httpx.Response(200, json=ACCEPTED)])

    async with open_sender() as sender:
        assert (await sender.send_event(EVENT)).attempts == 3


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_mocked_server_error_is_unknown(open_sender, route, status):
    """Row 10: never repeated by default."""
    route.respond(status)

    async with open_sender() as sender:
        with pytest.raises(UnknownDeliveryError) as caught:
            await sender.send_event(EVENT)

    assert (caught.value.status_code, caught.value.attempts, route.call_count) == (status, 1, 1)


async def test_at_least_once_repeats_what_is_unknown(open_sender, route):
    """The one switch: a read timeout is sent again."""
    route.mock(side_effect=[httpx.ReadTimeout, httpx.Response(200, json=ACCEPTED)])

    async with open_sender(retry=RetryPolicy(repeat_unknown=True, base_delay=0.0)) as sender:
        assert (await sender.send_event(EVENT)).attempts == 2
