import asyncio

from sendpulse_async import RawEventSender, send_many


async def main() -> None:
    people = ({"email": f"customer{n}@example.com", "order": n} for n in range(100))
    async with RawEventSender.from_env() as sender:
        report = await send_many(sender, people, max_in_flight=32)
    for outcome in report.failures:
        print(outcome.index, outcome.status.value, outcome.error)
    report.raise_for_failures()


asyncio.run(main())
