"""A real Redis in real time: clients of all kinds, crashes, and more than one event loop or process."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import time

import anyio
import pytest
import servers
from canaries import own_records
from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster

from sendpulse_async import RateLimit
from sendpulse_async.stores.redis import RedisQuota

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(100)]

KEY = "sendpulse:quota:{default}"
BOUND = 30
"""Seconds within which what must happen has happened."""


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(autouse=True)
def hear_all(caplog):
    caplog.set_level(logging.INFO, "sendpulse_async")


def said(caplog):
    return [record.levelname for record in own_records(caplog)]


async def seconds_for(quota, count, crowd=10):
    """Wait so often, so many at once; return how long it took."""
    began = time.monotonic()
    left = iter(range(count))

    async def work():
        for _ in left:
            await quota.wait()

    async with anyio.create_task_group() as group:
        for _ in range(crowd):
            group.start_soon(work)
    return time.monotonic() - began


async def until(is_so, quota):
    """Go on waiting for places until something is so."""
    with anyio.fail_after(BOUND):
        while not is_so():
            await quota.wait()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"decode_responses": True},
        {"protocol": 2},
        {"protocol": 3, "decode_responses": True},
        {"single_connection_client": True},
        {"max_connections": 1},
        {"pool": BlockingConnectionPool},
    ],
    ids=repr,
)
async def test_any_client_serves(redis_server, caplog, options):
    """Whatever a client's settings are, a crowd on it keeps the rate, on one connection, and it stays open."""
    make = options.pop("pool", None)
    client = (
        Redis(connection_pool=make.from_url(redis_server.url)) if make else Redis.from_url(redis_server.url, **options)
    )
    quota = RedisQuota(client, RateLimit(per_second=200))

    took = await seconds_for(quota, 41, crowd=40)

    assert 0.19 < took < 0.19 + BOUND
    assert said(caplog) == []
    assert await client.ping()
    await client.aclose()
    await client.connection_pool.disconnect()


async def test_a_cluster_has_all_in_one_slot(tmp_path, caplog):
    """On a cluster, which refuses keys of several slots, a quota works, by a cluster's client too."""
    with ClusterOfOne(tmp_path) as server:
        alone = Redis.from_url(server.url)
        whole = RedisCluster.from_url(server.url)
        one, other = (RedisQuota(client, RateLimit(per_second=100)) for client in (alone, whole))

        await seconds_for(one, 5)
        await seconds_for(other, 5)

        assert await alone.exists(KEY, f"{KEY}:processes") == 2
        assert await alone.zcard(f"{KEY}:processes") == 2
        assert said(caplog) == []
        await alone.aclose()
        await whole.aclose()


class ClusterOfOne(servers.Redis):
    """A cluster that consists of one server."""

    def __init__(self, folder):
        super().__init__(folder)
        self._command += ["--cluster-enabled", "yes", "--cluster-port", str(servers.free_port())]

    def start(self):
        super().start()
        self.ask("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        deadline = time.monotonic() + BOUND
        while self.ask("SET", "here", "1") != "+OK":
            assert time.monotonic() < deadline, "the cluster does not begin"
            time.sleep(0.02)
        return self


async def test_a_script_that_was_flushed_is_loaded_again(redis_server, caplog):
    """Neither SCRIPT FLUSH nor a new server is noticed."""
    client = Redis.from_url(redis_server.url)
    quota = RedisQuota(client, RateLimit(per_second=20))

    for _ in range(3):
        await quota.wait()
        assert redis_server.ask("SCRIPT", "FLUSH") == "+OK"

    assert said(caplog) == []
    await client.aclose()


async def test_redis_is_killed_and_comes_back(own_redis, caplog):
    """Before a restart and after it the rate is kept, a place at most is lost, and each change is told once."""
    client = Redis.from_url(own_redis.url)
    quota = RedisQuota(client, RateLimit(per_second=100))
    await seconds_for(quota, 20)

    own_redis.stop()
    away = await seconds_for(quota, 50)
    own_redis.start()
    await until(lambda: said(caplog)[1:] == ["INFO"], quota)
    await until(lambda: not quota._has_share, quota)
    back = await seconds_for(quota, 50)

    assert 0.48 < away < BOUND
    assert 0.48 < back < BOUND
    assert said(caplog) == ["WARNING", "INFO"]
    await client.aclose()


async def test_redis_was_never_there(own_redis, caplog):
    """A process that begins while Redis is down sends its share, and finds Redis when it begins."""
    own_redis.stop()
    client = Redis.from_url(own_redis.url)
    quota = RedisQuota(client, RateLimit(per_second=100), processes=2)

    took = await seconds_for(quota, 20)
    own_redis.start()
    await until(lambda: said(caplog)[1:] == ["INFO"], quota)

    assert took > 0.39
    assert said(caplog) == ["WARNING", "INFO"]
    await client.aclose()


async def test_redis_is_frozen_and_thaws(own_redis, caplog):
    """A Redis that accepts everything and answers nothing is as good as gone, and is there again when it answers."""
    client = Redis.from_url(own_redis.url)
    quota = RedisQuota(client, RateLimit(per_second=100))
    await seconds_for(quota, 20)

    own_redis.freeze()
    longest = 0.0
    for _ in range(30):
        longest = max(longest, await seconds_for(quota, 1))
    own_redis.thaw()
    await until(lambda: said(caplog)[1:] == ["INFO"], quota)

    assert longest < BOUND / 2
    assert said(caplog) == ["WARNING", "INFO"]
    await client.aclose()


async def test_a_frozen_redis_leaves_no_task_behind(own_redis, caplog):
    """Questions that were given up end, so that a program with a Redis that hangs can end."""
    client = Redis.from_url(own_redis.url)
    quota = RedisQuota(client, None)
    await quota.wait()
    before = asyncio.all_tasks()

    own_redis.freeze()
    await anyio.sleep(0.05)
    await quota.wait()
    with anyio.fail_after(BOUND):
        while asyncio.all_tasks() - before:
            await anyio.sleep(0.01)

    own_redis.thaw()
    await client.aclose()


async def test_a_key_that_is_somebody_elses_stops_nobody(redis_server, caplog):
    """Where the key is of another kind all keep to their shares, and use the quota once it is gone."""
    assert redis_server.ask("SET", KEY, "mine") == "+OK"
    client = Redis.from_url(redis_server.url)
    quota = RedisQuota(client, RateLimit(per_second=100))

    await seconds_for(quota, 10)
    assert redis_server.ask("GET", KEY) == "$4"
    redis_server.ask("DEL", KEY)
    await until(lambda: said(caplog)[1:] == ["INFO"], quota)

    assert said(caplog) == ["WARNING", "INFO"]
    await client.aclose()


def test_one_event_loop_after_the_other(redis_server, caplog):
    """A quota of module scope, with a client for each event loop's own connections, keeps its rate over both."""
    client = Redis.from_url(redis_server.url)
    quota = RedisQuota(client, RateLimit(per_second=20))

    async def once():
        await seconds_for(quota, 5)
        await client.connection_pool.disconnect()

    began = time.monotonic()
    asyncio.run(once())
    asyncio.run(once())

    assert time.monotonic() - began >= 9 / 20
    assert said(caplog) == []


BEGINNING = """
import asyncio, os, sys
from redis.asyncio import Redis
from sendpulse_async import RateLimit
from sendpulse_async.stores.redis import RedisQuota

client = Redis.from_url(sys.argv[1])
quota = RedisQuota(client, RateLimit(per_second=20))
"""
DEAD_LOOP = """
asyncio.run(quota.wait())

async def again():
    for _ in range(40):
        await quota.wait()

asyncio.run(again())
"""
FORKED = """
async def once():
    await quota.wait()
    await client.connection_pool.disconnect()

asyncio.run(once())
children = []
for _ in range(2):
    if not (pid := os.fork()):
        asyncio.run(once())
        os._exit(0)
    children.append(pid)
asyncio.run(once())
sys.exit(any(os.waitpid(pid, 0)[1] for pid in children))
"""


def run(server, program):
    """Run a program whose warnings are its own affair."""
    command = [sys.executable, "-W", "ignore", "-c", BEGINNING + program, server.url]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=BOUND)


def test_an_event_loop_that_finds_the_connections_of_a_dead_one(redis_server):
    """Who leaves a client's connections behind falls back at worst, and sends all the same."""
    done = run(redis_server, DEAD_LOOP)

    assert done.returncode == 0, done.stderr


def test_a_forked_child_is_another_process(redis_server):
    """A child that goes on with its parent's quota counts as a process of its own."""
    done = run(redis_server, FORKED)

    assert done.returncode == 0, done.stderr
    assert redis_server.ask("ZCARD", f"{KEY}:processes") == ":3"
