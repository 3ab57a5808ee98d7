import asyncio

from sendpulse_async import Event, RawEventSender


async def main() -> None:
    async with RawEventSender.from_env() as sender:  # SENDPULSE_EVENT_URL
        event = Event(email="ana@example.com", variables={"product": "Cup", "price": 12.5})
        receipt = await sender.send_event(event)
    print(f"accepted in {receipt.attempts} attempt(s)")


asyncio.run(main())
