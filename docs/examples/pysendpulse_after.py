import asyncio

from sendpulse_async import AuthorizedEventSender, FileTokenStore, SendPulseError

ORDERS = [("ana@example.com", 12.5), ("ben@example.com", 3.0)]


async def main() -> None:
    store = FileTokenStore("tokens")  # the same file as before
    async with AuthorizedEventSender.from_env(token_store=store) as sender:  # SENDPULSE_CLIENT_ID, …_CLIENT_SECRET
        for email, total in ORDERS:
            try:
                await sender.send_event({"email": email, "total": total}, event_name="purchase")
            except SendPulseError as error:
                print("failed:", error)


asyncio.run(main())
