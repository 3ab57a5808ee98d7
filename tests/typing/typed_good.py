"""Events of one's own classes that type checkers must accept in their strictest mode; it is never run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Generic, TypeVar, assert_type
from uuid import UUID

import cattrs
from attrs import define, field, frozen

from sendpulse_async import (
    AuthorizedEventSender,
    Event,
    EventLike,
    EventSender,
    Outbox,
    Outcome,
    RawEventSender,
    Receipt,
    Report,
    send_many,
    stream_many,
)
from sendpulse_async.integrations.taskiq import EventQueue
from sendpulse_async.testing import Recorder
from sendpulse_async.typed import AutomationId, Email, EventId, Phone, SentAs, event
from sendpulse_async.validation import Normalizer

T = TypeVar("T")
Address = Annotated[str, Email]


@frozen
class Item:
    sku: str
    price: Decimal


@event("order_paid")
@frozen(kw_only=True)
class OrderPaid:
    customer: Annotated[str, Email]
    mobile: Annotated[str, Phone] | None = None
    flow: Annotated[int | None, AutomationId] = None
    order: Annotated[UUID, EventId]
    total: Annotated[Decimal, SentAs("order total")]
    paid_at: datetime
    items: list[Item] = field(factory=list[Item])


@frozen(kw_only=True)
class GiftPaid(OrderPaid):
    wrapping: str = "silk"


@event(converter=cattrs.Converter(omit_if_default=True))
@define
class Opened(Generic[T]):
    email: Address
    page: T


@event("called")
@dataclass(frozen=True)
class Called:
    phone: str


class Own:
    async def send_event(self, event: EventLike) -> Receipt:
        return await RawEventSender("https://…").send_event(event)


async def orders(order: OrderPaid) -> AsyncIterator[OrderPaid]:
    yield order


async def use(sender: EventSender, raw: RawEventSender, named: AuthorizedEventSender, outbox: Outbox) -> None:
    order = OrderPaid(customer="a@b.c", order=UUID(int=1), total=Decimal(1), paid_at=datetime.now())
    gift = GiftPaid(customer="a@b.c", order=order.order, total=Decimal(2), paid_at=order.paid_at, wrapping="paper")
    assert_type(order.customer, str)
    assert_type(order.mobile, str | None)
    assert_type(await sender.send_event(order), Receipt)
    assert_type(await raw.send_event(Opened("a@b.c", "/"), deadline=5), Receipt)
    assert_type(await named.send_event(Called("+1"), event_name="other"), Receipt)
    assert_type(await Recorder().send_event(gift), Receipt)
    assert_type(await send_many(Own(), [order, Called("+1"), {"email": "a@b.c"}, Event(phone="+1")]), Report)
    assert_type(await send_many(named, orders(order)), Report)
    async with stream_many(sender, [order]) as outcomes:
        async for outcome in outcomes:
            assert_type(outcome, Outcome)
    assert_type(await outbox.put(order, event_name="order"), int)
    assert_type(Normalizer()(order), Event)
    either: EventLike = order
    assert_type(await sender.send_event(either), Receipt)


async def use_queue(queue: EventQueue) -> None:
    assert_type(await queue.put(Called("+1")), str)
