"""What runs on the workers of a Dask cluster: connections that the environment describes, parts that leave marks."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pyarrow
from redis.asyncio import Redis

from sendpulse_async import RawEventSender
from sendpulse_async.stores.redis import RedisDeliveryLog
from sendpulse_async.transports.direct import DirectTransport

from .frames import SCHEMA, row


@asynccontextmanager
async def connect():
    async with (
        Redis.from_url(os.environ["REDIS_URL"]) as redis,
        DirectTransport() as transport,
        RawEventSender.from_env(transport=transport, rate_limit=None) as sender,
    ):
        yield sender, RedisDeliveryLog(redis, name="spring sale")


@asynccontextmanager
async def connect_without_log():
    async with connect() as (sender, _):
        yield sender, None


@attrs.frozen
class Part:
    """Rows that follow each other.

    Attributes:
        folder: Gets a file for each time that the part is read.
        first: The number of its first row.
        count: How many they are.
        fails: How often it fails before it gives them.
        waits_for: A file that must be there before it gives them.
    """

    folder: str
    first: int
    count: int
    fails: int = 0
    waits_for: str = ""

    def __call__(self):
        times = len(list(Path(self.folder).glob(f"{self.first}.*")))
        (Path(self.folder) / f"{self.first}.{times}").touch()
        if times < self.fails:
            raise InterruptedError(f"part {self.first}")
        while self.waits_for and not Path(self.waits_for).exists():
            pass  # a thread of a worker has nobody else to give way to
        rows = [row(number) for number in range(self.first, self.first + self.count)]
        return [pyarrow.RecordBatch.from_pylist(rows, SCHEMA)]


def parts(folder, count, rows, **options):
    return [Part(str(folder), first, rows, **options) for first in range(0, count * rows, rows)]


def begun(folder):
    """The parts that were read, each as often as it was."""
    return sorted(int(mark.name.split(".")[0]) for mark in Path(folder).iterdir())
