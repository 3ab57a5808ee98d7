"""Batches of rows, what sends them over a scripted network, and what came of them as Python has it."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager

import pyarrow
from bulk.scripted import TAKEN, ScriptedTransport, item, sender_on
from journal.network import Network
from redis.asyncio import Redis

from sendpulse_async import RawEventSender
from sendpulse_async.integrations.arrow import send_batches
from sendpulse_async.stores.redis import RedisDeliveryLog


def row(number):
    return {"row_id": f"r{number}", **item(number)}


SCHEMA = pyarrow.schema({"row_id": pyarrow.string(), "email": pyarrow.string(), "n": pyarrow.int64()})


def batches(*sizes):
    """Batches of so many rows, numbered through."""
    first = 0
    for size in sizes:
        yield pyarrow.RecordBatch.from_pylist([row(number) for number in range(first, first + size)], SCHEMA)
        first += size


def ids(*numbers):
    return [f"r{number}" for number in numbers]


class Streamed:
    """Any frame that hands itself out as Arrow's stream: what polars, pandas and DuckDB have in common.

    Attributes:
        given: Batches that were asked for so far.
    """

    def __init__(self, batches, schema):
        self.given = 0
        self._batches = batches
        self._schema = schema

    def __arrow_c_stream__(self, requested_schema=None):
        return pyarrow.RecordBatchReader.from_batches(self._schema, self._counted()).__arrow_c_stream__()

    def _counted(self):
        for batch in self._batches:
            self.given += 1
            yield batch


class Connection:
    """A `connect` that counts.

    Args:
        make: Returns what sends, each time anew.
        redis: Where there is a delivery log.
        name: The log's.

    Attributes:
        opened: How often it was.
        closed: Likewise.
    """

    def __init__(self, make, redis=None, name="default"):
        self.make = make
        self.redis = redis
        self.name = name
        self.opened = self.closed = 0

    @asynccontextmanager
    async def __call__(self):
        async with AsyncExitStack() as stack:
            self.opened += 1
            stack.callback(self._close)
            sender = self.make()
            if isinstance(sender, RawEventSender):
                await stack.enter_async_context(sender)
            if self.redis is None:
                yield sender, None
            else:
                client = await stack.enter_async_context(Redis.from_url(self.redis.url))
                yield sender, RedisDeliveryLog(client, name=self.name)

    def _close(self):
        self.closed += 1


def connection(script=lambda n: TAKEN, redis=None, **options):
    """A connection to a scripted network, which is `connection.transport`."""
    transport = ScriptedTransport(script, **options) if redis is None else Network(script)
    made = Connection(lambda: sender_on(transport), redis)
    made.transport = transport
    return made


def results(sent):
    """All rows of the output, as dicts."""
    return [row for batch in sent for row in batch.to_pylist()]


def outcomes(sent):
    return [row["outcome"] for row in results(sent)]


def ended(generator):
    """Run a generator to its end; return what it yielded, and what it returned."""
    yielded = []
    while True:
        try:
            yielded.append(next(generator))
        except StopIteration as end:
            return yielded, end.value


def send(source, connect, **options):
    """Send all, and return the rows of the output."""
    return results(send_batches(source, connect, **options))
