"""What becomes of an event in a worker, on real servers."""

from __future__ import annotations

import asyncio

import pytest
import servers
from aio_pika import Message

from sendpulse_async import Event, JournalError, OutcomeStatus
from sendpulse_async.integrations.taskiq import QueueStats
from sendpulse_async.integrations.taskiq._line import Line
from sendpulse_async.sandbox import Fault, Sandbox

from .stage import event, letters_of, until, until_stats

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


async def test_events_are_delivered(stage, sandbox):
    """What was put before a worker began, and what is put while it works; then nothing is left anywhere."""
    async with stage.queue() as queue:
        await queue.put(event(0))
        assert await queue.stats() == QueueStats(waiting=1, delayed=0, dead=0, workers=0)
        async with stage.worker(stage.orders(sandbox.event_url)):
            await queue.put(Event(email="someone@example.com", variables={"n": 1}))
            await until(lambda: sandbox.accepted_count == 2)
            assert (await queue.stats()).workers == 1
    await stage.drain(sandbox.event_url)

    assert sorted(entry.payload["n"] for entry in sandbox.events) == [0, 1]


async def test_a_worker_may_put_events(stage, sandbox):
    """The queue is open there, and taskiq's to close."""
    orders = stage.orders(sandbox.event_url)
    async with stage.worker(orders) as queue:
        async with queue:
            await queue.put(event(0))
        await queue.put(event(1))
        await until(lambda: sandbox.accepted_count == 2)
    await stage.drain(sandbox.event_url)


async def test_a_worker_opens_no_queue(stage, sandbox):
    """Before taskiq has opened it, who puts is told so."""
    queue = stage.orders(sandbox.event_url).made()
    queue.broker.is_worker_process = True

    with pytest.raises(JournalError, match="in a worker taskiq opens it"):
        await queue.put(event(0))


async def test_one_event_id_is_sent_once(stage, sandbox):
    """However often it is put, in whichever payload; it is acknowledged each time."""
    async with stage.queue() as queue, stage.worker(stage.orders(sandbox.event_url)):
        keys = {await queue.put(Event(email="first@example.com", event_id="canary-1")) for _ in range(5)}
        await until(lambda: sandbox.accepted_count)
        keys.add(await queue.put(Event(email="another@example.com", event_id="canary-1")))
        await queue.put(event(2))
        await until(lambda: sandbox.accepted_count == 2)
    await stage.drain(sandbox.event_url)

    assert len(keys) == 1
    assert sorted(entry.email for entry in sandbox.events) == ["first@example.com", "someone@example.com"]


async def test_what_was_not_sent_is_tried_again_after_the_delay(stage, sandbox):
    """Three refusals of a passing kind, then none: sent once, and each time a delay later."""
    sandbox.add_fault(Fault(status=503, retry_after=0.1, times=3))
    loop = asyncio.get_running_loop()
    async with stage.queue() as queue, stage.worker(stage.orders(sandbox.event_url, retry_delay=0.5)):
        began = loop.time()
        await queue.put(event())
        await until(lambda: sandbox.accepted_count)
        took = loop.time() - began
    await stage.drain(sandbox.event_url)

    assert (len(sandbox.refused), sandbox.accepted_count) == (3, 1)
    assert took >= 3 * 0.5


async def test_sendpulse_may_ask_for_a_longer_delay(stage, sandbox):
    """Its `Retry-After` beats the queue's own delay."""
    sandbox.add_fault(Fault(status=503, retry_after=2))
    loop = asyncio.get_running_loop()
    async with stage.queue() as queue, stage.worker(stage.orders(sandbox.event_url, retry_delay=0.1)):
        began = loop.time()
        await queue.put(event())
        await until(lambda: sandbox.accepted_count)

    assert loop.time() - began >= 2


async def test_nobody_listens_at_first(stage):
    """Refused connections are no reason to give up: when somebody listens, the event goes there once."""
    port = servers.free_port()
    sandbox = Sandbox(port=port)
    address = f"http://127.0.0.1:{port}/events/id/0123456789abcdef0123456789abcdef/7043663"
    async with stage.queue() as queue, stage.worker(stage.orders(address)):
        await queue.put(event())
        await until_stats(queue, lambda stats: stats.delayed == 1)
        await until_stats(queue, lambda stats: stats.delayed == 0)
        await until_stats(queue, lambda stats: stats.delayed == 1)
        with sandbox:
            await until(lambda: sandbox.accepted_count)
    await stage.drain(address)

    assert sandbox.accepted_count == 1


async def test_a_rejected_event_is_a_dead_letter(stage, sandbox):
    """With its reason; it is not sent again, and holds nobody up."""
    sandbox.add_fault(Fault(status=400, body={"result": False, "message": "canary"}, email="wrong@example.com"))
    async with stage.queue() as queue, stage.worker(stage.orders(sandbox.event_url)):
        key = await queue.put(Event(email="wrong@example.com", variables={"n": 0}, event_id="canary-0"))
        await queue.put(event(1))
        await until(lambda: sandbox.accepted_count)
        await until_stats(queue, lambda stats: stats.dead == 1)
        letters = await letters_of(queue)
        again = await letters_of(queue)

    letter = letters[0]
    assert letters == again
    assert (letter.key, letter.status, letter.generation) == (key, OutcomeStatus.REJECTED, 0)
    assert letter.reason == "HTTP 400: the event was refused"
    assert letter.event.event_id == "canary-0"
    assert letter.at > 1_600_000_000
    assert "canary" not in repr(letter)
    assert "@" not in repr(letter)
    assert len(sandbox.refused) == 1


async def test_what_the_sender_cannot_send_is_a_dead_letter(stage, sandbox):
    """Only the worker knows that a raw URL names its event already."""
    async with stage.queue() as queue, stage.worker(stage.orders(sandbox.event_url)):
        await queue.put(event(), event_name="registered")
        await until_stats(queue, lambda stats: stats.dead == 1)
        letter = (await letters_of(queue))[0]

    assert (letter.status, letter.event_name) == (OutcomeStatus.REJECTED, "registered")
    assert "event_name" in letter.reason
    assert not sandbox.events


async def test_a_claimed_event_is_left_alone(stage, sandbox):
    """While its worker may still be at work it waits; after that it is UNKNOWN, and not sent by itself."""
    orders = stage.orders(sandbox.event_url, deadline=1.0, grace=1.5, retry_delay=1.0)
    async with stage.queue() as queue:
        key = await queue.put(event())
        await stage.claim(key, sandbox.event_url)
        async with stage.worker(orders):
            await until_stats(queue, lambda stats: stats.delayed == 1)
            await until_stats(queue, lambda stats: stats.dead == 1)
            letter = (await letters_of(queue))[0]

    assert (letter.status, letter.reason) == (OutcomeStatus.UNKNOWN, "a worker ended while it was being sent")
    assert not sandbox.events


async def test_what_nobody_can_read_is_a_dead_letter(stage, sandbox):
    """Whatever a stranger puts into the queue: it is shown without an event, and never replayed."""
    bodies = [b"", b"canary", b"{}", b"[" * 5000, b"\xff", b'{"payload": 1, "is_custom": false}']
    async with stage.queue() as queue:
        async with stage.channel() as channel:
            for body in bodies:
                await channel.default_exchange.publish(Message(body), routing_key=stage.name)
            headers = {"sendpulse-key": "a", "sendpulse-generation": 0}
            await channel.default_exchange.publish(Message(b"canary", headers=headers), routing_key=stage.name)
        async with stage.worker(stage.orders(sandbox.event_url)):
            await until_stats(queue, lambda stats: stats.dead == len(bodies) + 1)
            letters = [letter async for letter in queue.dead_letters()]
            assert await queue.replay(resend_unknown=True) == 1

            await until_stats(queue, lambda stats: stats.dead == len(bodies) + 1)

    assert {(letter.event, letter.status, letter.reason) for letter in letters} == {
        (None, OutcomeStatus.REJECTED, "it cannot be read as an event")
    }
    assert sorted(letter.key or "" for letter in letters) == [*[""] * len(bodies), "a"]
    assert not sandbox.events


async def test_rabbitmq_itself_gives_an_event_up(stage, sandbox):
    """One that came back too often is shown with that reason, and replayed as the delivery log allows."""
    async with stage.queue() as queue:
        keys = [await queue.put(event(number)) for number in range(2)]
        async with stage.channel() as channel:
            taken = await channel.get_queue(stage.name, ensure=False)
            while (await queue.stats()).dead < 2:
                for message in [await taken.get(fail=False) for _ in range(2)]:
                    if message is not None:
                        await message.nack(requeue=True)
        letters = await letters_of(queue)
        await stage.claim(keys[1], sandbox.event_url)
        async with stage.worker(stage.orders(sandbox.event_url, deadline=0.5)):
            assert await queue.replay() == 2
            await until(lambda: sandbox.accepted_count)
            await until_stats(queue, lambda stats: stats.dead == 1)
            doubtful = (await letters_of(queue))[1]

    assert {(letter.status, letter.reason) for letter in letters.values()} == {
        (None, "RabbitMQ gave it up: delivery_limit")
    }
    assert [letters[number].key for number in range(2)] == keys
    assert letters[0].at > 1_600_000_000
    assert (doubtful.status, doubtful.generation) == (OutcomeStatus.UNKNOWN, 0)
    assert [entry.payload["n"] for entry in sandbox.events] == [0]


async def test_rabbitmq_takes_no_dead_letter_at_first(stage, sandbox, monkeypatch):
    """The message comes back, and the log knows that it was rejected: it is a dead letter, and was sent once."""
    bury, failures = Line.bury, iter([JournalError("not now")] * 2)

    async def bury_later(line, queued, dead, at):
        if (failure := next(failures, None)) is not None:
            raise failure
        await bury(line, queued, dead, at)

    monkeypatch.setattr(Line, "bury", bury_later)
    sandbox.add_fault(Fault(status=400, times=None))
    async with stage.queue() as queue, stage.worker(stage.orders(sandbox.event_url)):
        await queue.put(event())
        await until_stats(queue, lambda stats: stats.dead == 1)
        letter = (await letters_of(queue))[0]

    assert (letter.status, letter.generation) == (OutcomeStatus.REJECTED, 0)
    assert len(sandbox.refused) == 1


async def test_redis_goes_and_comes_back(stage, own_redis, sandbox):
    """Without the log nothing is sent; when it is there again everything is, once."""
    stage.redis = own_redis.url
    async with stage.queue() as queue, stage.worker(stage.orders(sandbox.event_url)):
        await queue.put(event(0))
        await until(lambda: sandbox.accepted_count == 1)
        own_redis.stop()
        for number in range(1, 6):
            await queue.put(event(number))
        await until_stats(queue, lambda stats: stats.delayed)
        assert sandbox.accepted_count == 1
        own_redis.start()
        await until(lambda: sandbox.accepted_count == 6)
    await stage.drain(sandbox.event_url)

    assert sorted(entry.payload["n"] for entry in sandbox.events) == list(range(6))


async def test_redis_hangs(stage, own_redis, sandbox):
    """A log that does not answer in time is as good as none."""
    stage.redis = own_redis.url
    async with stage.queue() as queue, stage.worker(stage.orders(sandbox.event_url, patience=0.3)):
        own_redis.freeze()
        await queue.put(event())
        await until_stats(queue, lambda stats: stats.delayed)
        assert not sandbox.events
        own_redis.thaw()
        await until(lambda: sandbox.accepted_count == 1)
    await stage.drain(sandbox.event_url)

    assert sandbox.accepted_count == 1
