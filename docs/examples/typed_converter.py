import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from attrs import frozen
from cattrs import Converter

from sendpulse_async import RawEventSender, send_many
from sendpulse_async.typed import Email, SentAs, event

texts = Converter()
texts.register_unstructure_hook(Decimal, lambda amount: f"{amount:.2f} €")
texts.register_unstructure_hook(datetime, lambda moment: f"{moment:%d.%m.%Y}")


@event(converter=texts)  # no name: the URL of a RawEventSender names its event
@frozen
class Reminder:
    customer: Annotated[str, Email]
    amount: Annotated[Decimal, SentAs("amount due")]
    due: datetime


async def main() -> None:
    due = datetime(2027, 1, 31, tzinfo=UTC)
    reminders = [Reminder(f"customer{n}@example.com", Decimal(n), due) for n in range(1, 11)]
    async with RawEventSender.from_env() as sender:
        report = await send_many(sender, reminders)  # {"email": …, "amount due": "1.00 €", "due": "31.01.2027"}
    print(report.summary())


asyncio.run(main())
