import asyncio

from sendpulse_async import RawEventSender, send_many
from sendpulse_async.validation import Normalizer


async def main() -> None:
    rows = [
        {"email": "Ana@EXAMPLE.com"},  # is sent as Ana@example.com
        {"phone": "(050) 123-45-67"},  # is sent as +380501234567
        {"email": "ben@example..com"},
    ]
    async with RawEventSender.from_env() as sender:
        report = await send_many(sender, Normalizer(region="UA").each(rows))
    for outcome in report.failures:
        print(outcome.index, outcome.error)  # 2 email: has two dots in a row


asyncio.run(main())
