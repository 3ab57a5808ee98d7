import asyncio

from sendpulse_async import Outbox, RawEventSender


async def main() -> None:
    async with RawEventSender.from_env() as sender, Outbox("outbox.db", sender) as outbox:
        for number in range(10):
            await outbox.put({"email": "ana@example.com", "order": number})  # on disk when it returns
        drained = await outbox.aclose(drain=10)  # leaving the block does the same
    print(f"{drained.delivered} delivered, {drained.pending} left for the next time, {drained.dead} given up")


asyncio.run(main())
