"""Who puts events: what is checked, what is promised when `put` returns, and what is said when it cannot be."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Annotated

import pytest
from attrs import frozen
from canaries import assert_silent, texts_of_error
from taskiq_aio_pika import AioPikaBroker

from sendpulse_async import ConfigurationError, Event, InvalidEventError, JournalError, typed
from sendpulse_async.integrations.taskiq import EventQueue

from .proxy import Proxy
from .stage import HERE, PATIENCE, event, nobody, until_stats

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

URL = "amqp://canary:canary@127.0.0.1:1/"


@pytest.fixture
def proxy(rabbitmq):
    with Proxy(rabbitmq.port) as proxy:
        yield proxy


@pytest.fixture
def amqp(rabbitmq, proxy):
    return rabbitmq.url.replace(str(rabbitmq.port), str(proxy.port))


async def is_put(queue, number=0):
    try:
        await queue.put(event(number))
    except JournalError:
        return False
    return True


async def test_a_wrong_event_is_refused_at_once(stage):
    """With all its problems; nothing is put."""
    async with stage.queue() as queue:
        for wrong in ({"email": "canary"}, {}, 5, {"email": "a@b.c", "n": object()}):
            with pytest.raises(InvalidEventError):
                await queue.put(wrong)
        with pytest.raises(InvalidEventError, match="event_name"):
            await queue.put(event(), event_name="")

        assert (await queue.stats()).waiting == 0


@typed.event("order_paid")
@frozen
class OrderPaid:
    customer: Annotated[str, typed.Email]
    order: Annotated[int, typed.EventId]


async def test_an_object_of_a_declared_class(stage):
    """It is put like any event: under its identity's key, refused with its own field's path."""
    async with stage.queue() as queue:
        keys = {await queue.put(OrderPaid("someone@example.com", 7)) for _ in range(2)}
        keys |= {await queue.put(Event(email="someone@example.com", event_id="7"))}
        with pytest.raises(InvalidEventError, match=r"^customer: "):
            await queue.put(OrderPaid("nobody", 8))

        assert len(keys) == 1
        assert (await queue.stats()).waiting == 3


async def test_keys(stage):
    """An `event_id` gives the same key each time, which does not show it; without one each event has its own."""
    async with stage.queue() as queue:
        with_id = {await queue.put(Event(email="someone@example.com", event_id="canary")) for _ in range(3)}
        without = {await queue.put(event()) for _ in range(3)}

    assert len(with_id) == 1
    assert len(without) == 3
    assert_silent(*with_id)


async def test_rabbitmq_is_away(stage, proxy, amqp):
    """Who puts is told so, in time and without a secret; when it is back, so is everything else."""
    proxy.take_away()
    queue = stage.queue(amqp=amqp, patience=1.0)
    with pytest.raises(JournalError, match="cannot be opened") as caught:
        await queue.put(event())
    assert_silent(*texts_of_error(caught.value))

    proxy.bring_back()
    await queue.put(event())
    proxy.take_away()
    with pytest.raises(JournalError):  # what the client knows of its connection just then is its affair
        await queue.put(event())
    with pytest.raises(JournalError, match="cannot be reached, and no event was put there") as caught:
        await queue.put(event())
    assert_silent(*texts_of_error(caught.value))

    proxy.bring_back()
    async with asyncio.timeout(PATIENCE):
        while not await is_put(queue):
            await asyncio.sleep(0.1)
    assert (await queue.stats()).waiting == 2
    await queue.aclose()


async def test_rabbitmq_goes_while_an_event_is_put(stage, proxy, amqp):
    """No put that returned is lost, and each other one raised, though nobody was cancelled."""
    async with stage.queue(amqp=amqp, patience=5.0) as queue:
        tasks = [asyncio.create_task(is_put(queue, number)) for number in range(200)]
        await until_stats(queue, lambda stats: stats.waiting > 0)
        proxy.cut()
        outcomes = await asyncio.gather(*tasks)
    async with stage.queue() as queue:
        stats = await queue.stats()

    assert outcomes.count(True) <= stats.waiting <= 200


async def test_rabbitmq_is_away_at_the_end(stage, proxy, amqp):
    """Closing ends all the same, and at once."""
    queue = stage.queue(amqp=amqp, patience=2.0)
    await queue.put(event())
    proxy.take_away()

    async with asyncio.timeout(10):
        await queue.aclose()

    with pytest.raises(JournalError, match="is closed"):
        await queue.put(event())


async def test_a_queue_that_was_removed(stage):
    """What finds no queue is not put, and RabbitMQ says so."""
    async with stage.queue() as queue, stage.channel() as channel:
        await channel.queue_delete(stage.name)

        with pytest.raises(JournalError, match="did not confirm an event"):
            await queue.put(event())
        with pytest.raises(JournalError, match="there is no queue"):
            await queue.stats()

        async with stage.queue():  # makes it anew
            await queue.put(event())
            assert (await queue.stats()).waiting == 1


async def test_queues_of_other_settings(stage):
    """A name that somebody else uses is a wrong setting, and theirs is left as it was."""
    async with stage.channel() as channel:
        await channel.declare_queue(stage.name, durable=True)
        with pytest.raises(ConfigurationError, match="is there with other settings"):
            await stage.queue().open()
        await channel.queue_delete(stage.name)

    async with stage.queue() as queue:
        assert (await queue.stats()).waiting == 0


async def test_wrong_credentials(stage, rabbitmq):
    """They are in no text."""
    queue = EventQueue(f"amqp://guest:canary@127.0.0.1:{rabbitmq.port}/", nobody)

    with pytest.raises(JournalError, match="cannot be opened") as caught:
        await queue.open()

    assert_silent(*texts_of_error(caught.value), repr(queue))


async def test_a_cancelled_put(stage):
    """The cancellation comes through, and the queue goes on."""
    async with stage.queue() as queue:
        for turns in range(12):
            task = asyncio.create_task(queue.put(event()))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled() or isinstance(task.result(), str)

        await queue.put(event())
        assert 1 <= (await queue.stats()).waiting <= 13


async def test_closed_and_opened_again(stage):
    """A closed queue takes nothing, may be closed again, and opened."""
    queue = stage.queue()
    await queue.put(event())
    await queue.aclose()
    await queue.aclose()
    for call in (lambda: queue.put(event()), queue.stats, queue.replay):
        with pytest.raises(JournalError, match="is closed"):
            await call()

    await queue.open()
    await queue.open()

    assert (await queue.stats()).waiting == 1
    await queue.aclose()


async def test_opened_by_many_at_once(stage):
    """There is one connection, whoever comes first."""
    queue = stage.queue()
    await asyncio.gather(*(queue.put(event(number)) for number in range(10)))

    assert (await queue.stats()).waiting == 10
    await queue.aclose()


ONE_LOOP_AFTER_THE_OTHER = """
import asyncio, sys
from event_queue.stage import event, nobody
from sendpulse_async.integrations.taskiq import EventQueue

async def put(is_last):
    await queue.put(event())
    print((await queue.stats()).waiting)
    if is_last:
        await queue.aclose()

queue = EventQueue(sys.argv[1], nobody, name=sys.argv[2])
asyncio.run(put(False))
asyncio.run(put(True))
"""


def test_one_event_loop_after_the_other(stage):
    """A queue that was left open in a loop that is closed works in the next one."""
    command = [sys.executable, "-c", ONE_LOOP_AFTER_THE_OTHER, stage.amqp, stage.name]
    ended = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, timeout=PATIENCE, check=False)

    assert (ended.returncode, ended.stdout) == (0, "1\n2\n")
    assert_silent(ended.stderr)  # the client complains of the connection that was left behind


async def test_two_event_loops_at_once(stage):
    """The second one is told where it is open."""
    async with stage.queue() as queue:
        for call in (lambda: queue.put(event()), queue.open, queue.aclose):
            with pytest.raises(JournalError, match="is open in another event loop"):
                await asyncio.to_thread(lambda call=call: asyncio.run(call()))
        await queue.open()
        await queue.put(event())


async def test_left_open(stage):
    """It warns."""
    queue = stage.queue()
    await queue.open()
    broker = queue.broker

    held = [queue]
    del queue
    with pytest.warns(ResourceWarning, match="unclosed EventQueue"):
        held.clear()

    await broker.shutdown()


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_trio():
    """It says that it is asyncio's."""
    with pytest.raises(ConfigurationError, match="asyncio"):
        await EventQueue(URL, nobody).put(event())


async def test_the_broker_carries_events_alone(stage):
    """taskiq's own tasks are refused, with what to do instead."""
    queue = stage.queue()
    assert isinstance(queue.broker, AioPikaBroker)

    @queue.broker.task
    async def other(canary):
        """Never run."""

    async with queue:
        for call in (other.kiq, queue.broker.kick):
            with pytest.raises(Exception) as caught:  # noqa: PT011 - taskiq wraps the first in its own
                await call(None)
            assert isinstance(caught.value.__cause__ or caught.value, ConfigurationError)


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://canary/"},
        {"url": "amqp://"},
        {"url": "amqp://canary:x@host:99999/"},
        {"url": 5},
        {"connect": None},
        {"name": ""},
        {"name": "canary\n"},
        {"name": "a" * 201},
        {"name": 5},
        {"retry_delay": 0},
        {"retry_delay": float("nan")},
        {"grace": -1},
        {"grace": True},
        {"patience": float("inf")},
        {"max_in_flight": 0},
        {"max_in_flight": 1.5},
        {"max_in_flight": 65_536},
    ],
)
def test_wrong_arguments(wrong):
    """They are refused when the queue is made, and not quoted."""
    arguments = {"url": URL, "connect": nobody, **wrong}
    with pytest.raises(ConfigurationError) as caught:
        EventQueue(arguments.pop("url"), arguments.pop("connect"), **arguments)

    assert_silent(*texts_of_error(caught.value))
