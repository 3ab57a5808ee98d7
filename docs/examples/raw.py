import asyncio

from sendpulse_async import RawEventSender


async def main() -> None:
    async with RawEventSender.from_env() as sender:  # SENDPULSE_EVENT_URL
        receipt = await sender.send_event({"email": "ana@example.com", "product": "Cup", "price": 12.5})
    print(f"accepted in {receipt.attempts} attempt(s)")


asyncio.run(main())
