"""What stands in Redis of an event, who may change it, and what becomes of a run whose Redis fails."""

from __future__ import annotations

import time

import anyio
import attrs
import pytest
from bulk.scripted import TAKEN, URL, item, items, sender_on
from journal.network import Network
from redis.asyncio import Redis

from sendpulse_async import ConfigurationError, Event, JournalError, NotSentError, Outcome, OutcomeStatus, send_many
from sendpulse_async._journal import ClaimedError, Entry, EntryState, identify
from sendpulse_async.stores.redis import RedisDeliveryLog

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

IDENTITY = identify(Event.from_mapping(item(0)), 0, URL)
UNSENT = Outcome(0, None, OutcomeStatus.NOT_SENT, error=NotSentError("no", status_code=503))


def entry(state, holder="somebody.0"):
    return Entry(0, state, holder=holder)


# Who may write what


@pytest.mark.parametrize("state", EntryState)
async def test_only_what_was_not_taken_can_be_claimed(log, state):
    """Whatever else stands there is another's."""
    await log.put(IDENTITY, entry(state))

    async with log.run() as mine:
        if state in {EntryState.NOT_SENT, EntryState.REFUSED}:
            await mine.claim(IDENTITY)
            assert (await mine.find(IDENTITY)).state is EntryState.INTENT
        else:
            with pytest.raises(ClaimedError) as caught:
                await mine.claim(IDENTITY)
            assert caught.value.entry.state is state


async def test_a_doubt_is_claimed_by_who_saw_it_last(log):
    """Of two who decide to send it again, one does."""
    await log.put(IDENTITY, entry(EntryState.UNKNOWN))

    async with log.run() as first, log.run() as second:
        seen = [await first.find(IDENTITY), await second.find(IDENTITY)]
        await first.claim(IDENTITY, seen[0])
        with pytest.raises(ClaimedError):
            await second.claim(IDENTITY, seen[1])


async def test_a_claim_whose_answer_was_lost_stands(log):
    """A client that asks again, as redis-py does, is not taken for another."""
    claim = entry(EntryState.INTENT, "me.0")

    assert await log.put(IDENTITY, claim)
    assert await log.put(IDENTITY, claim)
    assert not await log.put(IDENTITY, entry(EntryState.INTENT, "me.1"))


@pytest.mark.parametrize("state", [EntryState.INTENT, EntryState.ACCEPTED, EntryState.REJECTED, EntryState.UNKNOWN])
async def test_another_ones_word_stays(log, state):
    """That this process did not send an event says nothing of the one that claimed it."""
    await log.put(IDENTITY, entry(state))

    async with log.run() as mine:
        await mine.settle(IDENTITY, UNSENT)

    assert (await log.look_up(IDENTITY))[0].state is state


# What is kept, and for how long


async def test_an_entry_comes_back_as_it_was_written(log):
    """With its time, which is Redis's own."""
    began = time.time()
    async with log.run() as mine:
        await mine.settle(IDENTITY, UNSENT)
        found = await mine.find(IDENTITY)

    assert began - 1 < found.at < time.time() + 1
    assert attrs.evolve(found, at=0.0, holder="") == Entry(0, EntryState.NOT_SENT, 0, 503, "no", 0.0)


async def test_it_tells_how_old_a_claim_is(client):
    """By what is left of its time, so no clock of ours matters, and a changed retention neither."""
    await RedisDeliveryLog(client, retention=1000).put(IDENTITY, entry(EntryState.INTENT))
    (key,) = await client.keys("*")
    await client.pexpire(key, 900_000)

    found, _ = await RedisDeliveryLog(client, retention=5).look_up(IDENTITY)

    assert 99 < time.time() - found.at < 102


async def test_an_entry_ends_with_its_retention(client):
    """Each has its own, from its latest word on."""
    log = RedisDeliveryLog(client, retention=50)
    await log.put(IDENTITY, entry(EntryState.INTENT))

    (key,) = await client.keys("*")
    assert 45_000 < await client.pttl(key) <= 50_000


async def test_redis_sees_no_payload_no_address_and_no_url(client):
    """Digests alone, whatever came of an event."""
    events = [Event.from_mapping({**item(0), "note": "c4n4ry"}, event_id="c4n4ry"), {"email": "c4n4ry at example.com"}]
    async with sender_on(Network()) as sender:
        await send_many(sender, events, journal=RedisDeliveryLog(client))

    keys = await client.keys("*")
    kept = repr([(key, await client.hgetall(key)) for key in keys])
    assert len(keys) == 2
    assert not [word for word in ("c4n4ry", "example", "/events/id") if word in kept]


# Redis fails


async def test_a_redis_that_is_down_stops_a_run_before_the_first_byte(own_redis):
    """Nothing may leave unclaimed; what is not sent is said so, and the run can be resumed."""
    network, outcomes = Network(), []
    own_redis.stop()
    async with Redis(port=own_redis.port) as client, sender_on(network) as sender:
        with pytest.raises(JournalError, match=r"the delivery log in Redis cannot be used \(ConnectionError\)"):
            await send_many(sender, items(3), journal=RedisDeliveryLog(client), on_outcome=outcomes.append)
        own_redis.start()
        report = await send_many(sender, items(3), journal=RedisDeliveryLog(client))

    assert outcomes
    assert (report.accepted, sorted(network.sent)) == (3, [0, 1, 2])


async def test_a_redis_that_hangs_is_waited_for_no_longer_than_its_patience(own_redis):
    """A client without a time limit of its own is no reason to hang with it."""
    async with Redis(port=own_redis.port) as client, sender_on(Network()) as sender:
        await client.ping()
        own_redis.freeze()
        began = time.monotonic()
        with pytest.raises(JournalError, match="TimeoutError"):
            await send_many(sender, items(3), journal=RedisDeliveryLog(client, patience=0.2))
        took = time.monotonic() - began
        own_redis.thaw()

    assert took < 5


async def test_a_redis_that_crashes_forgets_no_claim(own_redis):
    """With `appendfsync always`: killed in the middle and started again, it knows what may have been sent."""
    taken, outcomes = Network(), []

    def crash(n):
        if n == 40:
            own_redis.stop()
        return TAKEN

    async with Redis(port=own_redis.port) as client, sender_on(Network(crash, taken.taken)) as sender:
        with pytest.raises(JournalError):
            await send_many(sender, items(100), journal=RedisDeliveryLog(client), on_outcome=outcomes.append)
        own_redis.start()
        async with sender_on(taken) as second:
            report = await send_many(second, items(100), journal=RedisDeliveryLog(client))

    assert max(taken.taken.values()) == 1
    assert report.total == report.accepted + report.resumed + report.unknown == 100
    assert report.unknown <= 32


async def test_the_script_is_loaded_again(client, log):
    """A Redis that was started anew knows none."""
    async with log.run() as mine:
        await mine.claim(IDENTITY)
        await client.script_flush()
        await mine.settle(IDENTITY, UNSENT)

    assert (await log.look_up(IDENTITY))[0].state is EntryState.NOT_SENT


async def test_a_key_that_redis_threw_away_is_told(client, log, monkeypatch):
    """Between a refused claim and the look at who has it."""
    await log.put(IDENTITY, entry(EntryState.INTENT))

    async def gone(identity):
        await client.flushall()

    monkeypatch.setattr(log, "look_up", gone)
    async with log.run() as mine:
        with pytest.raises(JournalError, match="noeviction"):
            await mine.claim(IDENTITY)


@pytest.mark.parametrize("rubbish", [("state", "lost"), ("state", "intent", "kept", "often"), ("state", "intent")])
async def test_rubbish_in_its_place_is_told(client, log, rubbish):
    """It is no licence to send: somebody else uses these keys."""
    await log.put(IDENTITY, entry(EntryState.INTENT))
    (key,) = await client.keys("*")
    await client.delete(key)
    await client.hset(key, items=list(rubbish))

    async with log.run() as mine:
        with pytest.raises(JournalError, match="holds something else"):
            await mine.find(IDENTITY)


# How it is made


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"client": "redis://"}, "client must be a redis.asyncio.Redis, not str"),
        ({"name": ""}, "name must be a string"),
        ({"retention": 0}, "retention must be a number of seconds, more than 0"),
        ({"retention": float("inf")}, "retention must be a number of seconds"),
        ({"patience": True}, "patience must be a number of seconds"),
    ],
)
async def test_a_wrong_argument_is_named(options, text):
    """With what it must be."""
    arguments = {"client": Redis(), **options}
    with pytest.raises(ConfigurationError, match=text):
        RedisDeliveryLog(arguments.pop("client"), **arguments)


def test_trio_is_told_clearly():
    """Before anything is asked or sent."""

    async def run_on_trio():
        async with sender_on(Network()) as sender:
            await send_many(sender, items(1), journal=RedisDeliveryLog(Redis()))

    with pytest.raises(ConfigurationError, match="RedisDeliveryLog needs asyncio"):
        anyio.run(run_on_trio, backend="trio")


async def test_its_repr_names_the_list_alone(log):
    """A client's own repr may hold a password."""
    assert repr(log) == "RedisDeliveryLog(name='list')"
