"""Quotas that share a real Redis, on virtual time."""

from __future__ import annotations

import pytest
from fakes import backend, now

from sendpulse_async import RateLimit
from sendpulse_async.stores.redis import RedisQuota

from .clocked import ClockedRedis


@pytest.fixture
def anyio_backend():
    """asyncio alone, whose clock jumps to the first who wakes."""
    return backend("asyncio")


@pytest.fixture
def client_for(redis_server):
    """Return a function that makes a client, as each process has one of its own."""
    made = []

    def make(**options):
        made.append(ClockedRedis(redis_server.url, **options))
        return made[-1]

    yield make
    for client in made:
        client.close_blocking()


@pytest.fixture
def quota_for(client_for):
    """Return a function that makes the quota of one more process, with a client of its own."""

    def make(*, client=None, name="default", processes=1, **limit):
        rate_limit = RateLimit(**limit) if limit else None
        return RedisQuota(client or client_for(), rate_limit, name=name, processes=processes, clock=now)

    return make
