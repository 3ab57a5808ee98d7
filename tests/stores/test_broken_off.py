"""A call that is cancelled, on real servers: nobody is ever given the answer to another call."""

from __future__ import annotations

import random

import aiomcache
import anyio
import pytest
import redis

from sendpulse_async import ClientCredentials, Token

from .places import memcached_store, redis_store

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

ACCOUNT, OTHER, LOST = (ClientCredentials("id", secret).account for secret in ("secret", "other", "lost"))
OPENED = {"redis": redis_store, "memcached": memcached_store}


@pytest.fixture
async def store(kind, server):
    async with OPENED[kind](server.port) as store:
        yield store


def calls(store, number):
    """One of each call."""
    return [
        store.load(LOST),
        store.save(LOST, Token(f"lost-{number}")),
        store.try_lock(LOST, f"lost-{number}"),
        store.unlock(LOST, f"lost-{number}"),
    ]


async def check(store, number):
    """Call each verb, some of them at the same time, and compare what they say with what must be."""
    owner, loaded = f"owner-{number}", []

    async def load(account):
        loaded.append((await store.load(account)).text)

    await store.save(ACCOUNT, Token(f"token-{number}"))
    locked = [await store.try_lock(ACCOUNT, owner), await store.try_lock(ACCOUNT, "another")]
    async with anyio.create_task_group() as group:
        group.start_soon(load, ACCOUNT)
        group.start_soon(load, OTHER)
    await store.unlock(ACCOUNT, owner)

    assert sorted(loaded) == ["other", f"token-{number}"]
    assert locked == [True, False]


async def test_a_server_that_thaws_answers_nobody_twice(server, store):
    """What was asked while it was frozen is answered when nobody listens any more."""
    await store.save(OTHER, Token("other"))
    await check(store, 0)

    for freeze in range(3):
        server.freeze()
        for call in calls(store, freeze):
            with anyio.move_on_after(0.03):
                await call
        server.thaw()
        for number in range(20):
            await check(store, number)


async def test_calls_cancelled_at_any_moment_disturb_no_others(store):
    """Five hundred calls are cancelled before, within and after their way to the server and back."""
    chance = random.Random(6)
    await store.save(OTHER, Token("other"))

    for number in range(125):
        for call in calls(store, number):
            with anyio.move_on_after(chance.uniform(0, 0.001)):
                await call
        await check(store, number)


async def test_a_server_that_comes_back_is_used_again(server, store):
    """Connections that were lost with it cost a failed call each at most."""
    await store.save(OTHER, Token("other"))
    await check(store, 0)
    server.stop()
    with pytest.raises((OSError, redis.RedisError, aiomcache.ClientException)):
        await store.load(OTHER)

    server.start()
    await store.save(OTHER, Token("other"))

    await check(store, 1)
