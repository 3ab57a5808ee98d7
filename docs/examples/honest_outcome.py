import asyncio

from sendpulse_async import Event, NotSentError, RawEventSender, RejectedError, UnknownDeliveryError


async def main() -> None:
    event = Event(email="ana@example.com", variables={"order": 17})
    async with RawEventSender.from_env() as sender:
        try:
            receipt = await sender.send_event(event, deadline=10)  # seconds, for all of this call
        except NotSentError as error:
            print(f"not sent, so it may be sent again: {error}")
        except UnknownDeliveryError as error:
            print(f"unknown, SendPulse may have it: {error}")
        except RejectedError as error:
            print(f"rejected, it will not be taken as it is: {error}")
        else:
            print(f"accepted in {receipt.attempts} attempt(s), after {receipt.elapsed:.0f} s")


asyncio.run(main())
