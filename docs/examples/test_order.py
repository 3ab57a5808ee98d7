from decimal import Decimal
from typing import Annotated

import pytest
from attrs import frozen

from sendpulse_async import EventSender, InvalidEventError
from sendpulse_async.testing import Recorder
from sendpulse_async.typed import Email, event


@event("order_paid")
@frozen(kw_only=True)
class OrderPaid:
    customer: Annotated[str, Email]
    total: Decimal


async def pay(sender: EventSender, customer: str, total: Decimal) -> None:  # your code
    await sender.send_event(OrderPaid(customer=customer, total=total))


@pytest.mark.asyncio
async def test_a_paid_order_is_told(sendpulse_recorder: Recorder) -> None:
    await pay(sendpulse_recorder, "ana@example.com", Decimal("12.50"))

    sendpulse_recorder.assert_sent("order_paid", email="ana@example.com", variables={"total": Decimal("12.50")})


@pytest.mark.asyncio
async def test_a_wrong_address_is_named(sendpulse_recorder: Recorder) -> None:
    with pytest.raises(InvalidEventError, match="customer: is not an address"):
        await pay(sendpulse_recorder, "ana", Decimal("12.50"))
