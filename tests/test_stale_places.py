"""What a reviewer feared: places that grow old, repeats past a run's limit, answers that deceive."""

from __future__ import annotations

import threading
import time

import httpx
import pytest

from sendpulse_async import (
    AuthorizedEventSender,
    ClientCredentials,
    Event,
    HttpxTransport,
    NotSentError,
    RateLimit,
    RawEventSender,
    RejectedError,
    RetryPolicy,
    send_many,
)
from sendpulse_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.anyio
EVENT = {"email": "a@example.com"}


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Both event loops that the senders run on."""
    return request.param


def events(count: int) -> list[dict[str, str]]:
    """Return that many different events."""
    return [{"email": f"a{number}@example.com"} for number in range(count)]


async def test_a_slow_token_makes_no_burst() -> None:
    """Events that waited for a token together do not all use places that grew old meanwhile."""
    with Sandbox() as sandbox:
        sandbox.add_fault(Fault(delay=0.6, door="token"))
        auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
        limit = RateLimit(per_second=20)
        async with AuthorizedEventSender(auth, base_url=sandbox.origin, event_name="x", rate_limit=limit) as sender:
            report = await send_many(sender, events(16), max_in_flight=16)

    times = sorted(entry.received_at for entry in sandbox.events)
    report.raise_for_failures()
    assert times[-1] - times[0] > 0.8 * 14 / 20


async def test_repeats_keep_the_runs_limit_too() -> None:
    """A run's own `rate_limit` counts every attempt, not every event's first alone."""
    with Sandbox() as sandbox:
        sandbox.add_fault(Fault(status=503, retry_after=0, times=4))
        async with RawEventSender(sandbox.event_url) as sender:
            began = time.monotonic()
            report = await send_many(sender, events(4), max_in_flight=4, rate_limit=RateLimit(per_second=10))

    report.raise_for_failures()
    assert time.monotonic() - began > 0.8 * 7 / 10


@pytest.mark.parametrize("status", [200, 429])
async def test_a_clients_hook_does_not_change_what_an_answer_means(status: int) -> None:
    """A hook that reads the answer, or raises for it, leaves it what it is."""

    async def hook(response: httpx.Response) -> None:
        if status == 200:
            await response.aread()
        else:
            response.raise_for_status()

    with Sandbox() as sandbox:
        sandbox.add_fault(Fault(status=status, body={"result": False}, retry_after=60, times=None))
        async with httpx.AsyncClient(event_hooks={"response": [hook]}) as client:
            sender = RawEventSender(sandbox.event_url, transport=HttpxTransport(client), deadline=5)
            async with sender:
                with pytest.raises(RejectedError if status == 200 else NotSentError):
                    await sender.send_event(EVENT)


async def test_a_closed_client_is_a_connection_that_is_not_there() -> None:
    """A client that its owner closed sends nothing, and says so."""
    client = httpx.AsyncClient()
    await client.aclose()
    policy = RetryPolicy(max_attempts=1)

    async with RawEventSender("http://127.0.0.1:9/x", transport=HttpxTransport(client), retry=policy) as sender:
        with pytest.raises(NotSentError, match="the client is closed"):
            await sender.send_event(EVENT)


async def test_an_event_that_was_changed_after_its_check_ends_nothing_but_itself() -> None:
    """What was put into an event later and cannot be sent is a rejection, and the run goes on."""
    changed = Event(email="a@example.com")
    changed.variables["x"] = {1, 2}

    with Sandbox() as sandbox:
        async with RawEventSender(sandbox.event_url) as sender:
            report = await send_many(sender, [EVENT, changed, EVENT], max_in_flight=1)

    assert (report.accepted, report.rejected) == (2, 1)


async def test_a_subclass_that_sends_in_its_own_way_is_used_as_it_is() -> None:
    """A run calls an overridden `send_event`."""
    called = threading.Event()

    class Mine(RawEventSender):
        async def send_event(self, event, *, event_name=None, deadline=None):
            called.set()
            return await super().send_event(event, deadline=deadline)

    with Sandbox() as sandbox:
        async with Mine(sandbox.event_url) as sender:
            report = await send_many(sender, [EVENT])

    assert called.is_set()
    assert report.accepted == 1
