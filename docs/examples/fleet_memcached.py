import asyncio
import os

import aiomcache

from sendpulse_async import AuthorizedEventSender
from sendpulse_async.stores.memcached import MemcachedTokenStore


async def main() -> None:
    client = aiomcache.Client(os.environ["MEMCACHED_HOST"], int(os.environ["MEMCACHED_PORT"]))
    try:
        store = MemcachedTokenStore(client)
        async with AuthorizedEventSender.from_env(event_name="bought", token_store=store) as sender:
            await sender.send_event({"email": "ana@example.com"})
    finally:
        await client.close()


asyncio.run(main())
