from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pyarrow

from sendpulse_async import RawEventSender
from sendpulse_async.integrations.arrow import send_batches


@asynccontextmanager
async def connect() -> AsyncIterator[tuple[RawEventSender, None]]:
    async with RawEventSender.from_env() as sender:
        yield sender, None  # a RedisDeliveryLog in its place lets an engine repeat the task


people = pyarrow.table({"email": [f"customer{n}@example.com" for n in range(100)], "order": range(100)})
for batch in send_batches(people, connect):  # row_id, outcome, error, attempts: a row for each row
    print(batch.column("outcome").value_counts())
