"""`Retry-After` and shared pauses on a real socket: honoured where they fit, told at once where they do not."""

from __future__ import annotations

import math
import time
from email.utils import formatdate

import anyio
import pytest
from carriers import ALL, OWN, OWN_ON_TRIO, carried_by
from fakes import Listener, at_once
from fault_server import PATIENCE, refuse, send

from sendpulse_async import Quota, RateLimitedError, RawEventSender, RetryPolicy, ServiceUnavailableError

from .matrix import Bulk, Case, json_answer
from .scenes import QUICK, assert_honest, event

pytestmark = pytest.mark.anyio

HOUR = 3600


def refusal(status, *headers):
    """A case of a server that refuses like this."""
    steps = (refuse, send(json_answer({"message": "later"}, status, *headers)))
    return Case(5, "refusal", (), None, Bulk.PAUSES, on_request=steps)


def http_date(moment):
    return formatdate(moment, usegmt=True).encode()


def dated(seconds, ahead=0.0):
    """A `Retry-After` that is a date, by a clock that is so far ahead of ours, and the `Date` of that clock."""
    now = time.time() + ahead
    return b"Retry-After: " + http_date(now + seconds), b"Date: " + http_date(now)


@pytest.mark.parametrize(("status", "kind"), [(429, RateLimitedError), (503, ServiceUnavailableError)])
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ((b"Retry-After: 2",), 2),
        ((b"Retry-After: 2.5",), 2.5),
        ((b"Retry-After: 2", b"Retry-After: 7"), 7),
        ((b"Retry-After: soon", b"Retry-After: 7"), 7),
        ((b"Retry-After: 999999999999",), 24 * HOUR),
        (lambda: dated(60), 60),
        (lambda: dated(60)[:1], 60),
        (lambda: dated(60, ahead=2 * HOUR), 60),
        (lambda: dated(60, ahead=-2 * HOUR), 60),
    ],
    ids=["2", "2.5", "two", "one-of-two", "absurd", "date", "date-alone", "clock-ahead", "clock-behind"],
)
@carried_by(*ALL)
async def test_what_does_not_fit_into_the_deadline_fails_at_once(
    carrier, stage, authority, status, kind, headers, seconds
):
    """The error tells how long the wait would have been, a day at most, whatever the two clocks say."""
    headers = headers() if callable(headers) else headers  # a date is made when it is told
    scene, listener = stage(refusal(status, *headers)), Listener()

    async with scene.sender(carrier, authority.trust, deadline=1.5, on_outcome=listener) as sender:
        scene.fault.strike(1)
        with pytest.raises(kind) as caught:
            await sender.send_event(event(0))

    assert caught.value.retry_after == pytest.approx(seconds, abs=1.1 if headers[0].endswith(b"GMT") else 0.2)
    assert caught.value.attempts == 1
    assert_honest(scene, listener.outcomes)


@carried_by(*ALL)
async def test_a_refusal_pauses_every_sender_of_the_quota(carrier, stage, authority):
    """After a 429 with a second nobody who shares the quota sends before the time is up, and then all are accepted."""
    scene, quota, other = stage(refusal(429, b"Retry-After: 1")), Quota(None), Listener()
    options = {"rate_limit": quota, "on_outcome": other}

    async with (
        scene.sender(carrier, authority.trust, **options) as first,
        scene.sender(carrier, authority.trust, **options) as second,
    ):
        await first.send_event(event(0))
        scene.fault.strike(1)
        async with anyio.create_task_group() as group:
            group.start_soon(first.send_event, event(1))
            with anyio.fail_after(PATIENCE):
                while not quota.is_paused:
                    await anyio.sleep(0.001)
            began = anyio.current_time()
            left = quota.next_place(quota.now()) - quota.now()
            await second.send_event(event(2))
            waited = anyio.current_time() - began

    assert waited >= left - 0.01
    assert left > 0.2
    assert {outcome.status.value for outcome in other.outcomes} == {"accepted"}
    assert_honest(scene, other.outcomes)


CROWD = 500


@carried_by(*ALL)
async def test_a_crowd_on_two_connections_is_served(carrier, serve):
    """500 events at once over a pool of two: all accepted, each once, and never a third connection."""
    server = serve()
    url = f"http://127.0.0.1:{server.port}/events/id/x/1"

    async with (
        carrier.open(max_connections=2) as transport,
        RawEventSender(url, transport=transport, retry=RetryPolicy(**QUICK)) as sender,
    ):
        results = await at_once(*[lambda number=n: sender.send_event(event(number)) for n in range(CROWD)])

    assert [result.status_code for result in results] == [200] * CROWD
    assert len(set(server.bodies())) == len(server.ledger) == CROWD
    assert server.accepted <= 2


@carried_by(OWN, OWN_ON_TRIO)
async def test_a_day_without_quota_does_not_outlive_the_day(carrier, stage, authority):
    """An absurd `Retry-After` silences an account for a day at most: afterwards its events go again."""
    ahead = [0.0]
    quota = Quota(None, clock=lambda: time.monotonic() + ahead[0])
    scene = stage(refusal(429, b"Retry-After: 999999999999"))

    async with scene.sender(carrier, authority.trust, rate_limit=quota) as sender:
        scene.fault.strike(1)
        with pytest.raises(RateLimitedError):
            await sender.send_event(event(0), deadline=5)
        with pytest.raises(RateLimitedError):
            await sender.send_event(event(1))
        ahead[0] = 24 * HOUR + 1
        receipt = await sender.send_event(event(2), deadline=math.inf)

    assert receipt.confirmed
