"""`on_outcome`: it sees every event's outcome exactly once, a cancelled one's too, and can change none."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Mapping

import anyio
import pytest
from canaries import own_records
from fakes import (
    LOST,
    NO_CONNECTION,
    OVER_QUOTA,
    SILENCE,
    SILENCE_BEFORE,
    TAKEN,
    AsyncListener,
    Listener,
    ScriptedTransport,
    answer,
    backend,
    now,
    put_on_virtual_time,
    set_defaults,
    silence_after,
    turns,
)

from sendpulse_async import (
    Event,
    InvalidEventError,
    NotSentError,
    Quota,
    RateLimit,
    RawEventSender,
    Receipt,
    RejectedError,
    RetryPolicy,
    SendPulseError,
    UnknownDeliveryError,
)
from sendpulse_async._retrying import RetryingSender

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

EVENT = {"email": "canary@example.com"}
URL = "http://127.0.0.1:9/events/id/x/1"


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return backend(request.param)


@pytest.fixture(autouse=True)
def virtual_time(monkeypatch):
    put_on_virtual_time(monkeypatch)


@pytest.fixture(params=[Listener, AsyncListener])
def listener(request):
    return request.param()


def sender_on(*steps, hook, **options):
    transport = ScriptedTransport(*steps)
    return RawEventSender(URL, **{"transport": transport, "on_outcome": hook, "rate_limit": None, **options})


class Unreadable(Mapping):
    """A mapping of the caller's own that fails when it is read."""

    def __getitem__(self, key):
        raise OSError("canary")

    def __iter__(self):
        raise OSError("canary")

    def __len__(self):
        return 1


@pytest.mark.parametrize(
    ("step", "event", "result"),
    [
        (TAKEN, EVENT, Receipt),
        (TAKEN, Event(email="a@example.com"), Receipt),
        (answer(202, body=b""), EVENT, Receipt),
        (silence_after(200), EVENT, Receipt),
        (answer(400), EVENT, RejectedError),
        (LOST, EVENT, UnknownDeliveryError),
        (SILENCE, EVENT, UnknownDeliveryError),
        (SILENCE_BEFORE, EVENT, NotSentError),
        (NO_CONNECTION, EVENT, NotSentError),
        (TAKEN, {}, InvalidEventError),
        (TAKEN, {"email": 5}, InvalidEventError),
        (TAKEN, "no mapping", InvalidEventError),
        (TAKEN, None, InvalidEventError),
        (TAKEN, Unreadable(), InvalidEventError),
        (TAKEN, Event(email="a@example.com", event_name="order"), InvalidEventError),
    ],
)
async def test_every_outcome_is_told_once(step, event, result, listener):
    """Accepted, rejected, not sent, unknown, invalid or late: the hook gets what the caller gets, and the event."""
    async with sender_on(step, hook=listener, deadline=5) as sender:
        try:
            came = await sender.send_event(event)
        except SendPulseError as error:
            came = error

    (outcome,) = listener.outcomes
    assert type(came) is result
    assert came is (outcome.receipt or outcome.error)
    assert outcome.event is event
    assert (outcome.receipt is None) is not (outcome.error is None)


async def test_outcomes_are_numbered_by_call(listener):
    """`index` counts the calls of one sender, whatever came of them."""
    async with sender_on(TAKEN, hook=listener) as sender:
        for event in (EVENT, {}, EVENT):
            try:
                await sender.send_event(event)
            except InvalidEventError:
                continue

    assert [outcome.index for outcome in listener.outcomes] == [0, 1, 2]
    assert listener.statuses == ["accepted", "rejected", "accepted"]


async def test_a_closed_sender_tells_too(listener):
    """An event that is given to a closed sender has its outcome as well."""
    sender = sender_on(TAKEN, hook=listener)
    await sender.aclose()

    with pytest.raises(NotSentError):
        await sender.send_event(EVENT)

    assert listener.statuses == ["not_sent"]


CANCELLED = [
    (SILENCE, {}, "unknown", 1),
    (SILENCE_BEFORE, {}, "not_sent", 1),
    (silence_after(200), {}, "accepted", 1),
    (silence_after(500), {}, "unknown", 1),
    (silence_after(400), {}, "rejected", 1),
    (OVER_QUOTA, {}, "not_sent", 1),
    (NO_CONNECTION, {"retry": RetryPolicy(base_delay=25, max_attempts=2)}, "not_sent", 1),
    (LOST, {"retry": RetryPolicy(base_delay=25, repeat_unknown=True)}, "unknown", 1),
    (TAKEN, {"rate_limit": "full"}, "not_sent", 0),
]


async def begin(step, options, hook, monkeypatch):
    """Return a sender whose next event is under way at least half a second, on the way that `step` leads."""
    if options.get("rate_limit") == "full":
        options = {"rate_limit": Quota(RateLimit(per_second=0.1))}
        await options["rate_limit"].wait()
    set_defaults(monkeypatch, RetryingSender, jitter=lambda: 1.0)
    return sender_on(step, hook=hook, **options)


@pytest.mark.parametrize(("step", "options", "status", "attempts"), CANCELLED)
async def test_a_cancelled_events_outcome_is_told(step, options, status, attempts, listener, monkeypatch):
    """Cancellation propagates, and the hook hears what it meant: how far the event got decides."""
    async with await begin(step, options, listener, monkeypatch) as sender:
        with anyio.CancelScope(deadline=now() + 0.5) as scope:
            await sender.send_event(EVENT)

    (outcome,) = listener.outcomes
    told = outcome.receipt or outcome.error
    assert scope.cancelled_caught
    assert (outcome.status.value, told.attempts) == (status, attempts)
    assert told.elapsed == pytest.approx(0.5)


@pytest.mark.parametrize("cancellations", [1, 2, 5])
@pytest.mark.parametrize(("step", "status"), [(SILENCE, "unknown"), (TAKEN, "accepted")])
async def test_asyncios_own_cancellation_is_told_as_well(cancellations, step, status, listener, anyio_backend):
    """A task that is cancelled, and cancelled again while it tells, tells once to the end, and ends cancelled."""
    if anyio_backend[0] == "trio":
        pytest.skip("trio has scopes alone")
    listener.patience = 20
    async with sender_on(step, hook=listener) as sender:
        task = asyncio.create_task(sender.send_event(EVENT))
        await turns(10)
        for _ in range(cancellations):
            task.cancel()
            await asyncio.sleep(0)
        await asyncio.wait([task], timeout=5)

    assert listener.statuses == [status]
    assert task.cancelled() is (step is SILENCE or isinstance(listener, AsyncListener))


async def test_asyncios_timeout_is_told_as_well(listener, anyio_backend):
    """`asyncio.timeout` around a call raises its TimeoutError, and the hook knows what came of the event."""
    if anyio_backend[0] == "trio":
        pytest.skip("trio has scopes alone")
    async with sender_on(SILENCE_BEFORE, hook=listener) as sender:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await sender.send_event(EVENT)

    assert listener.statuses == ["not_sent"]


async def test_a_cancellation_while_the_hook_is_told_changes_nothing():
    """A hook that is being told when the call is cancelled is finished, and not called again."""
    outcomes = []

    async def listen(outcome):
        await anyio.sleep(0.5)
        outcomes.append(outcome.status.value)

    async with sender_on(TAKEN, hook=listen) as sender:
        with anyio.move_on_after(0.2) as scope:
            await sender.send_event(EVENT)

    assert scope.cancelled_caught
    assert outcomes == ["accepted"]


@pytest.mark.parametrize("step", [SILENCE, TAKEN])
async def test_a_hook_that_hangs_holds_a_cancelled_call_for_a_second(step):
    """A cancelled call waits for its hook, and never longer than a second."""
    calls = []

    async def hang(outcome):
        calls.append(outcome)
        await anyio.sleep_forever()

    began = now()
    async with sender_on(step, hook=hang) as sender:
        with anyio.move_on_after(3) as scope:
            await sender.send_event(EVENT)

    assert scope.cancelled_caught
    assert now() - began == pytest.approx(4)
    assert len(calls) == 1


async def raise_later(outcome):
    await turns(1)
    raise KeyError("canary")


def raise_at_once(outcome):
    raise KeyError("canary")


@pytest.mark.parametrize("hook", [raise_at_once, raise_later])
@pytest.mark.parametrize("step", [TAKEN, answer(400), SILENCE])
async def test_a_hook_that_raises_changes_nothing(hook, step, caplog):
    """The outcome stands, the call ends as it would have, and one line is logged without the error's words."""
    caplog.set_level(logging.INFO, "sendpulse_async")
    async with sender_on(step, hook=hook) as sender:
        with anyio.move_on_after(1) as scope:
            if step is TAKEN:
                assert (await sender.send_event(EVENT)).confirmed
            else:
                with pytest.raises(RejectedError):
                    await sender.send_event(EVENT)

    assert scope.cancelled_caught is (step is SILENCE)
    (record,) = own_records(caplog)
    assert "KeyError" in record.getMessage()


@pytest.mark.parametrize("is_handed_over", [True, False])
async def test_a_fault_of_the_code_is_told_and_raised(is_handed_over, listener):
    """What a transport should never raise comes out as it is, and the event has its outcome all the same."""

    class Faulty(ScriptedTransport):
        async def send(self, request):
            await turns(1)
            request.progress.is_handed_over = is_handed_over
            raise ZeroDivisionError

    async with RawEventSender(URL, transport=Faulty(), on_outcome=listener) as sender:
        with pytest.raises(ZeroDivisionError):
            await sender.send_event(EVENT)

    assert listener.statuses == ["unknown" if is_handed_over else "not_sent"]


@pytest.mark.parametrize("wrap", [functools.partial, lambda hook: hook.__call__])
async def test_a_hook_is_anything_that_can_be_called(wrap, listener):
    """Sync or async is told by what it returns, so a partial or a method of either will do."""
    async with sender_on(TAKEN, hook=wrap(listener)) as sender:
        await sender.send_event(EVENT)

    assert listener.statuses == ["accepted"]
