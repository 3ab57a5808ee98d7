import asyncio

from sendpulse_async import RawEventSender, send_many
from sendpulse_async.transports.direct import DirectTransport


async def main() -> None:
    people = ({"email": f"customer{n}@example.com", "order": n} for n in range(100))
    async with DirectTransport() as transport, RawEventSender.from_env(transport=transport) as sender:
        report = await send_many(sender, people, max_in_flight=100)
    report.raise_for_failures()


asyncio.run(main())
