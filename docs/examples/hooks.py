import asyncio

from sendpulse_async import Attempt, Hooks, Pause, RawEventSender, Sending, send_many


class SlowRequests(Hooks):
    def on_attempt(self, attempt: Attempt, sending: Sending) -> None:
        if attempt.elapsed > 1:
            print(f"event {sending.index}: attempt {attempt.number} took {attempt.elapsed:.1f} s")

    def on_pause(self, pause: Pause) -> None:
        print(f"the quota is used up for {pause.seconds:.0f} s")


async def main() -> None:
    people = ({"email": f"customer{n}@example.com", "order": n} for n in range(100))
    async with RawEventSender.from_env(hooks=[SlowRequests()]) as sender:
        await send_many(sender, people)
    print(sender.stats())


asyncio.run(main())
