"""Workers that are killed, that are told to end, and that lose their connections: nothing twice, nothing lost."""

from __future__ import annotations

import asyncio
import os
from collections import Counter

import pytest

from .proxy import Proxy
from .stage import event, letters_of, until, until_stats

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.timeout(110),
    pytest.mark.skipif(not hasattr(os, "killpg"), reason="this system has no such signals"),
]

COUNT = 2000
IN_FLIGHT = 16
LOST = "a worker ended while it was being sent"


def is_empty(stats):
    return not stats.waiting + stats.delayed


async def end(process):
    process.terminate()
    assert await asyncio.to_thread(process.wait) == 0


async def test_one_worker_is_killed_and_one_told_to_end(stage, ledger, record_property):
    """Of 2,000 events none is taken twice and none is lost: what the killed one had in its hands is UNKNOWN."""
    orders = stage.orders(ledger.url, deadline=4.0, max_in_flight=IN_FLIGHT)
    loop, is_killed, is_time = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    first, second = stage.process(orders), stage.process(orders)

    def strike(total):
        if total == COUNT // 3:
            first.kill()
            loop.call_soon_threadsafe(is_killed.set)
        elif total == COUNT * 2 // 3:
            loop.call_soon_threadsafe(is_time.set)

    ledger.before_answer = strike
    async with stage.queue() as queue:
        await until_stats(queue, lambda stats: stats.workers == 2)
        for start in range(0, COUNT, 100):
            await asyncio.gather(*(queue.put(event(number)) for number in range(start, start + 100)))
        await asyncio.wait_for(is_killed.wait(), 60)
        third = stage.process(orders)
        await asyncio.wait_for(is_time.wait(), 60)
        await end(second)
        fourth = stage.process(orders)
        await until_stats(queue, is_empty)
        await end(third)
        await end(fourth)
        stats = await stage.settle(
            ledger.url
        )  # of what the killed one had in its hands, others may still wait for its end
        letters = await letters_of(queue)

    taken = Counter(ledger.taken)
    assert max(taken.values()) == 1, "an event was taken twice"
    assert set(taken) | set(letters) == set(range(COUNT)), "an event was lost"
    assert {(letter.status.value, letter.reason) for letter in letters.values()} <= {("unknown", LOST)}
    assert len(letters) <= IN_FLIGHT
    assert (stats.waiting, stats.delayed, stats.dead) == (0, 0, len(letters))
    record_property("dead letters", len(letters))
    record_property("of these taken", len(set(letters) & set(taken)))


async def test_killed_while_answers_are_awaited(stage, ledger):
    """Exactly the events that it had claimed are UNKNOWN, once no other worker can have them any more."""
    ledger.is_answering = False
    orders = stage.orders(ledger.url, deadline=2.0, max_in_flight=8)
    worker = stage.process(orders, "--log-level", "DEBUG")  # at which nothing of an event is said either
    async with stage.queue() as queue:
        await asyncio.gather(*(queue.put(event(number)) for number in range(20)))
        await asyncio.to_thread(ledger.wait_for, 8)
        worker.kill()
        first = set(ledger.taken)
        ledger.answer()
        another = stage.process(orders)
        await until_stats(queue, lambda stats: stats.dead == 8)
        await end(another)
        letters, stats = await letters_of(queue), await queue.stats()

    assert set(letters) == first
    assert {(letter.status.value, letter.reason) for letter in letters.values()} == {("unknown", LOST)}
    assert ledger.taken == dict.fromkeys(range(20), 1)
    assert (stats.waiting, stats.delayed) == (0, 0)


async def test_told_to_end_while_answers_are_awaited(stage, ledger):
    """It takes no more events, lets those in its hands end, and nothing is UNKNOWN."""
    ledger.is_answering = False
    worker = stage.process(stage.orders(ledger.url, deadline=30.0, max_in_flight=8))
    async with stage.queue() as queue:
        await asyncio.gather(*(queue.put(event(number)) for number in range(20)))
        await asyncio.to_thread(ledger.wait_for, 8)
        worker.terminate()
        await until(lambda: "Stopping prefetching" in worker.said)
        ledger.answer()
        assert await asyncio.to_thread(worker.wait) == 0
        stats = await queue.stats()

    assert sorted(ledger.taken.values()) == [1] * 8
    assert (stats.waiting, stats.delayed, stats.dead) == (12, 0, 0)


async def test_connections_are_cut_while_answers_are_awaited(stage, ledger, rabbitmq):
    """RabbitMQ gives the events to another connection, whoever has that leaves them alone, and each is sent once."""
    ledger.is_answering = False
    with Proxy(rabbitmq.port) as proxy:
        amqp = rabbitmq.url.replace(str(rabbitmq.port), str(proxy.port))
        orders = stage.orders(ledger.url, amqp=amqp, deadline=30.0, retry_delay=2.0)
        async with stage.worker(orders), stage.queue() as queue:
            await asyncio.gather(*(queue.put(event(number)) for number in range(8)))
            await asyncio.to_thread(ledger.wait_for, 8)
            assert proxy.cut() == 2
            await until_stats(queue, lambda stats: stats.delayed == 8)
            ledger.answer()
            await queue.put(event(8))
            await until_stats(queue, lambda stats: is_empty(stats) and ledger.total == 9)
        async with stage.queue() as queue:
            stats = await queue.stats()

    assert ledger.taken == dict.fromkeys(range(9), 1)
    assert (stats.waiting, stats.delayed, stats.dead) == (0, 0, 0)
