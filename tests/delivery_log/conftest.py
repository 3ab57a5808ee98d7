"""A real Redis, a client of each kind, and a log in it; its client knows asyncio alone."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from sendpulse_async.stores.redis import RedisDeliveryLog


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(params=["bytes", "text"])
async def client(request, redis_server):
    """A client that returns bytes, and one that decodes all that it reads."""
    async with Redis(port=redis_server.port, decode_responses=request.param == "text") as client:
        yield client


@pytest.fixture
def log(client):
    return RedisDeliveryLog(client, name="list")
