import asyncio
import os

from redis.asyncio import Redis

from sendpulse_async import AuthorizedEventSender, RateLimit, send_many
from sendpulse_async.stores.redis import RedisDeliveryLog, RedisQuota, RedisTokenStore


async def main() -> None:
    people = ({"email": f"customer{n}@example.com", "order": n} for n in range(100))
    async with Redis.from_url(os.environ["REDIS_URL"]) as redis:
        quota = RedisQuota(redis, RateLimit(per_second=10, burst=10))
        async with AuthorizedEventSender.from_env(
            event_name="bought", token_store=RedisTokenStore(redis), rate_limit=quota
        ) as sender:
            report = await send_many(sender, people, journal=RedisDeliveryLog(redis, name="orders of May"))
    print(report.summary())


asyncio.run(main())
