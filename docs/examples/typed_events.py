import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID, uuid4

from attrs import frozen

from sendpulse_async import AuthorizedEventSender
from sendpulse_async.typed import Email, EventId, event


@frozen
class Item:
    sku: str
    price: Decimal


@event("order_paid")
@frozen(kw_only=True)
class OrderPaid:
    customer: Annotated[str, Email]
    order: Annotated[UUID, EventId]
    total: Decimal
    paid_at: datetime
    items: list[Item]


async def main() -> None:
    paid = OrderPaid(
        customer="ana@example.com",
        order=uuid4(),
        total=Decimal("12.50"),
        paid_at=datetime.now(UTC),
        items=[Item("cup", Decimal("12.50"))],
    )
    async with AuthorizedEventSender.from_env() as sender:
        await sender.send_event(paid)  # {"email": "ana@example.com", "total": 12.5, "paid_at": "2026-…", "items": […]}


asyncio.run(main())
