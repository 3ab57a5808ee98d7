"""What Redis alone has: key names of one's own, values of other kinds, and a connection that is dropped."""

from __future__ import annotations

import time

import pytest
import redis.asyncio

from sendpulse_async import ClientCredentials, Token
from sendpulse_async.stores.redis import RedisTokenStore

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

ACCOUNT = ClientCredentials("id", "secret").account
KEY = f"sendpulse:token:{ACCOUNT}"


@pytest.fixture
async def client(redis_server):
    async with redis.asyncio.Redis(port=redis_server.port) as client:
        yield client


async def test_all_keys_begin_with_the_prefix(client):
    """Several installations share one Redis."""
    store = RedisTokenStore(client, prefix="mine:")
    await store.save(ACCOUNT, Token("abc"))
    await store.try_lock(ACCOUNT, "me")

    assert {key.decode() for key in await client.keys()} == {f"mine:{ACCOUNT}", f"mine:{ACCOUNT}:lock"}
    assert await RedisTokenStore(client).load(ACCOUNT) is None


@pytest.mark.parametrize(
    "command", [("RPUSH", KEY, "abc"), ("HSET", KEY, "abc", "abc"), ("SADD", KEY, "abc")], ids=lambda words: words[0]
)
async def test_a_value_of_another_kind_is_as_good_as_absent(client, command):
    """A list is no token, and a token takes its place."""
    store = RedisTokenStore(client)
    await client.execute_command(*command)

    loaded = await store.load(ACCOUNT)
    await store.save(ACCOUNT, Token("abc"))

    assert loaded is None
    assert (await store.load(ACCOUNT)).text == "abc"


async def test_a_token_and_its_life_come_in_one_transaction(client, redis_server):
    """Nothing happens between the two, and it is one way there and back."""
    store = RedisTokenStore(client)
    await store.save(ACCOUNT, Token("abc", time.time() + 100))
    async with redis.asyncio.Redis(port=redis_server.port) as other, other.monitor() as monitor:
        await store.load(ACCOUNT)
        seen = [(await monitor.next_command())["command"] for _ in range(4)]

    assert seen == ["MULTI", f"GET {KEY}", f"PTTL {KEY}", "EXEC"]


async def test_the_client_stays_open(client):
    """Who opened it closes it."""
    store = RedisTokenStore(client)
    await store.load(ACCOUNT)
    del store

    assert await client.ping()
