"""The shops of the how-to pages, on their servers: a checkout never fails, or waits, because of SendPulse."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from sendpulse_async.sandbox import Fault

from .stage import application, checkout, example, serving, until, visit

WAITING = ["shop_fastapi", "shop_aiohttp"]
STORING = ["shop_fastapi_outbox", "shop_aiohttp_outbox"]
TROUBLE = {
    "hangs": Fault(drop="hang", times=None),
    "resets": Fault(drop="reset", times=None),
    "is out of order": Fault(status=503, times=None),
    "is full": Fault(status=429, retry_after=60, times=None),
    "refuses": Fault(status=400, times=None),
    "lets nobody in": Fault(status=403, times=None),
}

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("settings")]


@pytest.mark.parametrize("name", WAITING + STORING)
async def test_a_checkout_sends_its_event(name, sandbox):
    """Each order's event is sent once, with its number and its customer."""
    async with serving(application(example(name))) as shop:
        answers = [await visit(shop.port, checkout(number)) for number in range(5)]

    assert answers == [(200, {"ordered": number}) for number in range(5)]
    assert sorted(entry.payload["order"] for entry in sandbox.events) == list(range(5))
    assert {entry.email for entry in sandbox.events} == {f"c{number}@example.com" for number in range(5)}


async def test_the_readmes_application(sandbox):
    """What the README shows stores an order's event, and has it delivered when it ends."""
    async with serving(application(example("web"))) as shop:
        answer = await visit(shop.port, "/orders/5?email=a%40example.com")

    assert answer == (200, {"ordered": 5})
    sandbox.assert_sent(email="a@example.com", variables={"order": 5}, times=1)


@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize("name", WAITING)
async def test_a_checkout_never_fails_because_of_sendpulse(name, trouble, sandbox, caplog):
    """Whatever SendPulse does, the customer has an answer when the deadline of 0.8 s is over, and the log says why."""
    sandbox.add_fault(TROUBLE[trouble])

    async with serving(application(example(name))) as shop:
        began = time.monotonic()
        answers = await asyncio.gather(*(visit(shop.port, checkout(number)) for number in range(10)))
        took = time.monotonic() - began

    assert sorted(answers, key=str) == [(200, {"ordered": number}) for number in range(10)]
    assert took < 15  # on a machine that is busy; a sender without the deadline takes thirty
    said = [record for record in caplog.records if record.name == "shop"]
    assert len(said) == 10
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("name", WAITING)
async def test_a_checkout_survives_that_sendpulse_is_not_there(name, sandbox, caplog):
    """Where nobody listens any more, a checkout is answered all the same."""
    async with serving(application(example(name))) as shop:
        sandbox.__exit__(None, None, None)
        answer = await visit(shop.port, checkout(1))
        sandbox.__enter__()

    assert answer == (200, {"ordered": 1})
    assert "NotSentError" in caplog.text


@pytest.mark.parametrize("name", WAITING + STORING)
async def test_an_address_that_is_none_spoils_no_checkout(name, sandbox, caplog):
    """A customer's wrong address is a line in the log, without the address, and no failed order."""
    async with serving(application(example(name))) as shop:
        answer = await visit(shop.port, "/checkout/1?email=nobody")

    assert answer == (200, {"ordered": 1})
    said = [record.getMessage() for record in caplog.records if record.name in ("shop", "sendpulse_async")]
    assert any("InvalidEventError" in text for text in said)
    assert not any("nobody" in text for text in said)
    assert not sandbox.events


@pytest.mark.parametrize("name", STORING)
async def test_a_checkout_with_an_outbox_does_not_wait(name, sandbox):
    """While SendPulse hangs, orders go through at once; when it is well again, each event arrives."""
    sandbox.add_fault(Fault(status=503, retry_after=0.2, times=None))

    async with serving(application(example(name))) as shop:
        answers = [await visit(shop.port, checkout(number)) for number in range(5)]
        sick = await visit(shop.port, "/health", method="GET")
        sandbox.clear_faults()
        await until(lambda: sandbox.accepted_count == 5, "the events arrive")

    assert answers == [(200, {"ordered": number}) for number in range(5)]
    assert sick == (200, {"pending": 5, "dead": 0})
    assert sorted(entry.payload["order"] for entry in sandbox.events) == list(range(5))


@pytest.mark.parametrize("name", ["shop_two", "shop_aiohttp_two"])
async def test_two_senders_keep_apart(name, sandbox):
    """Orders go to the event's own URL, and subscriptions out by name, through the sender that each one asks for."""
    async with serving(application(example(name))) as shop:
        order = await visit(shop.port, "/orders/5?email=a%40example.com")
        letter = await visit(shop.port, f"/newsletter{'/' * (name != 'shop_two')}?email=b%40example.com")

    assert (order[0], letter) == (200, (200, {"subscribed": "b@example.com"}))
    assert [(entry.event, entry.email) for entry in sandbox.events] == [
        (None, "a@example.com"),
        ("subscribed", "b@example.com"),
    ]
