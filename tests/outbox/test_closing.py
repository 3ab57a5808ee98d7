"""How an outbox ends: it drains, settles what is under way by how far it got, and goes on the next time."""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import time
import warnings

import anyio
import pytest
from canaries import own_records
from fakes import SILENCE, SILENCE_BEFORE, AsyncListener, Step, answer, silence_after, turns
from fault_server import read_request, silence

from sendpulse_async import (
    Drained,
    JournalError,
    NotSentError,
    Outbox,
    OutboxStats,
    RawEventSender,
    UnknownDeliveryError,
)
from sendpulse_async.transports.direct import DirectTransport

from .stage import REFUSED, TheirSender, event, settled, until

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]


async def test_the_end_waits_until_nothing_is_pending(stage):
    """What was put is delivered; the counts tell what was done since the opening."""
    stage.script = lambda number: REFUSED if number == 1 else answer()
    outbox = stage.outbox()
    for number in range(5):
        await outbox.put(event(number))

    assert await outbox.aclose(drain=math.inf) == Drained(delivered=4, pending=0, dead=1)
    assert stage.sent == [0, 1, 2, 3, 4]

    await outbox.open()
    assert await outbox.stats() == OutboxStats(put=5, accepted=4, rejected=1)
    assert await outbox.aclose() == Drained()


async def test_leaving_the_block_drains(stage):
    """On an exception too, which comes through."""

    async def use():
        async with stage.outbox() as outbox:
            await outbox.put(event(0))
            raise LookupError

    with pytest.raises(LookupError):
        await use()
    assert stage.sent == [0]


async def test_a_closed_outbox_takes_nothing(stage):
    """It says so; closing it again tells the same; opening it again is possible."""
    outbox = stage.outbox()
    await outbox.put(event(0))
    drained = await outbox.aclose()

    for call in (outbox.put(event(1)), outbox.stats(), outbox.dead_letters(), outbox.requeue(1)):
        with pytest.raises(JournalError, match="the outbox is closed"):
            await call
    assert await outbox.aclose() == drained == Drained(delivered=1)

    async with outbox:
        await outbox.put(event(1))
    assert stage.sent == [0, 1]


async def test_an_outbox_that_was_never_opened_may_be_closed(stage):
    """There is nothing to do, and nothing is made for it."""
    outbox = stage.outbox()

    assert await outbox.aclose() == Drained()
    with pytest.raises(JournalError, match="the outbox is closed"):
        await outbox.put(event(0))
    assert stage.path is None or not stage.path.exists()


async def test_all_who_close_wait_for_the_same_end(stage):
    """And whoever would put or open meanwhile is refused."""
    go = asyncio.Event()
    stage.script = lambda number: Step(answer(), after=go)
    outbox = stage.outbox()
    await outbox.put(event(0))
    closings = [asyncio.create_task(outbox.aclose(drain=20)) for _ in range(3)]
    await turns()

    for call in (outbox.put(event(1)), outbox.open()):
        with pytest.raises(JournalError, match="the outbox is closed"):
            await call
    go.set()

    assert await asyncio.gather(*closings) == [Drained(delivered=1)] * 3


# Under way at the end


@pytest.mark.parametrize(
    ("step", "status", "counts"),
    [
        (SILENCE, "unknown", {"unknown": 1}),
        (SILENCE_BEFORE, None, {"pending": 1}),
        (silence_after(200), "accepted", {"accepted": 1}),
        (silence_after(400), "rejected", {"rejected": 1}),
        (silence_after(500), "unknown", {"unknown": 1}),
        (silence_after(403), None, {"pending": 1}),
        (silence_after(429), None, {"pending": 1}),
    ],
)
@pytest.mark.parametrize("way", ["aclose", "cancelled", "hurried"])
async def test_what_is_under_way_is_settled_by_how_far_it_got(stage, step, status, counts, way):
    """The time of draining is up, or whoever closes is cancelled: the event has the outcome of its phase, on disk."""
    stage.script = lambda number: step
    outbox = stage.outbox()
    await outbox.put(event(0))
    await until(lambda: stage.transport.begun and (not step.head or stage.transport.requests[0].progress.head))

    if way == "aclose":
        await outbox.aclose(drain=0)
    else:
        closing = asyncio.create_task(outbox.aclose(drain=math.inf))
        await turns(3 if way == "hurried" else 60)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing

    assert stage.listener.statuses == [status] * (status is not None)
    drained = await outbox.aclose()
    assert drained == Drained(
        counts.get("accepted", 0), counts.get("pending", 0), counts.get("rejected", 0) + counts.get("unknown", 0)
    )
    stage.script = lambda number: answer()
    again = stage.outbox()
    await again.open()
    expected = OutboxStats(put=1, **counts)
    if not expected.pending:
        assert await again.stats() == expected
    await again.aclose()
    assert stage.sent == [0] * (1 + expected.pending)


@pytest.mark.parametrize("transport", [None, DirectTransport], ids=["httpx", "direct"])
@pytest.mark.parametrize("is_read", [True, False])
async def test_on_a_real_socket(path, serve, transport, is_read):
    """A server that has the event and says nothing leaves it UNKNOWN; one that never accepts leaves it in line."""
    server = serve([read_request, silence], is_open=is_read)
    if not is_read:
        server.listen_without_accepting()
    url = f"http://127.0.0.1:{server.port}/events/id/x/1"
    opened = transport and transport()
    async with RawEventSender(url, rate_limit=None, transport=opened) as sender:
        outbox = Outbox(path, sender)
        await outbox.put(event(0))
        if is_read:
            await until(lambda: server.ledger)
        else:
            await until(lambda: outbox._session._worker is not None)
            await asyncio.sleep(0.05)  # the attempt to connect can be seen nowhere
        began = time.monotonic()
        drained = await outbox.aclose(drain=0)
        assert time.monotonic() - began < 1.5
        if opened:
            await opened.aclose()

    assert drained == (Drained(dead=1) if is_read else Drained(pending=1))


async def test_a_hook_has_a_second_at_the_end(stage):
    """A slow hook of the cancelled event is waited for, a hanging one is not."""
    stage.script = lambda number: SILENCE
    listener = AsyncListener()
    outbox = stage.outbox(on_outcome=listener)
    await outbox.put(event(0))
    await until(lambda: stage.transport.begun)
    await outbox.aclose(drain=0)
    assert listener.statuses == ["unknown"]


async def test_a_hook_that_hangs_is_left_behind(path):
    """Its event is accepted all the same, and the end comes within some seconds."""
    outbox = Outbox(path, TheirSender(), on_outcome=lambda outcome: asyncio.sleep(3600))
    await outbox.put(event(0))
    await until(lambda: outbox._session._delivery.delivered)

    async with asyncio.timeout(5):
        assert await outbox.aclose(drain=0) == Drained(delivered=1)


async def test_a_sender_that_cannot_be_cancelled_is_left_behind(path):
    """The file is closed; what came of the event nobody knows, and the next opening says so."""
    go = asyncio.Event()

    async def stubborn(event):
        while not go.is_set():
            try:
                await go.wait()
            except asyncio.CancelledError:
                continue

    outbox = Outbox(path, TheirSender(stubborn))
    await outbox.put(event(0))
    await until(lambda: outbox._sender._sender.seen)
    async with asyncio.timeout(10):
        await outbox.aclose(drain=0)
    worker = outbox._session
    assert worker is None

    async with Outbox(path, TheirSender()) as again:
        (letter,) = await again.dead_letters()
        assert letter.status.value == "unknown"
    go.set()
    await turns()


async def test_a_scope_that_ends_settles_too(stage):
    """A cancel scope around all of it, which cancels whatever is awaited afterwards: the outcome stands, once."""
    stage.script = lambda number: SILENCE
    with anyio.CancelScope() as scope:
        async with stage.outbox() as outbox:
            await outbox.put(event(0))
            await until(lambda: stage.transport.begun)
            scope.cancel()
            await asyncio.sleep(0)

    assert stage.listener.statuses == ["unknown"]
    await outbox.aclose()
    async with outbox:
        assert await outbox.stats() == OutboxStats(put=1, unknown=1)


# Event loops


def test_the_end_of_a_loop_settles_too(stage):
    """A loop that ends without `aclose` cancels the worker; the next loop takes over, and nothing is sent twice."""
    stage.script = lambda number: SILENCE

    async def leave():
        await outbox.put(event(0))
        await outbox.put(event(1))
        await until(lambda: stage.transport.begun)

    async def come_back():
        stage.script = lambda number: answer()
        await outbox.put(event(2))
        return await settled(outbox), await outbox.aclose()

    outbox = stage.outbox()
    asyncio.run(leave())
    stats, drained = asyncio.run(come_back())

    assert stats == OutboxStats(put=3, accepted=2, unknown=1)
    assert drained.delivered == 2
    assert stage.sent == [0, 1, 2]
    assert stage.listener.statuses == ["unknown", "accepted", "accepted"]


def test_a_loop_that_just_stops_is_as_a_crash(stage):
    """What was under way is UNKNOWN when the next loop takes over."""
    stage.script = lambda number: SILENCE
    outbox = stage.outbox()

    async def leave():
        await outbox.put(event(0))
        await until(lambda: stage.transport.begun)

    async def come_back():
        await outbox.open()
        stats = await settled(outbox)
        await outbox.aclose()
        return stats

    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave())
    (task,) = asyncio.all_tasks(loop)
    task._log_destroy_pending = False
    loop.close()

    assert asyncio.run(come_back()) == OutboxStats(put=1, unknown=1)
    assert stage.sent == [0]
    (outcome,) = stage.listener.outcomes
    assert isinstance(outcome.error, UnknownDeliveryError)
    del task
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


def test_two_loops_at_once_are_one_too_many(stage):
    """The second one says so, whatever it asks for, and the first goes on."""
    outbox, first, second = stage.outbox(), asyncio.new_event_loop(), asyncio.new_event_loop()
    first.run_until_complete(outbox.put(event(0)))

    for call in (outbox.put(event(1)), outbox.open(), outbox.stats(), outbox.aclose()):
        with pytest.raises(JournalError, match="in another event loop"):
            second.run_until_complete(call)
    assert first.run_until_complete(outbox.aclose()) == Drained(delivered=1)
    second.close()
    first.close()


def test_what_was_left_in_an_ended_loop_may_be_closed(stage):
    """Closing frees the file, though the loop is gone."""
    outbox = stage.outbox()
    asyncio.run(outbox.put(event(0)))

    asyncio.run(outbox.aclose())
    with pytest.raises(JournalError, match="is closed"):
        asyncio.run(outbox.put(event(1)))


@pytest.mark.parametrize("is_in_trouble", [False, True])
async def test_left_open_it_says_so(path, is_in_trouble):
    """One `ResourceWarning` tells what to do; the file is closed when the worker has done what there was to do."""
    go = asyncio.Event()

    async def wait(event):
        await go.wait()

    outbox = Outbox(path, TheirSender(wait))
    await outbox.put(event(0))
    if not is_in_trouble:
        go.set()
        await settled(outbox)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del outbox
        gc.collect()
    (said,) = [str(warning.message) for warning in caught if warning.category is ResourceWarning]
    assert said == f"unclosed Outbox({str(path)!r}); use async with or await aclose()"
    go.set()

    async with asyncio.timeout(10):
        while True:
            try:
                async with Outbox(path, TheirSender()) as again:
                    stats = await again.stats()
                    break
            except JournalError:
                await asyncio.sleep(0.01)
    assert stats == OutboxStats(put=1, accepted=1)


def test_what_was_never_opened_has_nothing_to_say(stage):
    """Nor has what was closed."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outbox = stage.outbox()
        asyncio.run(outbox.aclose())
        stage._outbox = None
        del outbox
        gc.collect()


# The worker's crash


async def test_a_fault_of_the_sender_stops_the_worker_and_is_raised(stage, caplog):
    """The event in hand is UNKNOWN, the next call raises the fault, the one after finds the worker at work again."""
    faults = [LookupError("canary")]

    async def script(event):
        if faults:
            raise faults.pop()

    outbox = Outbox(stage.path, TheirSender(script)) if stage.path else Outbox.in_memory(TheirSender(script))
    await outbox.put(event(0))
    await until(lambda: outbox._session._fault)
    with pytest.raises(LookupError):
        await outbox.put(event(1))

    await outbox.put(event(2))
    assert await settled(outbox) == OutboxStats(put=2, accepted=1, unknown=1)
    await outbox.aclose()
    (record,) = own_records(caplog)
    assert record.levelno == logging.ERROR
    assert record.getMessage().endswith("stopped: LookupError was raised")


@pytest.mark.parametrize("call", ["put", "stats", "dead_letters", "aclose", "open"])
async def test_every_call_may_be_told_of_a_fault(path, call):
    """Whichever comes first; the end comes all the same."""

    async def script(event):
        raise LookupError

    outbox = Outbox(path, TheirSender(script))
    await outbox.put(event(0))
    await until(lambda: outbox._session._fault)
    with pytest.raises(LookupError):
        await (outbox.put(event(1)) if call == "put" else getattr(outbox, call)())
    assert await outbox.aclose() == Drained(dead=1)
    async with Outbox(path, TheirSender()) as again:
        assert await again.stats() == OutboxStats(put=1, unknown=1)


async def test_who_waits_for_room_hears_of_a_fault(path, monkeypatch):
    """A worker that has stopped makes no room, so nobody waits for it."""
    go = asyncio.Event()

    async def script(event):
        await go.wait()

    async def fail(number):
        raise JournalError("the disk is full")

    outbox = Outbox(path, TheirSender(script), max_pending=1)
    monkeypatch.setattr(outbox._shelf, "accept", fail)
    await outbox.put(event(0))
    waiting = [asyncio.create_task(outbox.put(event(number))) for number in range(1, 4)]
    await turns()
    go.set()
    for put in waiting:
        with pytest.raises(JournalError, match="the disk is full"):
            await put
    with pytest.raises(JournalError, match="the disk is full"):
        await outbox.aclose()


async def test_a_fault_does_not_hide_what_ends_the_block(path):
    """It was logged; the block's own exception is the one that is raised."""

    async def script(event):
        raise LookupError

    async def use(error):
        async with Outbox(path, TheirSender(script)) as outbox:
            await outbox.put(event(0))
            await until(lambda: outbox._session._fault)
            if error:
                raise error

    with pytest.raises(ZeroDivisionError):
        await use(ZeroDivisionError())
    with pytest.raises(LookupError):
        await use(None)


@pytest.mark.parametrize("verb", ["intend", "accept", "put_back", "bury", "first"])
async def test_a_shelf_that_fails_stops_the_worker_and_loses_nothing(stage, monkeypatch, verb):
    """What came of the event in hand is kept in mind, and is on the shelf as soon as that works again."""
    steps = {"put_back": [SILENCE_BEFORE, answer()], "intend": [answer(), answer()], "bury": [REFUSED]}.get(
        verb, [answer()]
    )
    stage.script = lambda number: steps.pop(0)
    stage.sender = stage.sender_on(deadline=0.05)
    outbox = stage.outbox()
    await outbox.open()
    work, faults = getattr(outbox._shelf, verb), [JournalError("the disk is full")]

    async def fail(*arguments, **options):
        if faults:
            raise faults.pop()
        return await work(*arguments, **options)

    monkeypatch.setattr(outbox._shelf, verb, fail)
    monkeypatch.setattr(outbox._session._delivery._turns, "jitter", lambda: 0.0)
    await outbox.put(event(0))
    await until(lambda: outbox._session._fault)
    with pytest.raises(JournalError, match="the disk is full"):
        await outbox.put(event(1))

    stats = await settled(outbox)

    assert stats == (OutboxStats(put=1, rejected=1) if verb == "bury" else OutboxStats(put=1, accepted=1))
    assert len(stage.listener.outcomes) == 1
    assert len(stage.transport.requests) == {"put_back": 2, "intend": 2}.get(verb, 1)
    assert steps == []
    await outbox.aclose()


async def test_a_put_that_fails_stores_nothing_and_the_worker_goes_on(path, monkeypatch):
    """A full disk is told to who puts; what was put before is delivered."""
    outbox = Outbox(path, TheirSender())
    await outbox.open()

    async def fail(record):
        raise JournalError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(outbox._shelf, "add", fail)
        with pytest.raises(JournalError, match="the disk is full"):
            await outbox.put(event(0))
    await outbox.put(event(1))
    assert await outbox.aclose() == Drained(delivered=1)


async def test_nothing_is_sent_where_the_intent_cannot_be_noted(path, serve, monkeypatch):
    """No byte of an event leaves before its intent is on disk."""
    server = serve()
    async with RawEventSender(f"http://127.0.0.1:{server.port}/events/id/x/1", rate_limit=None) as sender:
        outbox = Outbox(path, sender)
        await outbox.open()

        async def fail(number):
            raise JournalError("the disk is full")

        monkeypatch.setattr(outbox._shelf, "intend", fail)
        await outbox.put(event(0))
        await until(lambda: outbox._session._fault)
        with pytest.raises(JournalError):
            await outbox.aclose()

    assert server.ledger == []
    assert not issubclass(JournalError, NotSentError)


@pytest.mark.parametrize("has_left", [False, True])
def test_a_signal_in_the_middle_is_no_reason_to_send_twice(stage, has_left):
    """`KeyboardInterrupt` within a delivery stops the loop; whoever goes on finds the event UNKNOWN, or in line."""
    network, steps = stage.transport.send, iter([KeyboardInterrupt])

    async def send(request):
        if fault := next(steps, None):
            if has_left:
                await request.before_first_byte()
            raise fault
        return await network(request)

    stage.transport.send = send
    outbox, loop = stage.outbox(), asyncio.new_event_loop()

    async def put_and_wait():
        await outbox.put(event(0))
        await asyncio.sleep(20)

    async def go_on():
        stats = await settled(outbox)
        await outbox.aclose()
        return stats

    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(put_and_wait())
    stats = loop.run_until_complete(go_on())
    loop.close()

    assert stats == (OutboxStats(put=1, unknown=1) if has_left else OutboxStats(put=1, accepted=1))
    assert len(stage.listener.outcomes) == 1
