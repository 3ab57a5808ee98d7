"""Mistakes with events of one's own classes that both type checkers must find; it is never run.

Each comment names an error that is expected on its line: a checker that does not see it complains that the comment is
not needed, so that this file passes only while every mistake is found.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from attrs import frozen

from sendpulse_async import EventSender, Outbox, RawEventSender, send_many
from sendpulse_async.integrations.taskiq import EventQueue
from sendpulse_async.testing import Recorder
from sendpulse_async.typed import Email, SentAs, event
from sendpulse_async.validation import Normalizer


@event("order_paid")
@frozen(kw_only=True)
class OrderPaid:
    customer: Annotated[str, Email]
    total: Decimal


@event("called")
@dataclass
class Called:
    phone: str


class Bare:
    email: str = "a@b.c"


@event()
@frozen
class MarkedWithoutAnnotated:
    customer: Email  # type: ignore[valid-type]  # pyright: ignore[reportInvalidTypeForm]
    phone: str


def make() -> None:
    OrderPaid(custmer="a@b.c", total=Decimal(1))  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    OrderPaid(customer="a@b.c", total="12.50")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    OrderPaid(customer="a@b.c")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    OrderPaid("a@b.c", Decimal(1))  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    OrderPaid(customer=None, total=Decimal(1))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Called(phne="+1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Called(phone=380501234567)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    order = OrderPaid(customer="a@b.c", total=Decimal(1))
    order.totl.is_finite()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    order.total = Decimal(2)  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def declare() -> None:
    event(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    event("paid", converter=dict)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    SentAs(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def send(sender: EventSender, raw: RawEventSender, outbox: Outbox, queue: EventQueue) -> None:
    await sender.send_event(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await sender.send_event("order_paid")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await sender.send_event(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await sender.send_event(OrderPaid)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await sender.send_event(Bare())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await sender.send_event([OrderPaid(customer="a@b.c", total=Decimal(1))])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await raw.send_event(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await Recorder().send_event(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await outbox.put(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await queue.put(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await send_many(sender, [5])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    await send_many(sender, Called("+1"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Normalizer()(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
