"""Wherever an event can be given, an object of a declared class can, and the outcome has it as it was given."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from decimal import Decimal
from typing import Annotated
from unittest.mock import MagicMock

import anyio
import pyarrow
import pytest
from attrs import define, frozen

from sendpulse_async import (
    AuthorizedEventSender,
    ClientCredentials,
    ConfigurationError,
    DuplicateEventError,
    Event,
    InvalidEventError,
    Journal,
    Outbox,
    OutcomeStatus,
    RawEventSender,
    Receipt,
    Response,
    send_many,
    stream_many,
)
from sendpulse_async.integrations.arrow import send_batches
from sendpulse_async.sandbox import Sandbox
from sendpulse_async.testing import Recorder
from sendpulse_async.typed import Email, EventId, event
from sendpulse_async.validation import Normalizer

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


@event("order_paid")
@frozen(kw_only=True)
class OrderPaid:
    customer: Annotated[str, Email]
    order: Annotated[int, EventId]
    total: Decimal = Decimal("12.50")


@event()
@define
class Opened:
    customer: Annotated[str, Email]
    page: str = "/"


@frozen
class Undeclared:
    email: str


GOOD = OrderPaid(customer="ana@example.com", order=1)
WRONG = OrderPaid(customer="nobody", order=2)
WHY = ("customer: is not an address: something@somewhere is needed",)


class Own:
    """A sender of the caller's own, which knows of no classes."""

    def __init__(self):
        self.given = []

    async def send_event(self, event):
        self.given.append(event)
        return Receipt(200, 1, 0.0, confirmed=True)


async def test_a_raw_sender_takes_an_event_without_a_name():
    """It leaves through a real socket as the flat object; one with a name is refused, for the URL names it."""
    async with Sandbox() as sandbox, RawEventSender(sandbox.event_url) as sender:
        await sender.send_event(Opened("ana@example.com", "/cart"))
        with pytest.raises(InvalidEventError, match=r"^event_name: a raw event URL names its event already"):
            await sender.send_event(GOOD)

    assert [entry.payload for entry in sandbox.events] == [{"email": "ana@example.com", "page": "/cart"}]


async def test_an_event_goes_by_its_classs_name():
    """The class names it; a call's own name beats that, and the sender's names what has none."""
    async with Sandbox() as sandbox:
        auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
        async with AuthorizedEventSender(auth, event_name="default", base_url=sandbox.origin) as sender:
            await sender.send_event(GOOD)
            await sender.send_event(GOOD, event_name="other")
            await sender.send_event(Opened("ana@example.com"))

    assert [entry.event for entry in sandbox.events] == ["order_paid", "other", "default"]
    assert sandbox.events[0].payload == {"email": "ana@example.com", "total": 12.5}


async def test_a_recorder_knows_it_by_name():
    """`assert_sent` finds an object's event by name, contact and variables."""
    recorder = Recorder()

    await recorder.send_event(GOOD)

    (one,) = recorder.assert_sent("order_paid", email="ana@example.com", variables={"total": Decimal("12.5")}, times=1)
    assert one.event == Event(
        email="ana@example.com", event_id="1", event_name="order_paid", variables={"total": Decimal("12.5")}
    )


@pytest.mark.parametrize("wrong", [WRONG, Undeclared("a@b.c"), OrderPaid])
async def test_a_wrong_one_is_refused_before_anything_is_sent(wrong):
    """`send_event` raises, as for any other wrong event, and whoever listens hears of the object as it was given."""
    heard = []
    recorder = Recorder(on_outcome=heard.append)

    with pytest.raises(InvalidEventError):
        await recorder.send_event(wrong)

    recorder.assert_nothing_sent()
    assert [(outcome.event, outcome.status) for outcome in heard] == [(wrong, OutcomeStatus.REJECTED)]


async def test_a_bulk_run_takes_all_kinds_together():
    """A wrong one ends nothing but itself, and each outcome has its event as it was given."""
    recorder, heard = Recorder(), []
    mixed = [GOOD, WRONG, {"email": "a@b.c"}, Event(email="a@b.c"), Opened("a@b.c"), Undeclared("a@b.c"), OrderPaid]

    report = await send_many(recorder, mixed, on_outcome=heard.append)

    by_index = {outcome.index: outcome for outcome in heard}
    assert all(by_index[index].event is given for index, given in enumerate(mixed))
    assert [outcome.index for outcome in report.failures] == [1, 2, 3, 4, 5, 6]
    assert by_index[1].error.problems == WHY
    assert (report.accepted, report.rejected) == (1, 6)


async def test_a_stream_takes_them_from_an_async_iterator():
    """So does `stream_many`, whose input may be asynchronous."""

    async def orders():
        for number in range(5):
            yield OrderPaid(customer="a@b.c", order=number)

    async with stream_many(Recorder(), orders()) as outcomes:
        told = [outcome async for outcome in outcomes]

    assert sorted(outcome.event.order for outcome in told) == [0, 1, 2, 3, 4]


async def test_one_event_is_not_many():
    """An object that can be iterated is one event all the same, where many are asked for."""

    @event()
    @frozen
    class Walked:
        email: str

        def __iter__(self):
            return iter([{"email": self.email}])

    with pytest.raises(ConfigurationError, match="an iterable of events, not one event"):
        await send_many(Recorder(), Walked("a@b.c"))
    with pytest.raises(ConfigurationError, match="iterable"):
        Normalizer().each(Walked("a@b.c"))


async def test_a_journal_knows_it_by_its_identity(tmp_path):
    """What a run settled is not sent by the next one, and the same identity twice is a duplicate."""
    recorder = Recorder()
    orders = [OrderPaid(customer="a@b.c", order=number) for number in (1, 2, 1)]

    first = await send_many(recorder, orders, max_in_flight=1, journal=Journal(tmp_path / "run"))
    again = await send_many(recorder, reversed(orders), max_in_flight=1, journal=Journal(tmp_path / "run"))

    assert (first.accepted, first.rejected) == (2, 1)
    assert isinstance(first.failures[0].error, DuplicateEventError)
    assert (again.accepted, len(recorder.events)) == (0, 2)


async def test_a_sender_of_the_callers_own_is_given_an_event():
    """Which knows only events and mappings; a wrong object never comes to it, and the outcome has what was given."""
    own, heard = Own(), []

    report = await send_many(own, [GOOD, WRONG, {"email": "a@b.c"}], max_in_flight=1, on_outcome=heard.append)

    assert own.given == [
        Event(email="ana@example.com", event_id="1", event_name="order_paid", variables={"total": 12.5}),
        {"email": "a@b.c"},
    ]
    assert [outcome.event for outcome in heard] == [GOOD, WRONG, {"email": "a@b.c"}]
    assert report.failures[0].error.problems == WHY


async def test_a_journal_before_a_sender_of_the_callers_own(tmp_path):
    """An object that cannot be read is settled as rejected, and leaves no doubt behind."""
    own = Own()

    for accepted, resumed in ((1, 0), (0, 2)):
        report = await send_many(own, [GOOD, WRONG], max_in_flight=1, journal=Journal(tmp_path / "run"))
        assert (report.accepted, report.resumed, report.unknown) == (accepted, resumed, 0)

    assert len(own.given) == 1


async def test_a_normalizer_makes_an_event_of_it():
    """Its address is brought into one spelling, its class is left behind."""
    normal = Normalizer()(OrderPaid(customer="Ana@EXAMPLE.com", order=1))

    assert (normal.email, normal.event_id, normal.event_name) == ("Ana@example.com", "1", "order_paid")
    (refused,) = Normalizer().each([WRONG])
    assert (refused.given, refused.problems) == (WRONG, WHY)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_an_outbox_keeps_what_was_put(tmp_path):
    """An object that is changed after `put` is delivered as it was, under its class's name."""
    gate, recorder = asyncio.Event(), Recorder(event_name="default")

    class Slow:
        async def send_event(self, event):
            await gate.wait()
            return await recorder.send_event(event)

    async with Outbox(tmp_path / "outbox", Slow()) as outbox:
        opened = Opened("ana@example.com", "/first")
        await outbox.put(opened)
        opened.page = "/second"
        await outbox.put(GOOD)
        with pytest.raises(InvalidEventError, match=r"^customer: "):
            await outbox.put(WRONG)
        gate.set()

    assert [one.payload for one in recorder.events] == [
        {"email": "ana@example.com", "page": "/first"},
        {"email": "ana@example.com", "total": 12.5},
    ]
    assert [one.event_name for one in recorder.events] == ["default", "order_paid"]


async def test_an_object_that_is_changed_while_it_is_sent():
    """`send_event` reads it once: what leaves is what it was when the call began."""
    opened, is_asked, is_changed, bodies = Opened("ana@example.com", "/first"), anyio.Event(), anyio.Event(), []

    class Slow:
        async def send(self, request):
            is_asked.set()
            await is_changed.wait()
            request.progress.is_handed_over = True
            bodies.append(json.loads(request.body))
            return Response(200, ((b"content-type", b"application/json"),), b'{"result": true}')

        async def aclose(self):
            pass

    sender = RawEventSender("http://127.0.0.1:9/events/id/x/1", transport=Slow())
    async with sender, anyio.create_task_group() as group:
        group.start_soon(sender.send_event, opened)
        await is_asked.wait()
        opened.page = "/second"
        is_changed.set()

    assert bodies == [{"email": "ana@example.com", "page": "/first"}]


def test_a_row_can_become_one():
    """`to_event` may return an object of a declared class; a wrong one is the row's own failure."""
    recorder = Recorder()

    class Connection:
        async def __aenter__(self):
            return recorder, None

        async def __aexit__(self, *_):
            pass

    rows = pyarrow.table({"mail": ["a@b.c", "nobody"], "number": [1, 2]})
    sending = send_batches(rows, Connection, to_event=lambda row: OrderPaid(customer=row["mail"], order=row["number"]))

    assert [row["outcome"] for batch in sending for row in batch.to_pylist()] == ["accepted", "rejected"]
    recorder.assert_sent("order_paid", email="a@b.c", times=1)


@pytest.mark.parametrize(
    "given", [MagicMock(), MagicMock(spec=OrderPaid), dataclasses.make_dataclass("D", ["email"])("a@b.c")]
)
async def test_what_only_looks_like_one_is_none(given):
    """A mock, or an object of a class with the same fields, is refused and not guessed at."""
    with pytest.raises(InvalidEventError, match=r"^event: "):
        await Recorder().send_event(given)
