import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from distributed import Client
from redis.asyncio import Redis

from sendpulse_async import RawEventSender
from sendpulse_async.integrations.dask import send_parquet
from sendpulse_async.stores.redis import RedisDeliveryLog


@asynccontextmanager
async def connect() -> AsyncIterator[tuple[RawEventSender, RedisDeliveryLog]]:  # on each worker, in its environment
    async with Redis.from_url(os.environ["REDIS_URL"]) as redis, RawEventSender.from_env() as sender:
        yield sender, RedisDeliveryLog(redis, name="spring sale")


def main() -> None:
    with Client() as client:  # the cluster of DASK_SCHEDULER_ADDRESS, or one on this machine
        for batch in send_parquet(client, "orders.parquet", connect):
            for row in batch.to_pylist():
                if row["outcome"] != "accepted":
                    print(row["row_id"], row["outcome"], row["error"])


if __name__ == "__main__":
    main()
