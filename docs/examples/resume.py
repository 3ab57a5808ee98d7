import asyncio

from sendpulse_async import Journal, RawEventSender, send_many


async def main() -> None:
    people = ({"email": f"customer{n}@example.com", "order": n} for n in range(100))
    async with RawEventSender.from_env() as sender:
        report = await send_many(sender, people, journal=Journal("orders.journal"))
    print(report.summary())


asyncio.run(main())
